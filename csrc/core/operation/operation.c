#include "operation/operation.h"

#include "base/secret.h"
#include "net/own_headers.h"
#include "operation/attempt.h"
#include "operation/billed.h"
#include "operation/held.h"
#include "operation/standby.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

pomex_operation *pomex_operation_new(pomex_context *c, const pomex_kind *kind,
                                     const pomex_stage *stage, const pomex_endpoint *endpoint,
                                     int64_t deadline)
{
    /* The room for its timer is reserved now, so that setting a timer can never fail. */
    if (!pomex_timer_reserve(&c->timers, c->pending + 1))
        return NULL;
    pomex_operation *op = calloc(1, sizeof *op);
    if (!op)
        return NULL;
    op->context = c;
    op->refs = 2;
    op->id = ++c->last_id;
    op->kind = kind;
    op->stage = stage;
    op->endpoint = endpoint;
    op->effect = endpoint->effect;
    op->state = POMEX_PAUSED;
    op->started = pomex_context_recent(c);
    op->deadline = deadline;
    op->expires = POMEX_NEVER;
    op->attempt_time = pomex_clock_ns(c->settings->options.request_timeout);
    op->unsent_only = c->settings->options.billed_retry_unsent;
    c->refs++;
    c->pending++;
    pomex_list_append(&c->all, &op->in_all);
    return op;
}

static void free_operation(pomex_operation *op)
{
    pomex_context *context = op->context;
    free(op->object_id);
    free(op->request_id);
    free(op->url_path);
    pomex_own_headers_free(op->headers);
    free(op->body);
    pomex_buffer_free(&op->reply);
    pomex_error_free(op->error);
    pomex_error_free(op->last);
    if (op->own)
        op->kind->free(op->own);
    free(op);
    pomex_context_release(context);
}

pomex_error *pomex_operation_dress(pomex_operation *op, const json_t *headers)
{
    char why[128] = "";
    if (!headers || json_object_size(headers) == 0)
        return NULL;
    bool whole =
        op->headers || pomex_own_headers_copy(&op->headers, op->context->settings->headers);
    if (whole && pomex_own_headers_add(&op->headers, headers, why, sizeof why))
        return NULL;
    if (!why[0])
        return pomex_error_memory();
    pomex_error *error = pomex_error_new("invalid_request_error", "%s", why);
    pomex_error_set_client(error);
    pomex_error_set_endpoint(error, op->endpoint->name);
    return error;
}

pomex_error *pomex_operation_take(pomex_operation *op, const pomex_call_options *options)
{
    if (options->request_timeout > 0)
        op->attempt_time = pomex_clock_ns(options->request_timeout);
    if (options->billed_retry != POMEX_BILLED_RETRY_USUAL)
        op->unsent_only = options->billed_retry == POMEX_BILLED_RETRY_UNSENT;
    return pomex_operation_dress(op, options->headers);
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
        pomex_list_append(&op->context->news, &op->in_news);
    if (!op->context->stepping)
        op->context->unheard = true;
}

void pomex_operation_pause(pomex_operation *op, int64_t until)
{
    op->state = POMEX_PAUSED;
    pomex_event_next(op, pomex_clock_seconds(until - pomex_context_recent(op->context)));
    pomex_timer_set(&op->context->timers, &op->timer, until);
}

static bool is_ambiguous(const pomex_error *error)
{
    return error && strcmp(error->type, "ambiguous_error") == 0;
}

void pomex_operation_finish(pomex_operation *op, pomex_error *error)
{
    pomex_context *c = op->context;
    if (op->own && op->kind->over)
        op->kind->over(op);
    pomex_standby_end(op);
    if (op->creating)
        pomex_held_end(op->creating, op->doubtful || is_ambiguous(error),
                       pomex_context_recent(c));
    op->creating = 0;
    op->state = POMEX_DONE;
    op->error = error ? pomex_error_bill(error, pomex_billed_of(op, error)) : NULL;
    pomex_error_free(op->last);
    op->last = NULL;
    pomex_queue_leave(op);
    pomex_list_remove(&op->in_all);
    pomex_timer_unset(&c->timers, &op->timer);
    c->pending--;
    pomex_operation_tell(op, POMEX_NEWS_DONE);
    pomex_event_done(op, op->error ? op->error->type : NULL,
                     pomex_clock_seconds(pomex_context_recent(c) - op->started));
}

