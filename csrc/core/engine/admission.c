/* Whose turn it is: calls before low_priority, of which every fourth start is one where any waits; then
 * first come, first served, within the limits of the service, of what may be in flight, and of
 * what one step may start. */
#include "operation/operation.h"

/* However many calls there are, no poll waits for more of them than this. */
#define CALLS_IN_A_ROW 3

static bool has_room(const pomex_client *c, int kind)
{
    if (c->room && c->in_flight + c->downloads >= c->room)
        return false;
    return kind == POMEX_DOWNLOAD ? c->downloads < (size_t)c->settings.options.max_downloads
                                  : c->in_flight < (size_t)c->settings.options.max_in_flight;
}

/* The operation that has waited longest among those that may go: of a kind that is not in
 * `skip`, with room in its lane. NULL: none. */
static pomex_operation *oldest(pomex_client *c, int low_priority,
                               const bool skip[POMEX_ENDPOINTS])
{
    pomex_operation *first = NULL;
    for (int kind = 0; kind < POMEX_ENDPOINTS; kind++) {
        const pomex_node *queue = &c->queues[low_priority][kind];
        if (skip[kind] || pomex_list_empty(queue) || !has_room(c, kind))
            continue;
        pomex_operation *op = POMEX_HOLDER(queue->next, pomex_operation, in_queue);
        if (!first || op->turn < first->turn)
            first = op;
    }
    return first;
}

/* Whose turn it is: a call's, except that after three calls in a row which started while a poll
 * could have, a poll has its turn. */
static pomex_operation *next(pomex_client *c, const bool skip[POMEX_ENDPOINTS])
{
    pomex_operation *call = oldest(c, 0, skip), *poll = oldest(c, 1, skip);
    bool calls_turn = !poll || c->calls_in_a_row < CALLS_IN_A_ROW;
    return call && calls_turn ? call : poll;
}

/* Starts an operation, and counts its turn. One that had too little time left ended instead of
 * starting: its turn is that of the next of its sort. */
static void start(pomex_client *c, pomex_operation *op, pomex_slot slot, bool poll_waited)
{
    pomex_operation_unqueue(op);
    c->starts++;
    pomex_operation_start(op, slot);
    if (op->state != POMEX_FLYING)
        return;
    if (op->low_priority)
        c->calls_in_a_row = 0;
    else if (poll_waited)
        c->calls_in_a_row++;
}

void pomex_admission_run(pomex_client *c)
{
    bool skip[POMEX_ENDPOINTS] = {false};
    pomex_operation *op;
    c->queue_due = POMEX_NEVER;
    if (!c->queued)
        return;
    while ((op = next(c, skip))) {
        int64_t again = POMEX_NEVER;
        pomex_slot slot;
        if (c->starts >= POMEX_STARTS_A_STEP) {
            c->queue_due = 0;
            return;
        }
        if (!pomex_limiter_take(c->limiter, op->endpoint->id, pomex_recent(c), &slot, &again)) {
            skip[op->endpoint->id] = true;
            c->queue_due = again < c->queue_due ? again : c->queue_due;
            continue;
        }
        start(c, op, slot, oldest(c, 1, skip) != NULL);
    }
}
