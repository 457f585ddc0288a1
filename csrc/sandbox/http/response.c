#include "sandbox/http/response.h"

#include "rules/rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void pomex_sb_response_header(pomex_sb_response *response, const char *name, const char *value)
{
    char *copy = strdup(value);
    if (!copy) {
        response->broken = true;
        return;
    }
    for (size_t i = 0; i < response->header_count; i++) {
        if (strcasecmp(response->headers[i].name, name) == 0) {
            free(response->headers[i].value);
            response->headers[i].value = copy;
            return;
        }
    }
    char *label = response->header_count < POMEX_SB_HEADERS ? strdup(name) : NULL;
    if (!label) {
        free(copy);
        response->broken = true;
        return;
    }
    response->headers[response->header_count++] = (pomex_sb_header){label, copy};
}

static void replace_bytes(pomex_sb_response *response, int status, const char *type)
{
    free(response->owned);
    response->owned = NULL;
    response->fixed = NULL;
    response->owned_length = response->fixed_length = 0;
    response->start = response->length = 0;
    response->status = status;
    if (type)
        pomex_sb_response_header(response, "Content-Type", type);
}

void pomex_sb_response_own(pomex_sb_response *response, int status, const char *type,
                           char *bytes, size_t length)
{
    replace_bytes(response, status, type);
    response->broken = response->broken || !bytes;
    response->owned = bytes;
    response->owned_length = response->length = bytes ? length : 0;
}

void pomex_sb_response_fixed(pomex_sb_response *response, int status, const char *type,
                             const char *bytes, size_t length)
{
    replace_bytes(response, status, type);
    response->fixed = bytes;
    response->fixed_length = response->length = length;
}

void pomex_sb_response_json(pomex_sb_response *response, int status, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    json_decref(value);
    pomex_sb_response_own(response, status, "application/json", text, text ? strlen(text) : 0);
}

void pomex_sb_response_error(pomex_sb_response *response, int status, const char *format, ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    bool typed = status == 400 || status == 401 || status == 502;
    json_t *error = typed ? json_pack("{s:s, s:s}", "message", message, "type",
                                      pomex_rules_error_type(status))
                          : json_pack("{s:s}", "message", message);
    pomex_sb_response_json(response, status, json_pack("{s:o}", "error", error));
}

bool pomex_sb_response_unavailable(pomex_sb_response *response)
{
    static const char text[] = "{\"error\":{\"message\":\"service temporarily unavailable\"}}";
    pomex_sb_response_clear(response);
    pomex_sb_response_fixed(response, 503, "application/json", text, sizeof text - 1);
    return false;
}

void pomex_sb_response_clear(pomex_sb_response *response)
{
    free(response->owned);
    for (size_t i = 0; i < response->header_count; i++) {
        free(response->headers[i].name);
        free(response->headers[i].value);
    }
    *response = (pomex_sb_response){0};
}
