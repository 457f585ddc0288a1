#include "engine/admission.h"

#include "operation/attempt.h"
#include "operation/standby.h"

/* The most attempts that one step starts: a step that starts 300 takes 198 ms, one that starts 16
 * takes 6 ms. */
#define STARTS_A_STEP 16

/* The most calls in a row that a wait stands back for, however many there are. */
#define CALLS_IN_A_ROW 3

static bool has_room(const pomex_context *c, pomex_endpoint_id kind)
{
    const pomex_queue *q = &c->queue;
    const pomex_options *o = &c->settings->options;
    if (q->room && q->in_flight + q->downloads >= q->room)
        return false;
    return pomex_endpoint_of(kind)->of_service ? q->in_flight < (size_t)o->max_in_flight
                                               : q->downloads < (size_t)o->max_downloads;
}

/* The operation that has waited longest, among those of a kind that is not in `skip` and has room.
 * NULL: none. */
static pomex_operation *oldest(const pomex_context *c, int low_priority,
                               const bool skip[POMEX_ENDPOINTS])
{
    pomex_operation *first = NULL;
    for (int kind = 0; kind < POMEX_ENDPOINTS; kind++) {
        const pomex_node *lane = &c->queue.lanes[low_priority][kind];
        if (skip[kind] || pomex_list_empty(lane) || !has_room(c, (pomex_endpoint_id)kind))
            continue;
        pomex_operation *op = POMEX_HOLDER(lane->next, pomex_operation, in_queue);
        if (!first || op->turn < first->turn)
            first = op;
    }
    return first;
}

/* The operation whose turn it is: a call, but after three calls in a row which started while a wait
 * could have started, a wait. */
static pomex_operation *next(const pomex_admission *a, const pomex_context *c,
                             const bool skip[POMEX_ENDPOINTS])
{
    pomex_operation *call = oldest(c, 0, skip), *wait = oldest(c, 1, skip);
    bool calls_turn = !wait || a->calls_in_a_row < CALLS_IN_A_ROW;
    return call && calls_turn ? call : wait;
}

/* Starts an operation, and counts its turn. An operation that had too little time left ends instead
 * of starting, and its turn goes to the next of its sort. */
static void start(pomex_admission *a, pomex_operation *op, pomex_slot slot, bool wait_waited)
{
    pomex_queue_leave(op);
    if (op->stands_by) {
        pomex_standby_begin(op, slot);
        return;
    }
    a->starts++;
    pomex_attempt_start(op, slot);
    if (op->state != POMEX_FLYING)
        return;
    if (op->low_priority)
        a->calls_in_a_row = 0;
    else if (wait_waited)
        a->calls_in_a_row++;
}

void pomex_admission_note_step(pomex_admission *a)
{
    a->starts = 0;
}

/* Starts what stood by and may go on: it had its turn. False: this step may start no more. */
static bool start_cleared(pomex_admission *a, pomex_context *c)
{
    static const bool none[POMEX_ENDPOINTS];
    while (!pomex_list_empty(&c->queue.cleared)) {
        if (a->starts >= STARTS_A_STEP)
            return false;
        pomex_operation *op = POMEX_HOLDER(c->queue.cleared.next, pomex_operation, in_queue);
        start(a, op, pomex_standby_take(op), oldest(c, 1, none) != NULL);
    }
    return true;
}

void pomex_admission_run(pomex_admission *a, pomex_context *c)
{
    bool skip[POMEX_ENDPOINTS] = {false};
    pomex_operation *op;
    bool more = start_cleared(a, c);
    c->queue.due = more ? POMEX_NEVER : 0;
    if (!c->queue.count || !more)
        return;
    while ((op = next(a, c, skip))) {
        int64_t again = POMEX_NEVER;
        pomex_slot slot;
        pomex_endpoint_id kind = op->endpoint->id;
        if (a->starts >= STARTS_A_STEP && !op->stands_by) {
            c->queue.due = 0;
            return;
        }
        if (!pomex_limiter_take(c->net->limiter, kind, pomex_context_recent(c), &slot,
                                &again)) {
            skip[kind] = true;
            c->queue.due = again < c->queue.due ? again : c->queue.due;
            continue;
        }
        start(a, op, slot, oldest(c, 1, skip) != NULL);
    }
}

int64_t pomex_admission_due(const pomex_admission *a, const pomex_context *c)
{
    return a->starts < STARTS_A_STEP ? c->queue.due : POMEX_NEVER;
}