void pomex_operation_rang(pomex_operation *op)
{
    pomex_context *c = op->context;
    pomex_timer_unset(&c->timers, &op->timer);
    op->overdue = 0;
    if (op->state == POMEX_STANDING) {
        pomex_standby_end(op);
    } else if (op->state != POMEX_FLYING) {
        pomex_queue_leave(op);
        op->stage->rang(op);
    } else if (!op->stage->stalled || pomex_context_now(c) >= op->deadline) {
        pomex_attempt_stop(op, POMEX_TIMED_OUT, "no answer in time");
    } else if (op->stage->stalled(op, pomex_context_now(c))) {
        pomex_attempt_stop(op, POMEX_STALLED, "the transfer came to a halt");
    }
}

void pomex_operation_cancel(pomex_operation *op)
{
    pomex_context *c = op->context;
    if (op->state == POMEX_DONE || (!c->closed && !c->hooks->is_usable(c)))
        return; /* it runs in another process: only a close ends it here */
    const char *why = c->closed ? "the client was closed" : "cancelled";
    pomex_context_now(c);
    if (op->state == POMEX_FLYING) {
        pomex_attempt_stop(op, POMEX_CANCELLED, why);
    } else {
        pomex_error *error = op->stage->cancelled ? op->stage->cancelled(op) : NULL;
        if (!error)
            error = pomex_operation_error_new(op, "cancelled_error", "%s", why);
        pomex_operation_finish(op, error);
    }
    if (!c->stepping && !c->closed)
        c->hooks->changed(c);
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

bool pomex_operation_told(const pomex_operation *op)
{
    return op->state == POMEX_DONE && !(op->news & POMEX_NEWS_DONE);
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

const char *pomex_operation_request_id(const pomex_operation *op)
{
    return op->request_id;
}

double pomex_operation_date(const pomex_operation *op)
{
    return op->date > 0 ? (double)op->date : -1;
}

const char *pomex_operation_object(const pomex_operation *op)
{
    return op->object_id;
}

pomex_billed pomex_operation_billed(const pomex_operation *op)
{
    return pomex_billed_so_far(op);
}

void pomex_operation_progress(const pomex_operation *op, int64_t *done, int64_t *total)
{
    *done = 0;
    *total = -1;
    if (op->own && op->kind->progress)
        op->kind->progress(op, done, total);
}

const char *pomex_operation_sum(const pomex_operation *op)
{
    return op->own && op->kind->sum ? op->kind->sum(op) : "";
}

const char *pomex_operation_looks_like(const pomex_operation *op)
{
    return op->own && op->kind->looks_like ? op->kind->looks_like(op) : "unknown";
}

/* ------------------------------------------------------------------------------ its errors */

static pomex_error *make_error(const pomex_operation *op, const char *type, const char *format,
                               va_list arguments)
{
    char *text = NULL;
    int length = vasprintf(&text, format, arguments);
    if (length < 0)
        return pomex_error_memory();
    pomex_secret_hide(text, (size_t)length, op->context->settings->key);
    pomex_error *error = pomex_error_new(type, "%s", text);
    free(text);
    if (pomex_error_is_static(error))
        return error;
    error->endpoint = op->endpoint->name;
    error->attempts = op->attempts;
    pomex_error_set_id(error, op->object_id);
    return error;
}

pomex_error *pomex_operation_error_new(const pomex_operation *op, const char *type,
                                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    pomex_error *error = make_error(op, type, format, arguments);
    va_end(arguments);
    return error;
}

pomex_error *pomex_operation_timed_out(const pomex_operation *op, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    pomex_error *error = make_error(op, "timeout_error", format, arguments);
    va_end(arguments);
    pomex_error_set_retryable(error);
    return error;
}

void pomex_operation_show_request(const pomex_operation *op, pomex_error *error)
{
    if (op->request_id && !error->request_id)
        pomex_error_set_request_id(error, strdup(op->request_id));
}

char *pomex_operation_shown(const pomex_operation *op, const char *text)
{
    char *copy = strdup(text);
    if (copy)
        pomex_secret_hide(copy, strlen(copy), op->context->settings->key);
    return copy;
}
