#include "operation/attempt.h"

#include "base/ascii.h"
#include "base/gzip.h"
#include "base/json.h"
#include "net/handle.h"
#include "net/own_headers.h"
#include "operation/retry.h"
#include "operation/shortage.h"

#include <stdlib.h>

/* ------------------------------------------------------------------------------- the start */

/* The error of an attempt that libcurl did not let begin. */
static pomex_error *not_begun(pomex_operation *op, CURLcode code)
{
    if (op->stage->starved)
        return op->stage->starved(op);
    if (code == CURLE_OUT_OF_MEMORY)
        return pomex_error_memory();
    return pomex_operation_error_new(op, "connection_error",
                                     "libcurl %s refuses a setting that pomex needs (%s)",
                                     pomex_handle_version(NULL), curl_easy_strerror(code));
}

/* The caller's headers go to the service, and to no host that a link names. False: no memory. */
static bool dress(const pomex_operation *op, pomex_request *r)
{
    return !r->authorized || pomex_own_headers_copy(&r->headers, op->headers);
}

void pomex_attempt_start(pomex_operation *op, pomex_slot slot)
{
    pomex_context *c = op->context;
    pomex_request request = {.method = op->endpoint->method, .into = &op->reply, .owner = op};
    if (!op->stage->request(op, &request)) {
        pomex_limiter_give_back(c->net->limiter, &slot);
        return;
    }
    pomex_buffer_clear(request.into);
    CURLcode code = CURLE_OUT_OF_MEMORY;
    bool formed = request.url && dress(op, &request);
    op->transfer = formed ? pomex_transfer_start(c->net, &request, &code) : NULL;
    if (!formed)
        pomex_own_headers_free(request.headers);
    free(request.url);
    if (!op->transfer) {
        pomex_limiter_give_back(c->net->limiter, &slot);
        pomex_operation_finish(op, not_begun(op, code));
        return;
    }
    op->transfer->slot = slot;
    op->attempts++;
    op->state = POMEX_FLYING;
    pomex_queue_note_start(op);
    pomex_timer_set(&c->timers, &op->timer,
                    op->stage->attempt_deadline(op, pomex_context_recent(c)));
    pomex_event_request(op);
}

int64_t pomex_attempt_deadline(const pomex_operation *op, int64_t now)
{
    int64_t at = now + op->attempt_time;
    return at < op->deadline ? at : op->deadline;
}

/* --------------------------------------------------------------------------------- the end */

/* Decompresses an answer of the service that came as gzip. An answer that cannot be opened is lost,
 * so it stays unknown whether the request was carried out. A refusal is clear by its status
 * alone. */
static void unpack(const pomex_operation *op, pomex_buffer *body, pomex_outcome *o)
{
    if (o->ending != POMEX_ANSWERED || !op->endpoint->of_service ||
        !pomex_ascii_contains(o->reply->content_encoding, "gzip"))
        return;
    switch (pomex_gzip_open(body, POMEX_MAX_BODY)) {
    case POMEX_GZIP_PLAIN:
    case POMEX_GZIP_DONE:
        return;
    case POMEX_GZIP_SPOILT:
        pomex_buffer_clear(body);
        if (o->status >= 300)
            return;
        o->ending = POMEX_NETWORK;
        o->why = "the answer came as gzip that is cut or spoilt";
        break;
    case POMEX_GZIP_LONG:
        o->ending = POMEX_OVERSIZED;
        break;
    default:
        o->ending = POMEX_NO_MEMORY;
        break;
    }
    o->status = 0;
    o->retry_after = -1;
}

/* Parses the body of a refusal, and notes whether it is the document's envelope, {"error":
 * {"message": …}}. */
static void read_refusal(const pomex_buffer *body, pomex_outcome *o)
{
    o->refusal = pomex_json_parse(body->data, body->length);
    o->envelope = pomex_json_string(json_object_get(o->refusal, "error"), "message") != NULL;
}

/* A 429 with a Retry-After holds up all requests of its kind. A 429 of a link's host concerns that
 * host alone. */
