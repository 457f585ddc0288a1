/* Whose turn it is: calls before polls, then first come, first served, within the limits of
 * the service, of what may be in flight, and of what one step may start. */
#include "operation.h"

static bool has_room(const pomex_client *c, int kind)
{
    if (c->room && c->in_flight + c->downloads >= c->room)
        return false;
    return kind == POMEX_DOWNLOAD ? c->downloads < (size_t)c->settings.options.max_downloads
                                  : c->in_flight < (size_t)c->settings.options.max_in_flight;
}

/* The operation that has waited longest among those that may go: of a kind that is not in
 * `shut`, with room in its lane. NULL: none. */
static pomex_operation *oldest(pomex_client *c, int polls, const bool shut[POMEX_ENDPOINTS])
{
    pomex_operation *first = NULL;
    for (int kind = 0; kind < POMEX_ENDPOINTS; kind++) {
        const pomex_link *queue = &c->queues[polls][kind];
        if (shut[kind] || pomex_list_empty(queue) || !has_room(c, kind))
            continue;
        pomex_operation *op = POMEX_HOLDER(queue->next, pomex_operation, in_queue);
        if (!first || op->turn < first->turn)
            first = op;
    }
    return first;
}

void pomex_admit(pomex_client *c)
{
    bool shut[POMEX_ENDPOINTS] = {false};
    c->queue_due = POMEX_NEVER;
    if (!c->queued)
        return;
    for (int polls = 0; polls < 2; polls++) {
        pomex_operation *op;
        while ((op = oldest(c, polls, shut))) {
            int64_t again = POMEX_NEVER;
            pomex_slot slot;
            if (c->starts >= POMEX_STARTS_A_STEP) {
                c->queue_due = 0;
                return;
            }
            if (!pomex_limiter_take(c->limiter, op->endpoint->id, pomex_recent(c), &slot,
                                    &again)) {
                shut[op->endpoint->id] = true;
                c->queue_due = again < c->queue_due ? again : c->queue_due;
                continue;
            }
            pomex_operation_unqueue(op);
            c->starts++;
            pomex_operation_start(op, slot);
        }
    }
}
