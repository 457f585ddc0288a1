#include "operation/operation.h"

#include "base/ascii.h"
#include "base/gzip.h"
#include "base/json.h"
#include "base/secret.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

pomex_operation *pomex_operation_new(pomex_client *client, const pomex_stage *stage,
                                     const pomex_endpoint *endpoint, int64_t deadline)
{
    /* Room for its timer now, so that setting one can never fail. */
    if (!pomex_timers_reserve(&client->timers, client->pending + 1))
        return NULL;
    pomex_operation *op = calloc(1, sizeof *op);
    if (!op)
        return NULL;
    op->client = client;
    op->refs = 2;
    op->id = ++client->last_id;
    op->stage = stage;
    op->endpoint = endpoint;
    op->effect = endpoint->effect;
    op->state = POMEX_PAUSED;
    op->started = pomex_recent(client);
    op->deadline = deadline;
    client->refs++;
    client->pending++;
    pomex_list_append(&client->all, &op->in_all);
    return op;
}

static void free_operation(pomex_operation *op)
{
    pomex_client *client = op->client;
    free(op->object_id);
    free(op->url_path);
    free(op->body);
    pomex_buffer_free(&op->reply);
    pomex_error_free(op->error);
    pomex_error_free(op->last);
    pomex_wait_free(op->wait);
    pomex_download_free(op->download);
    pomex_lookup_free(op->lookup);
    pomex_raw_free(op->raw);
    free(op);
    pomex_client_unref(client);
}

pomex_operation *pomex_operation_retain(pomex_operation *op)
{
    op->refs++;
    return op;
}

void pomex_operation_release(pomex_operation *op)
{
    if (op && --op->refs == 0)
        free_operation(op);
}

/* ------------------------------------------------------------------------------ its course */

void pomex_operation_tell(pomex_operation *op, unsigned news)
{
    op->news |= (uint8_t)news;
    if (!pomex_list_linked(&op->in_news))
        pomex_list_append(&op->client->news, &op->in_news);
    if (!op->client->stepping)
        op->client->unheard = true;
}

void pomex_operation_queue(pomex_operation *op)
{
    pomex_client *c = op->client;
    op->state = POMEX_QUEUED;
    pomex_timer_set(&c->timers, &op->timer, op->deadline);
    pomex_list_append(&c->queues[op->low_priority][op->endpoint->id], &op->in_queue);
    op->turn = ++c->last_turn;
    c->queued++;
    c->queue_due = 0;
}

void pomex_operation_again(pomex_operation *op)
{
    uint64_t turn = op->turn;
    op->attempts--;
    pomex_operation_queue(op);
    op->turn = turn;
    pomex_list_remove(&op->in_queue);
    pomex_list_prepend(&op->client->queues[op->low_priority][op->endpoint->id], &op->in_queue);
}

void pomex_operation_unqueue(pomex_operation *op)
{
    op->client->queued -= pomex_list_linked(&op->in_queue);
    pomex_list_remove(&op->in_queue);
}

void pomex_operation_kick(pomex_client *c)
{
    if (c->stepping || c->closed)
        return;
    c->stepping = true;
    pomex_loop_note_gap(c);
    pomex_socket_note_sleep(c); /* else it would go out on a connection that slept */
    pomex_loop_run(c);
    c->stepping = false;
    if (!pomex_list_empty(&c->news))
        c->unheard = true;
    pomex_loop_rearm(c);
}

void pomex_operation_pause(pomex_operation *op, int64_t until)
{
    op->state = POMEX_PAUSED;
    pomex_timer_set(&op->client->timers, &op->timer, until);
}

