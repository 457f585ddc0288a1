#include "operation/raw.h"

#include "operation/request.h"
#include "rules/violation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pomex_raw {
    char *method;
};

static void raw_free(void *own)
{
    struct pomex_raw *raw = own;
    free(raw->method);
    free(raw);
}

static const char *raw_method(const pomex_operation *op)
{
    const struct pomex_raw *raw = op->own;
    return raw->method;
}

const pomex_kind pomex_raw_kind = {.free = raw_free, .method = raw_method};

void pomex_raw_dress(const pomex_operation *op, pomex_request *r)
{
    r->method = raw_method(op);
}

static pomex_error *query_violation(const char *key, const json_t *value)
{
    pomex_violation violation = {.value = ""};
    pomex_violation_set(
        &violation, key, value,
        "query \"%.64s\" must be a string, a number, a boolean or a list of them", key);
    return pomex_violation_error(pomex_endpoint_of(POMEX_REQUEST)->name, &violation);
}

/* Appends the caller's own query: a list repeats its key, and only nulls are left out. */
static pomex_error *form_query(pomex_buffer *url_path, const json_t *query)
{
    const char *key;
    json_t *value, *item;
    size_t i;
    json_object_foreach((json_t *)(uintptr_t)query, key, value)
    {
        if (json_is_object(value))
            return query_violation(key, value);
        bool one = !json_is_array(value) && !json_is_null(value);
        if (one && !pomex_request_append_field(url_path, key, value))
            return pomex_error_memory();
        json_array_foreach(value, i, item)
        {
            if (json_is_object(item) || json_is_array(item) || json_is_null(item))
                return query_violation(key, item);
            if (!pomex_request_append_field(url_path, key, item))
                return pomex_error_memory();
        }
    }
    return NULL;
}

pomex_error *pomex_raw_form(pomex_operation *op, const char *method, const char *path,
                            const json_t *query, const json_t *body, const json_t *headers)
{
    pomex_violation violation = {.value = ""};
    if (!*method || method[strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")])
        snprintf(violation.message, sizeof violation.message,
                 "method must be an upper-case word, such as GET or POST");
    for (const char *p = path; !violation.message[0] && *p; p++)
        if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f || *p == '#')
            snprintf(violation.message, sizeof violation.message,
                     "path must hold neither spaces, control bytes nor \"#\"");
    if (path[0] != '/')
        snprintf(violation.message, sizeof violation.message, "path must begin with \"/\"");
    if (violation.message[0])
        return pomex_violation_error(op->endpoint->name, &violation);
    struct pomex_raw *raw = calloc(1, sizeof *raw);
    op->kind = &pomex_raw_kind;
    op->own = raw;
    if (!raw || !(raw->method = strdup(method)))
        return pomex_error_memory();
    if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0)
        op->effect = POMEX_EFFECT_NONE;
    pomex_buffer url_path = {0};
    pomex_error *error = pomex_error_memory();
    if (pomex_buffer_puts(&url_path, path))
        error = form_query(&url_path, query);
    if (error) {
        pomex_buffer_free(&url_path);
        return error;
    }
    op->url_path = url_path.data;
    error = pomex_operation_dress(op, headers);
    return error || !body ? error : pomex_request_set_body(op, body);
}
