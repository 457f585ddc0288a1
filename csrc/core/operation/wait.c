#include "operation/wait.h"

#include "base/json.h"
#include "operation/attempt.h"
#include "operation/outcome.h"
#include "operation/request.h"
#include "operation/retry.h"
#include "rules/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASSET_TIMEOUT      600.0
#define GENERATION_TIMEOUT 1800.0

/* A new id is perhaps not known everywhere at once. For this long after this client made it, and
 * until it was first seen, the wait goes on after a 404. */
#define YOUNG (30 * POMEX_SECOND)

/* How long a look can take that begins after the deadline because no step ran at the deadline: the
 * wait must not end without having looked. If steps run in time, the wait ends at its deadline. */
#define LAST_LOOK_SECONDS 5.0

struct pomex_wait {
    double pause; /* until the next look, before jitter */
    double factor;
    double max;
    double timeout;
    int64_t lead;    /* how long before the deadline the last look begins */
    int64_t last_at; /* when the latest look began */
    bool late;       /* the deadline was extended for a look */
    bool seen;
    bool updates;        /* the caller wants news of each look */
    char status[64];     /* the latest status; "": none yet */
    const char *trouble; /* error type of the latest look, if it failed */
    pomex_buffer look;
};

static void wait_free(void *own)
{
    struct pomex_wait *wait = own;
    pomex_buffer_free(&wait->look);
    free(wait);
}

static const char *noun(const pomex_operation *op)
{
    return op->endpoint->id == POMEX_ASSET_GET ? "asset" : "task";
}

static void add_status(const pomex_operation *op, pomex_error *error)
{
    const struct pomex_wait *w = op->own;
    if (w->status[0])
        pomex_error_set_last_status(error, strdup(w->status)); /* masked already */
    pomex_operation_show_request(op, error);
}

static void time_is_up(pomex_operation *op)
{
    const struct pomex_wait *w = op->own;
    pomex_error *error =
        w->status[0] ? pomex_operation_timed_out(op, "%s %s is still \"%s\" after %.4g s",
                                                 noun(op), op->object_id, w->status, w->timeout)
                     : pomex_operation_timed_out(op, "%s %s was not seen within %.4g s",
                                                 noun(op), op->object_id, w->timeout);
    pomex_error_set_cause(error, w->trouble);
    pomex_error_set_hint(error, "nothing is lost: wait for the same id again%s%s",
                         w->trouble ? "; the latest look ended in " : "",
                         w->trouble ? w->trouble : "");
    add_status(op, error);
    pomex_operation_finish(op, error);
}

/* The deadline has passed: ends the wait, or takes a last look. */
static void deadline_passed(pomex_operation *op)
{
    struct pomex_wait *w = op->own;
    if (w->late || !pomex_context_missed(op->context, op->deadline) ||
        (op->attempts && w->last_at >= op->deadline - w->lead)) {
        time_is_up(op);
        return;
    }
    w->late = true;
    op->deadline = pomex_clock_after(pomex_context_now(op->context), LAST_LOOK_SECONDS);
    pomex_queue_add(op);
}

/* Rests until the next look, which comes no sooner than `at_least` seconds from now. */
static void rest(pomex_operation *op, double at_least)
{
    struct pomex_wait *w = op->own;
    int64_t now = pomex_context_now(op->context);
    if (w->late) {
        time_is_up(op);
        return;
    }
    double pause = w->pause * (0.8 + 0.4 * pomex_random_next(&op->context->random));
    int64_t at = pomex_clock_after(now, pause > at_least ? pause : at_least);
    int64_t last = op->deadline - w->lead;
    w->pause = w->pause * w->factor < w->max ? w->pause * w->factor : w->max;
    if (w->last_at >= last) /* that was the last look */
        at = op->deadline;
    else if (at > last)
        at = last;
    if (w->trouble)
        pomex_event_retry(op, op->status, pomex_clock_seconds(at - now), w->trouble);
    pomex_operation_pause(op, at);
}

static bool wait_request(pomex_operation *op, pomex_request *r)
{
    struct pomex_wait *w = op->own;
    int64_t now = pomex_context_now(op->context);
    if (now >= op->deadline && !w->late) { /* its turn came too late */
        if (!pomex_context_missed(op->context, op->deadline)) {
            time_is_up(op);
            return false;
        }
        w->late = true;
        op->deadline = pomex_clock_after(now, LAST_LOOK_SECONDS);
    }
    w->last_at = now;
    r->url = pomex_request_url(op);
    r->authorized = true;
    r->fresh = true;
    r->into = &w->look;
    return true;
}

static void keep_look(pomex_operation *op)
{
    struct pomex_wait *w = op->own;
    pomex_buffer_free(&op->reply);
    op->reply = w->look;
    w->look = (pomex_buffer){0};
}

static void finish_failed(pomex_operation *op, const json_t *root)
{
    const struct pomex_wait *w = op->own;
    pomex_error *error = pomex_outcome_failed(op, w->status, root);
    pomex_error_set_status(error, op->status);
    add_status(op, error);
    pomex_operation_finish(op, error);
}

/* Reads a 2xx answer; false if it has no status. */
static bool take_look(pomex_operation *op)
{
    struct pomex_wait *w = op->own;
    json_t *root = pomex_json_parse(w->look.data, w->look.length);
    const char *status = pomex_json_string(root, "status");
    if (!status) {
        json_decref(root);
        return false;
    }
    char *shown =
        pomex_operation_shown(op, status); /* masked first: the cut can leave half a key */
    snprintf(w->status, sizeof w->status, "%s", shown ? shown : "?");
    free(shown);
    w->seen = true;
    w->trouble = NULL;
    enum pomex_status_class class = pomex_rules_status_class(op->endpoint->id, status);
    if (class != POMEX_GOING_ON || w->updates)
        keep_look(op);
    pomex_event_look(op, w->status);
    if (class == POMEX_SUCCEEDED) {
        pomex_operation_finish(op, NULL);
    } else if (class == POMEX_FAILED) {
        finish_failed(op, root);
    } else {
        if (w->updates)
            pomex_operation_tell(op, POMEX_NEWS_UPDATE);
        rest(op, 0);
    }
    json_decref(root);
    return true;
}

