#include "operation/cancel.h"

#include "base/ascii.h"
#include "base/json.h"
#include "operation/attempt.h"
#include "operation/call.h"
#include "operation/held.h"
#include "operation/outcome.h"
#include "operation/request.h"
#include "operation/retry.h"
#include "rules/rules.h"
#include "rules/violation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long "queued" is believed, from when the look was sent: what the answer says can be as old as
 * that. It is counted by BOOTTIME, which goes on while the machine sleeps. */
#define FRESH (2 * POMEX_SECOND)

/* How long after a DELETE in doubt each look comes, until one tells what became of the task. */
static const double pauses[] = {0.25, 1, 2, 4};
#define LOOKS ((int)(sizeof pauses / sizeof *pauses))

struct pomex_cancel {
    int64_t asked;      /* when the latest look began … */
    int64_t asked_boot; /* … and the same by BOOTTIME */
    int64_t fresh_until;
    pomex_buffer look;  /* the answer of the latest look */
    char status[64];    /* what it says; "": no look was answered */
    pomex_error *error; /* of the DELETE, while it is in doubt */
    int refused;        /* the status of the answer that left it in doubt; 0: none came */
    int looks;          /* since then */
};

static void cancel_free(void *own)
{
    struct pomex_cancel *cancel = own;
    pomex_buffer_free(&cancel->look);
    pomex_error_free(cancel->error);
    free(cancel);
}

static const pomex_kind cancel_kind = {.free = cancel_free, .about_task = true};

static const pomex_stage look_stage, delete_stage, doubt_stage;

static void enter(pomex_operation *op, const pomex_stage *stage)
{
    op->stage = stage;
    op->endpoint = pomex_endpoint_of(stage == &delete_stage ? POMEX_GENERATION_CANCEL
                                                            : POMEX_GENERATION_GET);
}

static void cancel_rang(pomex_operation *op)
{
    if (op->state == POMEX_PAUSED)
        pomex_queue_add(op);
    else
        pomex_operation_finish(
            op, pomex_operation_timed_out(op,
                                          "the task was not cancelled within %.3g s; "
                                          "nothing is under way",
                                          pomex_clock_seconds(op->deadline - op->started)));
}

/* ------------------------------------------------------------------------------- the looks */

static bool look_request(pomex_operation *op, pomex_request *r)
{
    struct pomex_cancel *cancel = op->own;
    const pomex_clock *clock = op->context->clock;
    cancel->asked = pomex_context_now(op->context);
    cancel->asked_boot = clock->read(clock->user, POMEX_CLOCK_BOOTTIME);
    r->url = pomex_request_url(op);
    r->authorized = true;
    r->fresh = true;
    r->into = &cancel->look;
    return true;
}

/* Notes the status that a look's answer says. NULL: it says none. The caller gives the answer
 * back. */
static json_t *read_look(pomex_operation *op, const pomex_outcome *o)
{
    struct pomex_cancel *cancel = op->own;
    if (o->ending != POMEX_ANSWERED || o->status < 200 || o->status >= 300)
        return NULL;
    json_t *task = pomex_json_parse(cancel->look.data, cancel->look.length);
    const char *status = pomex_json_string(task, "status");
    char *shown = status ? pomex_operation_shown(op, status) : NULL;
    if (!shown) {
        json_decref(task);
        return NULL;
    }
    snprintf(cancel->status, sizeof cancel->status, "%s", shown);
    free(shown);
    pomex_event_look(op, cancel->status);
    return task;
}

static bool is_cancelled(const char *status)
{
    return pomex_ascii_equal(status, "cancelled") || pomex_ascii_equal(status, "canceled");
}

/* The operation has succeeded: its answer is the task, which says that it is cancelled. */
static void succeed(pomex_operation *op, json_t *task)
{
    size_t length = 0;
    bool said = task && (is_cancelled(json_string_value(json_object_get(task, "status"))) ||
                         json_object_set_new(task, "status", json_string("cancelled")) == 0);
    char *text = said ? pomex_json_text(task, &length) : NULL;
    pomex_buffer_clear(&op->reply);
    bool kept = text && pomex_buffer_append(&op->reply, text, length, POMEX_MAX_BODY);
    free(text);
    enter(op, &delete_stage);
    pomex_operation_finish(op, kept ? NULL : pomex_error_lost(true));
}

static pomex_error *not_queued(pomex_operation *op, const json_t *task)
{
    const struct pomex_cancel *cancel = op->own;
    size_t length;
    enter(op, &delete_stage);
    pomex_error *error = pomex_operation_error_new(
        op, "cancel_failed", "task %s is \"%s\": only a task that is queued can be cancelled",
        op->object_id, cancel->status);
    pomex_operation_show_request(op, error);
    pomex_error_set_last_status(error, strdup(cancel->status));
    char *text = pomex_json_text(task, &length);
    if (text)
        pomex_error_set_object(error, pomex_operation_shown(op, text));
    free(text);
    return error;
}

static void look_ended(pomex_operation *op, const pomex_outcome *o)
{
    struct pomex_cancel *cancel = op->own;
    json_t *task = read_look(op, o);
    if (task && pomex_ascii_equal(cancel->status, "queued")) {
        cancel->fresh_until = cancel->asked_boot + (o->sent_at - cancel->asked) + FRESH;
        enter(op, &delete_stage);
        pomex_queue_add(op);
    } else if (task) {
        pomex_operation_finish(op, not_queued(op, task));
    } else {
        pomex_error *error = pomex_outcome_error(op, o, &cancel->look);
        if (pomex_retry_transient(o))
            pomex_attempt_retry(op, o, error, 0);
        else
            pomex_operation_finish(op, error);
    }
    json_decref(task);
}

