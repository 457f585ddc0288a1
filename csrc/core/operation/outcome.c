#include "operation/outcome.h"

#include "base/json.h"
#include "base/secret.h"
#include "operation/retry.h"
#include "rules/rules.h"

#include <stdlib.h>
#include <string.h>

#define BODY_SHOWN 512

/* The text or number under `key`, as text; NULL: there is none. The caller frees it. */
static char *name_of(const pomex_operation *op, const json_t *said, const char *key)
{
    const json_t *value = json_object_get(said, key);
    const char *text = pomex_json_string(said, key);
    if (text)
        return pomex_operation_shown(op, text);
    return json_is_number(value) ? pomex_json_text(value, NULL) : NULL;
}

/* Keeps the service's own code and type of an error: those in the "error" of `answer` (which can be
 * NULL). */
static void set_names(const pomex_operation *op, pomex_error *error, const json_t *answer)
{
    const json_t *said = json_object_get(answer, "error");
    pomex_error_set_service_code(error, name_of(op, said, "code"));
    pomex_error_set_service_type(error, name_of(op, said, "type"));
}

/* Whether base URL and path both have /v1. A gateway can serve the API below its own /v1, so this
 * is a mistake only if the answer is a 404. */
static bool has_version_twice(const pomex_operation *op)
{
    const char *path = op->url_path ? op->url_path : op->endpoint->path;
    const char *base = op->context->settings->base_url;
    size_t length = strlen(base);
    return length >= 3 && strcmp(base + length - 3, "/v1") == 0 &&
           strncmp(path, "/v1/", 4) == 0;
}

/* The service's own words in {"error": {"message": …}} or {"error": …}; NULL: none. */
static const char *message_of(const json_t *root)
{
    const char *message = pomex_json_string(json_object_get(root, "error"), "message");
    return message ? message : pomex_json_string(root, "error");
}

/* Makes the error of an answer. The message is the service's own if there is one. */
static pomex_error *answer_error(const pomex_operation *op, const pomex_outcome *o)
{
    int status = o->status;
    const char *encoding = o->reply->content_encoding;
    if (status < 300)
        return pomex_operation_error_new(
            op, "decode_error", "the answer is not what %s promises%s%s", op->endpoint->name,
            *encoding ? "; its Content-Encoding is " : "", encoding);
    if (o->of_proxy)
        return pomex_operation_error_new(op, "connection_error",
                                         "the proxy refuses: it answered HTTP %d", status);
    if (status == 304)
        return pomex_operation_error_new(op, "api_error", "not modified");
    if (status < 400)
        return pomex_operation_error_new(
            op, "api_error",
            "the service answered with a redirect (HTTP %d), which pomex "
            "does not follow: the key stays here",
            status);
    const char *type = pomex_rules_error_type(status);
    if (!op->endpoint->of_service)
        return pomex_operation_error_new(op, type, "the link answered HTTP %d", status);
    const char *message = message_of(o->refusal);
    pomex_error *error =
        message ? pomex_operation_error_new(op, type, "%s", message)
                : pomex_operation_error_new(
                      op, type, "HTTP %d, without a message of the service", status);
    set_names(op, error, o->refusal);
    if (status == 404 && has_version_twice(op))
        pomex_error_set_hint(error, "base_url ends in /v1, and pomex adds the /v1 of its paths "
                                    "itself: leave it out of base_url");
    return error;
}

static pomex_error *untrusted_error(const pomex_operation *op, const pomex_outcome *o)
{
    pomex_error *error = pomex_operation_error_new(op, "connection_error",
                                                   "the %s's certificate is not trusted: %s",
                                                   o->of_proxy ? "proxy" : "server", o->why);
    pomex_error_set_hint(
        error, "if it should be trusted, name its issuer's certificates in the option ca_file "
               "or ca_path, or in $CURL_CA_BUNDLE, $SSL_CERT_FILE or $SSL_CERT_DIR");
    return error;
}

pomex_error *pomex_outcome_late(const pomex_operation *op)
{
    return pomex_operation_error_new(
        op, "late_error", "send_by passed before the request was sent; nothing was sent");
}

static pomex_error *certificate_error(const pomex_operation *op, const pomex_outcome *o)
{
    pomex_error *error = pomex_operation_error_new(op, "connection_error", "%s", o->why);
    pomex_error_set_hint(
        error, "client_cert must be a certificate in PEM, client_key its private key, and "
               "client_key_password the one that the key is encrypted with");
    return error;
}

