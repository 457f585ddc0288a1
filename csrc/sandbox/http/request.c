#include "sandbox/http/request.h"

#include "base/json.h"
#include "rules/rules.h"

#include <string.h>

const char *pomex_sb_request_header(const pomex_sb_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

struct query {
    json_t *object;
    const char *wrong;
};

static enum MHD_Result take_argument(void *cls, enum MHD_ValueKind kind, const char *key,
                                     size_t key_size, const char *value, size_t value_size)
{
    (void)kind;
    struct query *query = cls;
    if (json_object_setn_new(query->object, key, key_size,
                             json_stringn(value ? value : "", value_size)))
        query->wrong = "the query must be valid UTF-8";
    return query->wrong ? MHD_NO : MHD_YES;
}

json_t *pomex_sb_request_query(pomex_sb_request *request)
{
    struct query query = {json_object(), NULL};
    if (!query.object) {
        pomex_sb_response_unavailable(&request->response);
        return NULL;
    }
    MHD_get_connection_values_n(request->connection, MHD_GET_ARGUMENT_KIND, take_argument,
                                &query);
    if (query.wrong) {
        json_decref(query.object);
        pomex_sb_response_error(&request->response, 400, "%s", query.wrong);
        return NULL;
    }
    return query.object;
}

json_t *pomex_sb_request_json(pomex_sb_request *request)
{
    if (request->received > POMEX_MAX_BODY) {
        pomex_sb_response_error(&request->response, 413, "body must be at most 8 MiB");
        return NULL;
    }
    json_t *value = pomex_json_parse(request->body ? request->body : "", request->length);
    if (json_is_object(value))
        return value;
    json_decref(value);
    pomex_sb_response_error(&request->response, 400, "body must be valid JSON");
    return NULL;
}

bool pomex_sb_request_under(const pomex_sb_request *request, const char *folder)
{
    size_t length = strlen(folder);
    return strncmp(request->target, folder, length) == 0 &&
           (request->target[length] == '\0' || request->target[length] == '/');
}
