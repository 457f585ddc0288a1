#include "operation/waiting.h"

#include "operation/outcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A page can be old, or leave an asset out. So each asset is looked at alone as often as this, and
 * before the deadline, whatever the pages say. */
#define ALONE (60 * POMEX_SECOND)

static const char *noun(const pomex_operation *op)
{
    return op->endpoint->id == POMEX_GENERATION_GET ? "task" : "asset";
}

static void add_status(const pomex_operation *op, pomex_error *error)
{
    const struct pomex_wait *w = op->own;
    if (w->status[0])
        pomex_error_set_last_status(error, strdup(w->status)); /* masked already */
    pomex_operation_show_request(op, error);
}

void pomex_waiting_end(pomex_operation *op, pomex_error *error)
{
    add_status(op, error);
    pomex_operation_finish(op, error);
}

void pomex_waiting_time_is_up(pomex_operation *op)
{
    struct pomex_wait *w = op->own;
    pomex_roster_looked(&w->member); /* the error is of the asset, and not of a list */
    pomex_error *error =
        w->status[0] ? pomex_operation_timed_out(op, "%s %s is still \"%s\" after %.4g s",
                                                 noun(op), op->object_id, w->status, w->timeout)
                     : pomex_operation_timed_out(op, "%s %s was not seen within %.4g s",
                                                 noun(op), op->object_id, w->timeout);
    pomex_error_set_cause(error, w->trouble);
    pomex_error_set_hint(error, "nothing is lost: wait for the same id again%s%s",
                         w->trouble ? "; the latest look ended in " : "",
                         w->trouble ? w->trouble : "");
    pomex_waiting_end(op, error);
}

void pomex_waiting_failed(pomex_operation *op, const json_t *object)
{
    const struct pomex_wait *w = op->own;
    pomex_error *error = pomex_outcome_failed(op, w->status, object);
    pomex_error_set_status(error, op->status);
    pomex_waiting_end(op, error);
}

pomex_error *pomex_waiting_cancelled(pomex_operation *op)
{
    struct pomex_wait *w = op->own;
    pomex_roster_looked(&w->member);
    pomex_error *error =
        pomex_operation_error_new(op, "cancelled_error", "the wait for %s %s was %s", noun(op),
                                  op->object_id, op->context->closed ? "closed" : "cancelled");
    add_status(op, error);
    return error;
}

bool pomex_waiting_looks_alone(const pomex_operation *op)
{
    const struct pomex_wait *w = op->own;
    int64_t now = pomex_context_recent(op->context);
    return w->late || w->told || now >= op->deadline - w->lead || now >= w->alone_at + ALONE;
}

enum pomex_status_class pomex_waiting_read(pomex_operation *op, const char *status)
{
    struct pomex_wait *w = op->own;
    char *shown =
        pomex_operation_shown(op, status); /* masked first: the cut can leave half a key */
    snprintf(w->status, sizeof w->status, "%s", shown ? shown : "?");
    free(shown);
    w->seen = true;
    return pomex_rules_status_class(op->endpoint->id, status);
}

bool pomex_waiting_go_by(pomex_operation *op, enum pomex_status_class class,
                         const json_t *object)
{
    const struct pomex_wait *w = op->own;
    pomex_event_look(op, w->status);
    if (class == POMEX_SUCCEEDED)
        pomex_operation_finish(op, NULL);
    else if (class == POMEX_FAILED)
        pomex_waiting_failed(op, object);
    else if (w->updates)
        pomex_operation_tell(op, POMEX_NEWS_UPDATE);
    return class == POMEX_GOING_ON;
}
