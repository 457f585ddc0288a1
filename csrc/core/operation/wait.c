#include "operation/wait.h"

#include "base/hash.h"
#include "base/json.h"
#include "operation/attempt.h"
#include "operation/held.h"
#include "operation/outcome.h"
#include "operation/pauses.h"
#include "operation/request.h"
#include "operation/retry.h"
#include "operation/sweep.h"
#include "operation/waiting.h"
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

/* After a notice the looks begin anew: the service perhaps shows later what it told, and the notice
 * after this one can be lost. The pauses double, so that what is missed is known after at most as
 * long again. */
#define TOLD_FIRST  1.0
#define TOLD_FACTOR 2.0
#define TOLD_MAX    60.0

/* However many notices come, two looks of a wait begin no sooner after each other. */
#define TOLD_APART (POMEX_SECOND / 10)

/* Between two looks there are at most so many times the schedule's `max`, unless something is wrong. */
#define WIDEST 4.0

#define TOLD_KEPT 1024 /* so many notices are remembered for waits that begin later */

static void wait_over(pomex_operation *op)
{
    struct pomex_wait *wait = op->own;
    pomex_roster_leave(&wait->member);
}

static void wait_free(void *own)
{
    struct pomex_wait *wait = own;
    pomex_buffer_free(&wait->look);
    free(wait);
}

void pomex_wait_look(pomex_operation *op)
{
    struct pomex_wait *w = op->own;
    if (pomex_waiting_looks_alone(op))
        pomex_roster_looked(&w->member);
    else if (pomex_roster_due(&w->member))
        return;
    pomex_queue_add(op);
}

/* The deadline has passed: ends the wait, or takes a last look. */
static void deadline_passed(pomex_operation *op)
{
    struct pomex_wait *w = op->own;
    if (w->late || !pomex_context_missed(op->context, op->deadline) ||
        (op->attempts && w->last_at >= op->deadline - w->lead)) {
        pomex_waiting_time_is_up(op);
        return;
    }
    w->late = true;
    op->deadline = pomex_clock_after(pomex_context_now(op->context), LAST_LOOK_SECONDS);
    pomex_wait_look(op);
}

/* When a look may follow a notice. */
static int64_t told_at(const struct pomex_wait *w)
{
    int64_t at = w->last_at + TOLD_APART;
    return at > w->not_before ? at : w->not_before;
}

/* Seconds from `now` until the next look. */
static double next_pause(const pomex_operation *op, int64_t now, double vary)
{
    const struct pomex_wait *w = op->own;
    const pomex_context *c = op->context;
    size_t count = 0;
    const double *known =
        w->fixed ? NULL : pomex_durations_of(&c->durations, w->task.kind, &count);
    double learnt = -1;
    if (known && w->task.since != POMEX_NEVER)
        learnt = pomex_pauses_learnt(&c->settings->options.poll_generation, known, count,
                                     pomex_clock_seconds(now - w->task.since));
    return pomex_pauses_next(w->pause, learnt, vary);
}

void pomex_wait_rest(pomex_operation *op, double at_least)
{
    struct pomex_wait *w = op->own;
    int64_t now = pomex_context_now(op->context);
    if (w->late) {
        pomex_waiting_time_is_up(op);
        return;
    }
    int64_t least = pomex_clock_after(now, at_least);
    w->not_before = least > w->not_before ? least : w->not_before;
    double pause = next_pause(op, now, 0.8 + 0.4 * pomex_random_next(&op->context->random));
    int64_t at = w->told ? told_at(w) : pomex_clock_after(now, pause);
    at = at > w->not_before ? at : w->not_before;
    int64_t last = op->deadline - w->lead;
    if (!w->told)
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
            pomex_waiting_time_is_up(op);
            return false;
        }
        w->late = true;
        op->deadline = pomex_clock_after(now, LAST_LOOK_SECONDS);
    }
    if (w->member.carries && pomex_waiting_looks_alone(op)) {
        pomex_wait_look(op);
        return false;
    }
    w->last_at = now;
    if (w->member.carries) {
        r->url = pomex_sweep_url(op);
    } else {
        pomex_roster_looked(&w->member);
        w->told = false;
        w->alone_at = now;
        r->url = pomex_request_url(op);
    }
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

/* Learns from an answer (NULL: the same as the one before it) how long such tasks take. */
static void learn(pomex_operation *op, enum pomex_status_class class, const json_t *answer,
                  const char *date)
{
    struct pomex_wait *w = op->own;
    pomex_context *c = op->context;
    int64_t now = pomex_context_now(c);
    if (answer)
        pomex_durations_meet(&w->task, answer, *date ? curl_getdate(date, NULL) : -1, now);
    if (class == POMEX_GOING_ON)
        w->task.going_at = w->last_at;
    else if (class == POMEX_SUCCEEDED)
        pomex_durations_add(&c->durations, &w->task, answer, now,
                            WIDEST * c->settings->options.poll_generation.max);
}

/* Reads a 2xx answer; false if it has no status. Most looks find what the one before them found:
 * the answer is the same, byte for byte, and nothing in it is read again. To parse it would cost as
 * much as libcurl's work for it. */
