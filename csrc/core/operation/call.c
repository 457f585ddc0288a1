/* The course of a call: one request, sent until it is answered or until nobody can know. */
#include "base/json.h"
#include "operation/operation.h"
#include "operation/retry.h"

#include <stdlib.h>
#include <string.h>

int64_t pomex_attempt_deadline(const pomex_operation *op, int64_t now)
{
    int64_t at = pomex_clock_after(now, op->client->settings.options.request_timeout);
    return at < op->deadline ? at : op->deadline;
}

void pomex_operation_retry(pomex_operation *op, const pomex_outcome *o, pomex_error *error,
                           int64_t spare)
{
    pomex_client *c = op->client;
    int64_t now = pomex_now(c);
    double pause = pomex_retry_pause(op->attempts, o->retry_after, pomex_random(c));
    bool fits = pomex_clock_after(now, pause) < op->deadline - spare;
    if (!pomex_error_is_static(error)) {
        error->retryable = true;
        if (o->retry_after > POMEX_MAX_RETRY_AFTER)
            pomex_error_set(
                &error->hint,
                "the service asks to wait %.0f s, longer than the %.0f s that pomex "
                "waits by itself",
                o->retry_after, POMEX_MAX_RETRY_AFTER);
        else if (!fits && op->attempts <= op->max_retries)
            pomex_error_set(&error->hint,
                            "the next attempt, in %.3g s, would not fit into the time given",
                            pause);
    }
    if (op->attempts > op->max_retries || o->retry_after > POMEX_MAX_RETRY_AFTER || !fits) {
        pomex_operation_finish(op, error);
        return;
    }
    pomex_event_add(c, "retry", op, o->status, pause, error->type, NULL);
    pomex_error_free(op->last);
    op->last = error;
    pomex_operation_pause(op, pomex_clock_after(now, pause));
}

/* -------------------------------------------------------------------------- the call stage */

/* What an attempt that must not be repeated needs of its budget to start: half of what one
 * attempt may take. One that is sent just before its deadline ends in doubt for nothing. */
static int64_t least_left(const pomex_operation *op)
{
    if (op->effect == POMEX_EFFECT_NONE || op->effect == POMEX_EFFECT_SPARE)
        return 0;
    int64_t whole = op->deadline - op->started;
    int64_t one = pomex_clock_ns(op->client->settings.options.request_timeout);
    return (whole < one ? whole : one) / 2;
}

static void time_is_up(pomex_operation *op)
{
    double whole = pomex_clock_seconds(op->deadline - op->started);
    pomex_error *error = pomex_operation_error_new(
        op, "timeout_error", "%s within %.3g s; nothing is under way",
        op->attempts ? "no attempt succeeded" : "its turn did not come", whole);
    if (!pomex_error_is_static(error)) {
        error->retryable = true;
        if (op->last) {
            error->cause = op->last->type;
            error->status = op->last->status;
        }
    }
    pomex_operation_finish(op, error);
}

static int64_t call_deadline(const pomex_operation *op, int64_t now)
{
    return op->effect == POMEX_EFFECT_BILLED ? op->deadline : pomex_attempt_deadline(op, now);
}

static bool call_request(pomex_operation *op, pomex_request *r)
{
    if (op->deadline - pomex_recent(op->client) < least_left(op)) {
        time_is_up(op);
        return false;
    }
    bool get = op->effect == POMEX_EFFECT_NONE;
    r->url = pomex_request_url(op);
    r->body = op->body;
    r->body_length = op->body_length;
    r->authorized = true;
    r->once = !get && op->effect != POMEX_EFFECT_SPARE;
    /* Connecting may use up half of what least_left set aside, and no more. */
    r->send_by = call_deadline(op, pomex_recent(op->client)) - least_left(op) / 2;
    if (!op->raw)
        return true;
    r->method = op->raw->method;
    for (const struct curl_slist *h = op->raw->headers; h; h = h->next) {
        struct curl_slist *longer = curl_slist_append(r->headers, h->data);
        if (!longer) {
            curl_slist_free_all(r->headers);
            free(r->url);
            pomex_operation_finish(op, pomex_error_memory());
            return false;
        }
        r->headers = longer;
    }
    return true;
}

static bool makes_something(const pomex_operation *op)
{
    return op->effect != POMEX_EFFECT_NONE && op->effect != POMEX_EFFECT_UNKNOWN;
}

char *pomex_reply_id(const pomex_operation *op)
{
    json_t *root = pomex_json_parse(op->reply.data, op->reply.length);
    bool session = op->endpoint->id == POMEX_SESSION_CREATE;
    const char *id = pomex_json_string(root, session ? "h5_link" : "id");
    char *copy = id ? strdup(id) : NULL;
    json_decref(root);
    return copy;
}

static void call_ended(pomex_operation *op, const pomex_outcome *o)
{
    char *id = NULL;
    bool usable = true;
    if (o->ending == POMEX_ANSWERED && o->status < 300 && makes_something(op)) {
        id = pomex_reply_id(op);
        usable = id != NULL;
    }
    enum pomex_verdict verdict = pomex_retry_verdict(
        op->effect, o, usable, op->client->settings.options.billed_retry_unsent);
    if (verdict == POMEX_ACCEPT && id && op->effect != POMEX_EFFECT_SPARE) {
        pomex_created_add(op->client, id);
        op->object_id = id; /* whoever cannot read the answer still learns it */
        id = NULL;
    }
    free(id);
    if (verdict == POMEX_ACCEPT) {
        pomex_operation_finish(op, NULL);
        return;
    }
    pomex_error *error = pomex_outcome_error(op, o, &op->reply);
    if (verdict == POMEX_AGAIN && o->sent)
        pomex_lookup_turned_away(op);
    if (verdict == POMEX_AGAIN)
        pomex_operation_retry(op, o, error, least_left(op));
    else if (verdict == POMEX_FINAL)
        pomex_operation_finish(op, error);
    else if (op->lookup && o->ending != POMEX_CANCELLED)
        pomex_lookup_begin(op, o, error);
    else {
        pomex_lookup_doubt(op);
        pomex_operation_finish(op, pomex_outcome_ambiguous(op, error));
    }
}

static void call_rang(pomex_operation *op)
{
    if (op->state == POMEX_PAUSED)
        pomex_operation_queue(op);
    else
        time_is_up(op);
}

const pomex_stage pomex_call_stage = {
    .request = call_request,
    .ended = call_ended,
    .rang = call_rang,
    .attempt_deadline = call_deadline,
};