static pomex_error *ending_error(const pomex_operation *op, const pomex_outcome *o)
{
    switch (o->ending) {
    case POMEX_UNTRUSTED:
        return untrusted_error(op, o);
    case POMEX_TIMED_OUT:
    case POMEX_STALLED:
        return pomex_operation_error_new(op, "timeout_error", "%s after %.3g s", o->why,
                                         pomex_clock_seconds(o->took));
    case POMEX_OVERSIZED:
        return pomex_operation_error_new(
            op, "decode_error", "the answer is longer than pomex takes (%s)",
            o->reply->too_long ? "64 KiB of headers" : "8 MiB of body");
    case POMEX_CANCELLED:
        return pomex_operation_error_new(op, "cancelled_error", "%s", o->why);
    case POMEX_LATE:
        return pomex_outcome_late(op);
    case POMEX_NO_MEMORY:
        return pomex_error_memory();
    default:
        if (pomex_retry_certificate_unread(o) && op->context->settings->client_cert)
            return certificate_error(op, o);
        return pomex_operation_error_new(op, "connection_error", "%s%s",
                                         o->refused_there ? "the proxy refuses: " : "", o->why);
    }
}

/* Stores the beginning of the body. The API key is masked, also where the cut would leave only a
 * part of it. */
static void show_body(pomex_error *error, const pomex_buffer *body, const char *key)
{
    size_t room = BODY_SHOWN + (key ? strlen(key) : 0);
    size_t length = body->length < room ? body->length : room;
    error->body = malloc(length + 1);
    if (!error->body)
        return;
    memcpy(error->body, body->data, length);
    pomex_secret_hide(error->body, length, key);
    error->body_length = length < BODY_SHOWN ? length : BODY_SHOWN;
    error->body[error->body_length] = '\0';
}

pomex_error *pomex_outcome_error(const pomex_operation *op, const pomex_outcome *o,
                                 const pomex_buffer *body)
{
    pomex_error *error =
        o->ending == POMEX_ANSWERED ? answer_error(op, o) : ending_error(op, o);
    if (pomex_error_is_static(error))
        return error;
    /* Body and names are shown of the service alone: a link's host could echo the link, which is
     * signed. */
    bool of_service = op->endpoint->of_service;
    error->status = o->status;
    error->retry_after = o->retry_after;
    error->retryable = pomex_retry_transient(o);
    error->proxy = o->of_proxy;
    if (o->refused_there)
        pomex_error_set_hint(
            error, "correct the option proxy, or $https_proxy and the like; pomex does not "
                   "ask this proxy again by itself");
    pomex_operation_show_request(op, error);
    if (o->ending == POMEX_ANSWERED && !o->envelope && body->length && of_service)
        show_body(error, body, op->context->settings->key);
    return error;
}

pomex_error *pomex_outcome_ambiguous(const pomex_operation *op, pomex_error *error)
{
    bool maybe_billed = op->effect != POMEX_EFFECT_ASSET;
    if (pomex_error_is_static(error))
        return pomex_error_lost(maybe_billed);
    error->cause = error->type;
    error->type = "ambiguous_error";
    error->retryable = false;
    const char *hint =
        op->effect == POMEX_EFFECT_BILLED
            ? "the video is perhaps being made and billed: look for it before you ask again"
        : op->effect == POMEX_EFFECT_ASSET
            ? "the portrait is perhaps stored: list its group before you upload it again"
        : op->effect == POMEX_EFFECT_CANCEL
            ? "the task is perhaps cancelled: look at it; the DELETE was not sent again"
            : "the request was perhaps carried out; it was not sent again";
    pomex_error_set_hint(error, "%s", hint);
    return error;
}

pomex_error *pomex_outcome_failed(const pomex_operation *op, const char *status,
                                  const json_t *object)
{
    bool asset = op->endpoint->id == POMEX_ASSET_GET;
    const char *message = message_of(object);
    pomex_error *error = pomex_operation_error_new(
        op, asset ? "asset_failed" : "generation_failed", "%s %s ended as \"%s\"%s%s",
        asset ? "asset" : "task", op->object_id, status, message ? ": " : "",
        message ? message : "");
    set_names(op, error, object);
    pomex_operation_show_request(op, error);
    if (op->reply.data)
        pomex_error_set_object(error, pomex_operation_shown(op, op->reply.data));
    return error;
}