static void heed_retry_after(const pomex_operation *op, const pomex_outcome *o)
{
    pomex_context *c = op->context;
    if (o->status != 429 || o->retry_after < 0 || !op->endpoint->of_service)
        return;
    double pause = pomex_retry_obeyed(o->retry_after);
    int64_t until = pomex_clock_after(pomex_context_now(c), pause);
    pomex_limiter_hold_until(c->net->limiter, op->endpoint->id, until);
}

/* The request id is kept only of the service: a link's host could echo the link, which is
 * signed. */
static void keep_request_id(pomex_operation *op, const pomex_outcome *o)
{
    bool said = o->reply->request_id[0] && op->endpoint->of_service;
    free(op->request_id);
    op->request_id = said ? pomex_operation_shown(op, o->reply->request_id) : NULL;
}

void pomex_attempt_ended(pomex_operation *op, pomex_outcome *outcome)
{
    pomex_transfer *transfer = op->transfer;
    op->transfer = NULL;
    unpack(op, transfer->body, outcome);
    op->status = outcome->status;
    pomex_queue_note_end(op);
    pomex_timer_unset(&op->context->timers, &op->timer);
    op->overdue = 0;
    if (outcome->status >= 400)
        read_refusal(transfer->body, outcome);
    keep_request_id(op, outcome);
    pomex_event_response(op, outcome);
    heed_retry_after(op, outcome);
    if (transfer->no_slot && outcome->ending != POMEX_CANCELLED)
        pomex_attempt_put_back(op);
    else if (!pomex_shortage_met(op, transfer, outcome))
        op->stage->ended(op, outcome);
    pomex_event_settled(op);
    json_decref(outcome->refusal);
    pomex_transfer_end(transfer);
}

void pomex_attempt_stop(pomex_operation *op, enum pomex_ending ending, const char *why)
{
    pomex_outcome outcome;
    pomex_transfer_outcome(op->transfer, CURLE_OK, &outcome);
    outcome.ending = ending;
    outcome.status = 0;
    outcome.retry_after = -1;
    outcome.of_proxy = outcome.refused_there = false;
    outcome.why = why;
    pomex_attempt_ended(op, &outcome);
}

/* --------------------------------------------------------------------------- the next one */

void pomex_attempt_retry(pomex_operation *op, const pomex_outcome *o, pomex_error *error,
                         int64_t spare)
{
    int64_t now = pomex_context_now(op->context);
    double pause = pomex_retry_pause(op->attempts, o->retry_after,
                                     pomex_random_next(&op->context->random));
    bool fits = pomex_clock_after(now, pause) < op->deadline - spare;
    pomex_error_set_retryable(error);
    if (o->retry_after > POMEX_MAX_RETRY_AFTER)
        pomex_error_set_hint(
            error,
            "the service asks to wait %.0f s, longer than the %.0f s that pomex "
            "waits by itself",
            o->retry_after, POMEX_MAX_RETRY_AFTER);
    else if (!fits && op->attempts <= op->max_retries)
        pomex_error_set_hint(
            error, "the next attempt, in %.3g s, would not fit into the time given", pause);
    if (op->attempts > op->max_retries || o->retry_after > POMEX_MAX_RETRY_AFTER || !fits) {
        pomex_operation_finish(op, error);
        return;
    }
    pomex_event_retry(op, o->status, pause, error->type);
    pomex_error_free(op->last);
    op->last = error;
    pomex_operation_pause(op, pomex_clock_after(now, pause));
}

void pomex_attempt_uncount(pomex_operation *op)
{
    op->attempts--;
}

void pomex_attempt_put_back(pomex_operation *op)
{
    pomex_attempt_uncount(op);
    pomex_queue_add_first(op);
}

void pomex_attempt_go_on(pomex_operation *op)
{
    pomex_attempt_uncount(op);
    pomex_queue_add(op);
}

void pomex_attempt_count_anew(pomex_operation *op)
{
    op->attempts = 0;
}
