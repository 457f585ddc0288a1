/* Forming a request: from what the caller gave to what goes onto the wire. */
#include "base/ascii.h"
#include "base/json.h"
#include "operation/operation.h"
#include "rules/violation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pomex_raw_free(struct pomex_raw *raw)
{
    if (!raw)
        return;
    free(raw->method);
    curl_slist_free_all(raw->headers);
    free(raw);
}

static bool append_escaped(pomex_buffer *b, const char *text, size_t length)
{
    static const char unreserved[] = "0123456789abcdefghijklmnopqrstuvwxyz-"
                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ._~";
    if (strspn(text, unreserved) == length) /* as almost every id: nothing to escape */
        return pomex_buffer_puts(b, text);
    char *escaped = curl_easy_escape(NULL, text, (int)length);
    bool done = escaped && pomex_buffer_puts(b, escaped);
    curl_free(escaped);
    return done;
}

char *pomex_request_url(const pomex_operation *op)
{
    pomex_buffer url = {0};
    bool done = pomex_buffer_puts(&url, op->client->settings.base_url);
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
        return pomex_json_text(value, &length); /* its numbers know no locale */
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

static bool append_field(pomex_buffer *url_path, const char *key, const json_t *value)
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
            !append_field(url_path, key, value))
            return false;
    }
    return true;
}

/* Sets op->body; a client-side error, or NULL. */
static pomex_error *set_body(pomex_operation *op, const json_t *body)
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

static pomex_error *form_call(pomex_operation *op, const char *id, size_t id_length,
                              json_t *payload, bool validate)
{
    pomex_violation violation;
    const pomex_endpoint *endpoint = op->endpoint;
    if (endpoint->has_id && !pomex_rules_check_id(id, id_length, &violation))
        return pomex_violation_error(endpoint->name, &violation);
    if (endpoint->has_id && !(op->object_id = strndup(id, id_length)))
        return pomex_error_memory();
    if (validate && !pomex_rules_check(endpoint->id, payload, &violation))
        return pomex_violation_error(endpoint->name, &violation);
    if (endpoint->effect != POMEX_EFFECT_NONE) {
        json_t *body = payload ? json_incref(payload) : json_object();
        pomex_error *error = NULL;
        if (!body || (endpoint->id == POMEX_ASSET_CREATE && !pomex_lookup_prepare(op, &body)))
            error = pomex_error_memory();
        else
            error = set_body(op, body);
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

static pomex_operation *new_call(pomex_client *c, const pomex_endpoint *endpoint,
                                 const pomex_call_options *options)
{
    if (!pomex_client_open(c))
        return NULL;
    double timeout = options->timeout >= 0 ? options->timeout : c->settings.options.budget;
    pomex_operation *op = pomex_operation_new(c, &pomex_call_stage, endpoint,
                                              pomex_clock_after(pomex_now(c), timeout));
    if (op)
        op->max_retries =
            options->max_retries >= 0 ? options->max_retries : c->settings.options.max_retries;
    return op;
}

static pomex_operation *begin(pomex_operation *op, pomex_error *error)
{
    if (error)
        pomex_operation_finish(op, error);
    else
        pomex_operation_queue(op);
    pomex_operation_kick(op->client);
    return op;
}

pomex_operation *pomex_client_call(pomex_client *c, pomex_endpoint_id endpoint, const char *id,
                                   size_t id_length, json_t *payload,
                                   const pomex_call_options *options)
{
    options = pomex_call_options_given(options);
    pomex_operation *op = new_call(c, pomex_endpoint_of(endpoint), options);
    if (!op)
        return NULL;
    return begin(op, form_call(op, id, id_length, payload, !options->no_validation));
}

/* ------------------------------------------------------------------------ the caller's own */

/* Headers that pomex or libcurl sets: a second one would contradict the first. */
static bool is_reserved(const char *name)
{
    static const char *const names[] = {"Authorization",     "Connection", "Content-Length",
                                        "Content-Type",      "Expect",     "Host",
                                        "Transfer-Encoding", "Upgrade"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (pomex_ascii_equal(name, names[i]))
            return true;
    return false;
}

static pomex_error *query_violation(const char *key, const json_t *value)
{
    pomex_violation violation = {.value = ""};
    pomex_violation_set(
        &violation, key, value,
        "query \"%.64s\" must be a string, a number, a boolean or a list of them", key);
    return pomex_violation_error(pomex_endpoint_of(POMEX_REQUEST)->name, &violation);
}

/* Appends the caller's own query: a list repeats its key, and nothing is dropped but nulls. */
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
        if (one && !append_field(url_path, key, value))
            return pomex_error_memory();
        json_array_foreach(value, i, item)
        {
            if (json_is_object(item) || json_is_array(item) || json_is_null(item))
                return query_violation(key, item);
            if (!append_field(url_path, key, item))
                return pomex_error_memory();
        }
    }
    return NULL;
}

static const char *header_problem(const char *name, const json_t *value)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const char *text = json_string_value(value);
    if (!*name || name[strspn(name, token)])
        return "is no header's name";
    if (is_reserved(name))
        return "is set by pomex";
    if (!text || strlen(text) != json_string_length(value))
        return "must be a string without NUL";
    for (; *text; text++)
        if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
            return "must not contain control characters";
    return NULL;
}

static pomex_error *form_headers(pomex_operation *op, const json_t *headers)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)headers, name, value)
    {
        const char *wrong = header_problem(name, value);
        if (wrong) {
            pomex_violation violation = {.value = ""};
            snprintf(violation.message, sizeof violation.message, "header \"%.64s\" %s", name,
                     wrong);
            return pomex_violation_error(op->endpoint->name, &violation);
        }
        char *line = NULL;
        const char *text = json_string_value(value);
        if (asprintf(&line, *text ? "%s: %s" : "%s;", name, text) < 0)
            return pomex_error_memory();
        struct curl_slist *longer = curl_slist_append(op->raw->headers, line);
        free(line);
        if (!longer)
            return pomex_error_memory();
        op->raw->headers = longer;
    }
    return NULL;
}

static pomex_error *form_request(pomex_operation *op, const char *method, const char *path,
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
    op->raw = calloc(1, sizeof *op->raw);
    if (!op->raw || !(op->raw->method = strdup(method)))
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
    error = form_headers(op, headers);
    return error || !body ? error : set_body(op, body);
}

pomex_operation *pomex_client_request(pomex_client *c, const char *method, const char *path,
                                      json_t *query, json_t *body, json_t *headers,
                                      const pomex_call_options *options)
{
    options = pomex_call_options_given(options);
    pomex_operation *op = new_call(c, pomex_endpoint_of(POMEX_REQUEST), options);
    if (!op)
        return NULL;
    return begin(op, form_request(op, method, path, query, body, headers));
}