static bool take_look(pomex_operation *op, const pomex_outcome *o)
{
    struct pomex_wait *w = op->own;
    uint64_t mark = pomex_hash_more(POMEX_HASH_OF_NOTHING, w->look.data, w->look.length);
    bool same = w->seen && mark == w->mark;
    json_t *root = same ? NULL : pomex_json_parse(w->look.data, w->look.length);
    const char *status = pomex_json_string(root, "status");
    if (!same && !status) {
        json_decref(root);
        return false;
    }
    enum pomex_status_class class = same ? POMEX_GOING_ON : pomex_waiting_read(op, status);
    w->mark = mark;
    w->trouble = NULL;
    if (class != POMEX_GOING_ON || w->updates)
        keep_look(op);
    if (op->endpoint->id == POMEX_GENERATION_GET)
        learn(op, class, root, o->reply->date);
    const char *group = pomex_json_string(root, "group_id");
    if (group && w->member.op)
        pomex_roster_learn(&w->member, group);
    if (pomex_waiting_go_by(op, class, root))
        pomex_wait_rest(op, 0);
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
    if (w->member.carries) {
        pomex_sweep_ended(op, o);
        return;
    }
    if (answered && take_look(op, o)) {
        pomex_buffer_free(&w->look);
        return;
    }
    pomex_error *error = pomex_outcome_error(op, o, &w->look);
    bool outlived = answered || pomex_retry_transient(o) || (o->status == 404 && is_young(op));
    pomex_buffer_free(&w->look);
    if (!outlived) {
        pomex_waiting_end(op, error);
        return;
    }
    w->trouble = error->type;
    pomex_error_free(error);
    if (pomex_context_now(op->context) >= op->deadline)
        deadline_passed(op);
    else
        pomex_wait_rest(op, pomex_retry_obeyed(o->retry_after));
}

static void wait_rang(pomex_operation *op)
{
    if (pomex_context_now(op->context) >= op->deadline)
        deadline_passed(op);
    else
        pomex_wait_look(op);
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
    .cancelled = pomex_waiting_cancelled,
};

static const pomex_kind wait_kind = {.over = wait_over, .free = wait_free};

/* A notice for the object came. */
static void hear(struct pomex_wait *w)
{
    w->told = true;
    w->fixed = true;
    w->pause = TOLD_FIRST < w->max ? TOLD_FIRST : w->max;
    if (w->own_max)
        return;
    w->factor = TOLD_FACTOR;
    w->max = w->max > TOLD_MAX ? w->max : TOLD_MAX;
}

static void set_schedule(pomex_operation *op, const pomex_call_options *options)
{
    const pomex_options *o = &op->context->settings->options;
    const pomex_schedule *s =
        op->endpoint->id == POMEX_ASSET_GET ? &o->poll_asset : &o->poll_generation;
    struct pomex_wait *w = op->own;
    w->pause = options->first >= 0 ? options->first : s->first;
    w->factor = options->factor >= 1 ? options->factor : s->factor;
    w->max = options->max > 0 ? options->max : s->max;
    w->own_max = options->max > 0;
    w->fixed = !o->learn_pauses || options->first >= 0 || options->factor >= 1 || w->own_max;
    w->pause = w->pause < w->max ? w->pause : w->max;
    /* An object that existed before is looked at now. If this client just made it, the first look
     * comes when it can be ready. */
    int64_t created = pomex_created_at(&op->context->created, op->object_id);
    w->task = (pomex_durations_task){.since = POMEX_NEVER, .going_at = INT64_MIN};
    if (created >= 0 && op->endpoint->id == POMEX_GENERATION_GET)
        w->task.kind = pomex_created_kind(&op->context->created, op->object_id);
    if (w->task.kind)
        w->task.since = created;
    int64_t at = created < 0 ? 0 : pomex_clock_after(created, next_pause(op, created, 1));
    if (w->pause < 1e-3)
        w->pause = 1e-3; /* a schedule that starts at 0 must still grow */
    int64_t last = op->deadline - w->lead;
    if (pomex_created_at(&op->context->told, op->object_id) >= 0) {
        hear(w); /* the notice was faster than the answer to the creation, or than the caller */
        at = 0;
    }
    if (at <= pomex_context_now(op->context))
        pomex_wait_look(op);
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
    if (op->object_id && op->endpoint->id == POMEX_GENERATION_GET)
        pomex_held_note(op->object_id, pomex_context_recent(op->context));
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
    if (!error)
        error = pomex_operation_take(op, options);
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
    w->alone_at = pomex_context_recent(c);
    if (endpoint == POMEX_ASSET_GET && !op->headers) /* a page cannot have everybody's */
        pomex_roster_join(&w->member, op,
                          options->group ? options->group
                                         : pomex_created_group(&c->created, id),
                          op->deadline - w->lead);
    set_schedule(op, options);
    return op;
}

int pomex_wait_nudge(pomex_context *c, const char *id)
{
    int heard = 0;
    pomex_created_add(&c->told, id, pomex_context_now(c));
    pomex_created_keep(&c->told, TOLD_KEPT);
    for (pomex_node *node = c->all.next; node != &c->all; node = node->next) {
        pomex_operation *op = POMEX_HOLDER(node, pomex_operation, in_all);
        if (op->kind != &wait_kind || !op->object_id || strcmp(op->object_id, id) != 0)
            continue;
        struct pomex_wait *w = op->own;
        heard++;
        hear(w);
        int64_t at = told_at(w);
        if (op->state == POMEX_PAUSED && !w->late && at < op->timer.at)
            pomex_operation_pause(op, at); /* a time that is past rings in the next step */
    }
    return heard;
}