static bool is_young(const pomex_operation *op)
{
    const struct pomex_wait *w = op->own;
    int64_t created = pomex_created_at(&op->context->created, op->object_id);
    return !w->seen && created >= 0 && pomex_context_now(op->context) - created < YOUNG;
}

static void wait_ended(pomex_operation *op, const pomex_outcome *o)
{
    struct pomex_wait *w = op->own;
    bool answered = o->ending == POMEX_ANSWERED && o->status >= 200 && o->status < 300;
    if (answered && take_look(op)) {
        pomex_buffer_free(&w->look);
        return;
    }
    pomex_error *error = pomex_outcome_error(op, o, &w->look);
    bool outlived = answered || pomex_retry_transient(o) || (o->status == 404 && is_young(op));
    pomex_buffer_free(&w->look);
    if (!outlived) {
        add_status(op, error);
        pomex_operation_finish(op, error);
        return;
    }
    w->trouble = error->type;
    pomex_error_free(error);
    if (pomex_context_now(op->context) >= op->deadline)
        deadline_passed(op);
    else
        rest(op, pomex_retry_obeyed(o->retry_after));
}

static void wait_rang(pomex_operation *op)
{
    if (pomex_context_now(op->context) >= op->deadline)
        deadline_passed(op);
    else
        pomex_queue_add(op);
}

static pomex_error *wait_cancelled(pomex_operation *op)
{
    pomex_error *error =
        pomex_operation_error_new(op, "cancelled_error", "the wait for %s %s was %s", noun(op),
                                  op->object_id, op->context->closed ? "closed" : "cancelled");
    add_status(op, error);
    return error;
}

/* The deadline of a look: a look that hangs makes way for the last one. */
static int64_t look_deadline(const pomex_operation *op, int64_t now)
{
    const struct pomex_wait *w = op->own;
    int64_t at = pomex_attempt_deadline(op, now), last = op->deadline - w->lead;
    return !w->late && now < last && last < at ? last : at;
}

static const pomex_stage wait_stage = {
    .request = wait_request,
    .ended = wait_ended,
    .rang = wait_rang,
    .attempt_deadline = look_deadline,
    .cancelled = wait_cancelled,
};

static const pomex_kind wait_kind = {.free = wait_free};

static void set_schedule(pomex_operation *op, const pomex_call_options *options)
{
    const pomex_options *o = &op->context->settings->options;
    const pomex_schedule *s =
        op->endpoint->id == POMEX_ASSET_GET ? &o->poll_asset : &o->poll_generation;
    struct pomex_wait *w = op->own;
    w->pause = options->first >= 0 ? options->first : s->first;
    w->factor = options->factor >= 1 ? options->factor : s->factor;
    w->max = options->max > 0 ? options->max : s->max;
    w->pause = w->pause < w->max ? w->pause : w->max;
    /* An object that existed before is looked at now. If this client just made it, the first look
     * comes when it can be ready. */
    int64_t created = pomex_created_at(&op->context->created, op->object_id);
    int64_t at = created < 0 ? 0 : pomex_clock_after(created, w->pause);
    if (w->pause < 1e-3)
        w->pause = 1e-3; /* a schedule that starts at 0 must still grow */
    int64_t last = op->deadline - w->lead;
    if (at <= pomex_context_now(op->context))
        pomex_queue_add(op);
    else
        pomex_operation_pause(op, at < last ? at : last);
}

/* Fills in what a wait needs. NULL, or what is wrong. */
static pomex_error *prepare(pomex_operation *op, const char *id, size_t id_length)
{
    pomex_violation violation;
    if (!pomex_rules_check_id(id, id_length, &violation))
        return pomex_violation_error(op->endpoint->name, &violation);
    op->object_id = strndup(id, id_length);
    op->own = calloc(1, sizeof(struct pomex_wait));
    return op->object_id && op->own ? NULL : pomex_error_memory();
}

pomex_operation *pomex_wait_begin(pomex_context *c, pomex_endpoint_id endpoint, const char *id,
                                  size_t id_length, const pomex_call_options *options)
{
    double timeout = options->timeout >= 0         ? options->timeout
                     : endpoint == POMEX_ASSET_GET ? ASSET_TIMEOUT
                                                   : GENERATION_TIMEOUT;
    bool once = timeout <= 0; /* look once, whatever that takes */
    int64_t deadline =
        pomex_clock_after(pomex_context_now(c), once ? LAST_LOOK_SECONDS : timeout);
    pomex_operation *op =
        pomex_operation_new(c, &wait_kind, &wait_stage, pomex_endpoint_of(endpoint), deadline);
    if (!op)
        return NULL;
    op->low_priority = true;
    pomex_error *error = prepare(op, id, id_length);
    if (error) {
        pomex_operation_finish(op, error);
        return op;
    }
    struct pomex_wait *w = op->own;
    w->updates = options->updates;
    w->timeout = timeout;
    w->late = once;
    w->lead = once           ? POMEX_NEVER / 2
              : timeout < 10 ? pomex_clock_ns(timeout / 10)
                             : POMEX_SECOND;
    set_schedule(op, options);
    return op;
}