/* ------------------------------------------------------------------------------ the DELETE */

static bool delete_request(pomex_operation *op, pomex_request *r)
{
    const struct pomex_cancel *cancel = op->own;
    if (pomex_clock_expired(op->context->clock, op->expires)) {
        pomex_operation_finish(op, pomex_outcome_late(op));
        return false;
    }
    r->url = pomex_request_url(op);
    r->authorized = true;
    r->once = true;
    r->send_by = op->deadline;
    r->expires = op->expires < cancel->fresh_until ? op->expires : cancel->fresh_until;
    return true;
}

/* The DELETE was perhaps carried out. It is never sent again: by then the video can be there. */
static void doubt(pomex_operation *op, const pomex_outcome *o, pomex_error *error)
{
    struct pomex_cancel *cancel = op->own;
    int64_t at = pomex_clock_after(pomex_context_now(op->context), pauses[0]);
    if (o->ending == POMEX_CANCELLED || at >= op->deadline) {
        pomex_operation_finish(op, pomex_outcome_ambiguous(op, error));
        return;
    }
    cancel->error = error;
    cancel->refused = o->status;
    enter(op, &doubt_stage);
    pomex_operation_pause(op, at);
}

static void delete_ended(pomex_operation *op, const pomex_outcome *o)
{
    struct pomex_cancel *cancel = op->own;
    if (o->ending == POMEX_LATE && !pomex_clock_expired(op->context->clock, op->expires)) {
        enter(op, &look_stage);
        pomex_attempt_go_on(op);
        return;
    }
    enum pomex_verdict verdict = pomex_retry_verdict(op->effect, o, true, false);
    if (verdict == POMEX_ACCEPT) {
        json_t *task = pomex_json_parse(cancel->look.data, cancel->look.length);
        succeed(op, task);
        json_decref(task);
        return;
    }
    pomex_error *error = pomex_outcome_error(op, o, &op->reply);
    if (verdict == POMEX_AMBIGUOUS) {
        doubt(op, o, error);
    } else if (verdict == POMEX_AGAIN) {
        enter(op, &look_stage);
        pomex_attempt_retry(op, o, error, 0);
    } else {
        pomex_operation_finish(op, error);
    }
}

/* ------------------------------------------------------------- looks after one that is in doubt */

static pomex_error *give_up(pomex_operation *op)
{
    struct pomex_cancel *cancel = op->own;
    pomex_error *error = pomex_outcome_ambiguous(op, cancel->error);
    cancel->error = NULL;
    if (cancel->looks && cancel->status[0])
        pomex_error_set_last_status(error, strdup(cancel->status));
    return error;
}

static void look_again(pomex_operation *op)
{
    const struct pomex_cancel *cancel = op->own;
    int64_t at = POMEX_NEVER;
    if (cancel->looks < LOOKS)
        at = pomex_clock_after(pomex_context_now(op->context), pauses[cancel->looks]);
    if (at < op->deadline)
        pomex_operation_pause(op, at);
    else
        pomex_operation_finish(op, give_up(op));
}

static void doubt_ended(pomex_operation *op, const pomex_outcome *o)
{
    struct pomex_cancel *cancel = op->own;
    json_t *task = read_look(op, o);
    cancel->looks++;
    if (task && is_cancelled(cancel->status))
        succeed(op, task);
    else if (task && !pomex_ascii_equal(cancel->status, "queued"))
        pomex_operation_finish(op, cancel->refused == 409 ? not_queued(op, task) : give_up(op));
    else if (o->ending == POMEX_CANCELLED || o->refused_there || o->status == 404)
        pomex_operation_finish(op, give_up(op));
    else
        look_again(op);
    json_decref(task);
}

static void doubt_rang(pomex_operation *op)
{
    if (op->state == POMEX_PAUSED)
        pomex_queue_add(op);
    else
        pomex_operation_finish(op, give_up(op));
}

static const pomex_stage look_stage = {.request = look_request,
                                       .ended = look_ended,
                                       .rang = cancel_rang,
                                       .attempt_deadline = pomex_attempt_deadline};

static const pomex_stage delete_stage = {.request = delete_request,
                                         .ended = delete_ended,
                                         .rang = cancel_rang,
                                         .attempt_deadline = pomex_attempt_deadline};

static const pomex_stage doubt_stage = {.request = look_request,
                                        .ended = doubt_ended,
                                        .rang = doubt_rang,
                                        .attempt_deadline = pomex_attempt_deadline,
                                        .cancelled = give_up,
                                        .starved = give_up};

/* ----------------------------------------------------------------------------------- begin */

static pomex_error *prepare(pomex_operation *op, const char *id, size_t id_length)
{
    pomex_violation violation;
    if (!pomex_rules_check_id(id, id_length, &violation))
        return pomex_violation_error(op->endpoint->name, &violation);
    op->own = calloc(1, sizeof(struct pomex_cancel));
    op->object_id = strndup(id, id_length);
    if (op->object_id)
        pomex_held_note(op->object_id, pomex_context_recent(op->context));
    return op->object_id && op->own ? NULL : pomex_error_memory();
}

pomex_operation *pomex_cancel_begin(pomex_context *c, const char *id, size_t id_length,
                                    const pomex_call_options *options)
{
    pomex_operation *op = pomex_call_new(c, POMEX_GENERATION_CANCEL, options);
    if (!op)
        return NULL;
    op->kind = &cancel_kind;
    pomex_error *error = prepare(op, id, id_length);
    if (!error)
        error = pomex_operation_take(op, options);
    enter(op, error ? &delete_stage : &look_stage);
    pomex_call_begin(op, error);
    return op;
}