void pomex_operation_finish(pomex_operation *op, pomex_error *error)
{
    pomex_client *c = op->client;
    if (op->download)
        pomex_download_let_go(op);
    pomex_lookup_over(op);
    op->state = POMEX_DONE;
    op->error = error ? pomex_error_bill(error, pomex_billed_of(op, error)) : NULL;
    pomex_error_free(op->last);
    op->last = NULL;
    pomex_operation_unqueue(op);
    pomex_list_remove(&op->in_all);
    pomex_timer_unset(&c->timers, &op->timer);
    c->pending--;
    pomex_operation_tell(op, POMEX_NEWS_DONE);
    pomex_event_add(c, "done", op, op->status,
                    pomex_clock_seconds(pomex_recent(c) - op->started),
                    error ? error->type : NULL, NULL);
}

static size_t *lane_of(pomex_client *c, const pomex_endpoint *endpoint)
{
    return endpoint->id == POMEX_DOWNLOAD ? &c->downloads : &c->in_flight;
}

/* The error of an attempt that libcurl did not let begin. */
static pomex_error *not_begun(pomex_operation *op, CURLcode code)
{
    if (op->stage->starved)
        return op->stage->starved(op);
    if (code == CURLE_OUT_OF_MEMORY)
        return pomex_error_memory();
    return pomex_operation_error_new(
        op, "connection_error", "libcurl %s refuses a setting that pomex needs (%s)",
        curl_version_info(CURLVERSION_NOW)->version, curl_easy_strerror(code));
}

void pomex_operation_start(pomex_operation *op, pomex_slot slot)
{
    pomex_client *c = op->client;
    const pomex_endpoint *endpoint = op->endpoint;
    pomex_request request = {.method = endpoint->method, .into = &op->reply};
    if (!op->stage->request(op, &request)) {
        pomex_limiter_give_back(c->limiter, &slot);
        return;
    }
    pomex_buffer_clear(request.into);
    CURLcode code = CURLE_OUT_OF_MEMORY;
    op->transfer = request.url ? pomex_transfer_start(c, op, &request, &code) : NULL;
    if (!request.url)
        curl_slist_free_all(request.headers);
    free(request.url);
    if (!op->transfer) {
        pomex_limiter_give_back(c->limiter, &slot);
        pomex_operation_finish(op, not_begun(op, code));
        return;
    }
    op->transfer->slot = slot;
    op->attempts++;
    op->state = POMEX_FLYING;
    ++*lane_of(c, endpoint);
    pomex_timer_set(&c->timers, &op->timer, op->stage->attempt_deadline(op, pomex_recent(c)));
    pomex_event_add(c, "request", op, 0, 0, NULL, NULL);
}

/* Whether the body is the document's envelope: {"error": {"message": …}}. */
static bool is_envelope(const pomex_buffer *body)
{
    json_t *root = pomex_json_parse(body->data, body->length);
    bool found = pomex_json_string(json_object_get(root, "error"), "message") != NULL;
    json_decref(root);
    return found;
}

/* Opens an answer of the service's that came as gzip. One that cannot be opened is lost, which
 * leaves it open whether a request was carried out; a refusal is one by its status alone. */
