#include "operation/billed.h"

#include "rules/rules.h"

#include <string.h>

/* Whether the operation looks at a task, waits for it or downloads it. Only the answer to a create
 * gives the id of a task, so the task is paid for unless the service says otherwise. */
static bool is_about_task(const pomex_operation *op)
{
    return (op->own && op->kind->about_task) || op->endpoint->id == POMEX_GENERATION_GET;
}

/* Whether the request, sent or not yet sent, could cost something. */
static bool may_be_billed(const pomex_operation *op)
{
    return op->effect == POMEX_EFFECT_BILLED || op->effect == POMEX_EFFECT_UNKNOWN;
}

/* The service knows no such task, and nothing proves that it ever did. */
static bool is_unknown(const pomex_operation *op, const pomex_error *error)
{
    return strcmp(error->type, "not_found_error") == 0 &&
           op->endpoint->id == POMEX_GENERATION_GET && !error->last_status &&
           pomex_created_at(&op->context->created, op->object_id) < 0;
}

/* The task of a cancel has ended otherwise than with a video, or perhaps has: the document does not
 * say whether such a task is billed. */
static bool is_cancelled(const pomex_operation *op, const pomex_error *error)
{
    if (op->effect != POMEX_EFFECT_CANCEL)
        return false;
    bool over =
        pomex_rules_status_class(POMEX_GENERATION_GET, error->last_status) == POMEX_FAILED;
    return over || strcmp(error->type, "ambiguous_error") == 0;
}

pomex_billed pomex_billed_of(const pomex_operation *op, const pomex_error *error)
{
    bool malformed = error->client && !op->object_id; /* no task has such an id */
    if (is_about_task(op) && !malformed) {
        bool failed = strcmp(error->type, "generation_failed") == 0;
        if (is_cancelled(op, error))
            return POMEX_BILLED_MAYBE;
        return failed || is_unknown(op, error) ? POMEX_BILLED_MAYBE : POMEX_BILLED_YES;
    }
    bool in_doubt = strcmp(error->type, "ambiguous_error") == 0;
    return in_doubt && may_be_billed(op) ? POMEX_BILLED_MAYBE : POMEX_BILLED_NO;
}

pomex_billed pomex_billed_so_far(const pomex_operation *op)
{
    if (op->error)
        return op->error->billed;
    bool made = op->state == POMEX_DONE && op->effect == POMEX_EFFECT_BILLED;
    if (op->state == POMEX_DONE && op->effect == POMEX_EFFECT_CANCEL)
        return POMEX_BILLED_MAYBE; /* it is cancelled */
    if (made || is_about_task(op))
        return POMEX_BILLED_YES;
    return may_be_billed(op) ? POMEX_BILLED_MAYBE : POMEX_BILLED_NO;
}
