#include "operation/request.h"

#include "base/json.h"
#include "operation/held.h"
#include "operation/lookup.h"
#include "rules/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool append_escaped(pomex_buffer *b, const char *text, size_t length)
{
    static const char unreserved[] = "0123456789abcdefghijklmnopqrstuvwxyz-"
                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ._~";
    if (strspn(text, unreserved) == length) /* almost every id: nothing to escape */
        return pomex_buffer_puts(b, text);
    char *escaped = curl_easy_escape(NULL, text, (int)length);
    bool done = escaped && pomex_buffer_puts(b, escaped);
    curl_free(escaped);
    return done;
}

char *pomex_request_url(const pomex_operation *op)
{
    pomex_buffer url = {0};
    bool done = pomex_buffer_puts(&url, op->context->settings->base_url);
    if (op->url_path)
        done = done && pomex_buffer_puts(&url, op->url_path);
    else
        done = done && pomex_buffer_puts(&url, op->endpoint->path) &&
               (!op->object_id || append_escaped(&url, op->object_id, strlen(op->object_id)));
    if (done)
        return url.data;
    pomex_buffer_free(&url);
    return NULL;
}

/* A number, boolean or array of strings as text; the caller frees it. NULL: no memory. */
static char *query_text(const json_t *value)
{
    pomex_buffer joined = {0};
    size_t i, length;
    json_t *item;
    if (!json_is_array(value))
        return pomex_json_text(value, &length); /* it writes numbers the same in every locale */
    json_array_foreach(value, i, item)
    {
        if (!json_is_string(item))
            continue;
        if ((joined.length && !pomex_buffer_puts(&joined, ",")) ||
            !pomex_buffer_puts(&joined, json_string_value(item))) {
            pomex_buffer_free(&joined);
            return NULL;
        }
    }
    return joined.data ? joined.data : strdup("");
}

static bool append_value(pomex_buffer *url_path, const json_t *value)
{
    if (json_is_string(value))
        return append_escaped(url_path, json_string_value(value), json_string_length(value));
    char *text = query_text(value);
    bool done = text && append_escaped(url_path, text, strlen(text));
    free(text);
    return done;
}

bool pomex_request_append_field(pomex_buffer *url_path, const char *key, const json_t *value)
{
    const char *mark = url_path->data && strchr(url_path->data, '?') ? "&" : "?";
    return pomex_buffer_puts(url_path, mark) && append_escaped(url_path, key, strlen(key)) &&
           pomex_buffer_puts(url_path, "=") && append_value(url_path, value);
}

bool pomex_request_append_query(pomex_buffer *url_path, const json_t *query)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)query, key, value)
    {
        if (!json_is_null(value) && !json_is_object(value) &&
            !pomex_request_append_field(url_path, key, value))
            return false;
    }
    return true;
}

pomex_error *pomex_request_set_body(pomex_operation *op, const json_t *body)
{
    pomex_violation violation = {.value = ""};
    if (pomex_json_is_deep(body)) {
        snprintf(violation.message, sizeof violation.message,
                 "the body must be at most %d levels deep", POMEX_MAX_DEPTH);
        return pomex_violation_error(op->endpoint->name, &violation);
    }
    op->body = pomex_json_text(body, &op->body_length);
    if (!op->body)
        return pomex_error_memory();
    if (op->body_length <= POMEX_MAX_BODY)
        return NULL;
    snprintf(violation.message, sizeof violation.message, "the body must be at most %u bytes",
             POMEX_MAX_BODY);
    snprintf(violation.value, sizeof violation.value, "it is %zu bytes", op->body_length);
    return pomex_violation_error(op->endpoint->name, &violation);
}

pomex_error *pomex_request_form(pomex_operation *op, const char *id, size_t id_length,
                                json_t *payload, bool validate)
{
    pomex_violation violation;
    const pomex_endpoint *endpoint = op->endpoint;
    if (endpoint->has_id && !pomex_rules_check_id(id, id_length, &violation))
        return pomex_violation_error(endpoint->name, &violation);
    if (endpoint->has_id && !(op->object_id = strndup(id, id_length)))
        return pomex_error_memory();
    if (endpoint->id == POMEX_GENERATION_GET)
        pomex_held_note(op->object_id, pomex_context_recent(op->context));
    if (validate && !pomex_rules_check(endpoint->id, payload, &violation))
        return pomex_violation_error(endpoint->name, &violation);
    if (endpoint->effect != POMEX_EFFECT_NONE) {
        json_t *body = payload ? json_incref(payload) : json_object();
        pomex_error *error = NULL;
        if (!body || (endpoint->id == POMEX_ASSET_CREATE && !pomex_lookup_prepare(op, &body)))
            error = pomex_error_memory();
        else
            error = pomex_request_set_body(op, body);
        json_decref(body);
        return error;
    }
    if (!payload || endpoint->has_id)
        return NULL;
    pomex_buffer url_path = {0};
    if (pomex_buffer_puts(&url_path, endpoint->path) &&
        pomex_request_append_query(&url_path, payload)) {
        op->url_path = url_path.data;
        return NULL;
    }
    pomex_buffer_free(&url_path);
    return pomex_error_memory();
}

pomex_error *pomex_call_check(pomex_endpoint_id endpoint, json_t *payload)
{
    pomex_violation violation;
    return pomex_rules_check(endpoint, payload, &violation)
               ? NULL
               : pomex_violation_error(pomex_endpoint_of(endpoint)->name, &violation);
}