static void unpack(const pomex_operation *op, pomex_buffer *body, pomex_outcome *o)
{
    if (o->ending != POMEX_ANSWERED || op->endpoint->id == POMEX_DOWNLOAD ||
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

void pomex_operation_attempt_ended(pomex_operation *op, pomex_outcome *outcome)
{
    pomex_client *c = op->client;
    pomex_transfer *transfer = op->transfer;
    op->transfer = NULL;
    unpack(op, transfer->body, outcome);
    op->status = outcome->status;
    --*lane_of(c, op->endpoint);
    if (c->queued)
        c->queue_due = 0; /* there is room again */
    pomex_timer_unset(&c->timers, &op->timer);
    op->overdue = 0;
    if (outcome->status >= 400)
        outcome->envelope = is_envelope(transfer->body);
    pomex_event_add(c, "response", op, outcome->status, pomex_clock_seconds(outcome->took),
                    NULL, NULL);
    /* A link's host speaks for itself alone. */
    if (outcome->status == 429 && outcome->retry_after >= 0 &&
        op->endpoint->id != POMEX_DOWNLOAD) {
        double pause = outcome->retry_after < 120 ? outcome->retry_after : 120;
        int64_t until = pomex_clock_after(pomex_now(c), pause);
        pomex_limiter_hold_until(c->limiter, op->endpoint->id, until);
    }
    if (transfer->no_slot && outcome->ending != POMEX_CANCELLED)
        pomex_operation_again(op);
    else if (!pomex_shortage_met(op, transfer, outcome))
        op->stage->ended(op, outcome);
    pomex_transfer_end(transfer);
}

/* Ends the attempt that runs, for a reason of ours. */
static void stop_attempt(pomex_operation *op, enum pomex_ending ending, const char *why)
{
    pomex_outcome outcome;
    pomex_transfer_outcome(op->transfer, CURLE_OK, &outcome);
    outcome.ending = ending;
    outcome.status = 0;
    outcome.retry_after = -1;
    outcome.of_proxy = outcome.refused_there = false;
    outcome.why = why;
    pomex_operation_attempt_ended(op, &outcome);
}

void pomex_operation_rang(pomex_operation *op)
{
    pomex_client *c = op->client;
    pomex_timer_unset(&c->timers, &op->timer);
    op->overdue = 0;
    if (op->state != POMEX_FLYING) {
        pomex_operation_unqueue(op);
        op->stage->rang(op);
    } else if (op->endpoint->id != POMEX_DOWNLOAD || pomex_now(c) >= op->deadline) {
        stop_attempt(op, POMEX_TIMED_OUT, "no answer in time");
    } else if (pomex_download_stalled(op, pomex_now(c))) {
        stop_attempt(op, POMEX_STALLED, "the transfer came to a halt");
    }
}

void pomex_operation_cancel(pomex_operation *op)
{
    pomex_client *c = op->client;
    if (op->state == POMEX_DONE || (!c->closed && pomex_client_unusable(c)))
        return; /* of another process: only its close may say so */
    const char *why = c->closed ? "the client was closed" : "cancelled";
    pomex_now(c);
    if (op->state == POMEX_FLYING) {
        stop_attempt(op, POMEX_CANCELLED, why);
    } else {
        pomex_error *error = op->stage->cancelled ? op->stage->cancelled(op) : NULL;
        if (!error)
            error = pomex_operation_error_new(op, "cancelled_error", "%s", why);
        pomex_operation_finish(op, error);
    }
    if (!c->stepping && !c->closed)
        pomex_loop_rearm(c);
}

/* ---------------------------------------------------------------------------- what it says */

uint64_t pomex_operation_id(const pomex_operation *op)
{
    return op->id;
}

bool pomex_operation_done(const pomex_operation *op)
{
    return op->state == POMEX_DONE;
}

const pomex_error *pomex_operation_error(const pomex_operation *op)
{
    return op->error;
}

const char *pomex_operation_body(const pomex_operation *op, size_t *length)
{
    if (length)
        *length = op->reply.length;
    return op->reply.data ? op->reply.data : "";
}

int pomex_operation_status(const pomex_operation *op)
{
    return op->status;
}

int pomex_operation_attempts(const pomex_operation *op)
{
    return op->attempts;
}

pomex_error *pomex_operation_error_new(const pomex_operation *op, const char *type,
                                       const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        return pomex_error_memory();
    pomex_secret_hide(text, (size_t)length, pomex_settings_key(&op->client->settings));
    pomex_error *error = pomex_error_new(type, "%s", text);
    free(text);
    if (pomex_error_is_static(error))
        return error;
    error->endpoint = op->endpoint->name;
    error->attempts = op->attempts;
    if (op->object_id)
        error->id = strdup(op->object_id);
    return error;
}

char *pomex_operation_shown(const pomex_operation *op, const char *text)
{
    char *copy = strdup(text);
    if (copy)
        pomex_secret_hide(copy, strlen(copy), pomex_settings_key(&op->client->settings));
    return copy;
}
