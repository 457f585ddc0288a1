#include "engine/loop.h"

#include "engine/client.h"
#include "engine/wakeup.h"
#include "operation/attempt.h"

#include <string.h>

#define ROUNDS_A_STEP 64

/* Seconds of work in a step for which the host names no budget: a third of a frame. */
#define USUAL_BUDGET 0.005

/* An attempt times out only after its socket was read once past the deadline. Under a constant
 * load, when the epoll set never goes quiet, it times out this much after every ready socket was
 * read. If that takes longer than this, it times out after its own socket was read. */
#define TIMER_GRACE_NS (POMEX_SECOND / 20)

/* ------------------------------------------------------------------------ starts and ends */

/* Ends the attempts that libcurl has ended. libcurl is never called from one of its callbacks; a
 * callback only records what libcurl wants. */
static void drain(pomex_client *c)
{
    pomex_outcome outcome;
    pomex_transfer *transfer;
    while ((transfer = pomex_net_next_ended(&c->net, &outcome)))
        pomex_attempt_ended(transfer->owner, &outcome);
}

/* Ends attempts that are over, and starts operations whose turn has come. */
static void run(pomex_client *c)
{
    drain(c); /* first, so that no request avoids a connection that only seems to be in use */
    pomex_admission_run(&c->admission, &c->context);
    pomex_net_run_timer(&c->net);
    drain(c);
}

void pomex_loop_kick(pomex_client *c)
{
    if (c->context.stepping || c->context.closed)
        return;
    c->context.stepping = true;
    pomex_context_note_gap(&c->context);
    pomex_socket_note_sleep(&c->net); /* else it could use a connection that slept */
    run(c);
    c->context.stepping = false;
    if (!pomex_list_empty(&c->context.news))
        c->context.unheard = true;
    pomex_wakeup_rearm(c);
}

/* ---------------------------------------------------------------------------------- timers */

/* Rings the timers that are due; false if `limit` came first. `horizon`: the sockets of attempts
 * that should have ended by then have been read. */
static bool ring(pomex_client *c, int64_t horizon, int64_t limit)
{
    pomex_timers *timers = &c->context.timers;
    int64_t now = pomex_clock_now(&c->clock);
    pomex_timer *timer;
    for (unsigned n = 1; (timer = pomex_timer_first(timers)) && timer->at <= now; n++) {
        pomex_operation *op = POMEX_HOLDER(timer, pomex_operation, timer);
        if (n % 32 == 0 && pomex_clock_now(&c->clock) >= limit)
            return false;
        op->overdue = op->overdue ? op->overdue : timer->at;
        bool unread = op->state == POMEX_FLYING && op->overdue > horizon;
        if (unread && now < op->overdue + TIMER_GRACE_NS) {
            pomex_timer_set(timers, timer, now + POMEX_SECOND / 1000);
            continue;
        }
        if (unread) {
            pomex_socket_read_now(&c->net, op->transfer);
            drain(c);
        }
        if (!unread || op->state == POMEX_FLYING)
            pomex_operation_rang(op);
    }
    return true;
}

/* --------------------------------------------------------------------------------- batches */

/* Asks the kernel for a batch of events, unless an earlier step left some of one. */
static void fill_batch(pomex_client *c)
{
    pomex_loop *l = &c->loop;
    if (l->ready_count)
        return;
    l->batch_at = pomex_clock_recent(&c->clock);
    l->ready_count = epoll_wait(l->epoll_fd, l->ready, POMEX_EPOLL_EVENTS, 0);
    l->batch_was_full = l->ready_count == POMEX_EPOLL_EVENTS;
}

/* A batch is done: sets swept_at, unless more sockets can be ready than one batch holds. */
static void note_sweep(pomex_client *c)
{
    pomex_loop *l = &c->loop;
    l->full_batches = l->batch_was_full ? l->full_batches + 1 : 0;
    if (!l->batch_was_full || l->full_batches * POMEX_EPOLL_EVENTS > c->net.socket_count) {
        l->swept_at = l->batch_at;
        l->full_batches = 0;
    }
}

/* Handles one batch of events, or the rest of an earlier one. Returns how many events were
 * libcurl's. */
static int run_batch(pomex_client *c, int64_t limit)
{
    pomex_loop *l = &c->loop;
    fill_batch(c);
    int i = 0, worked = 0, count = l->ready_count > 0 ? l->ready_count : 0;
    l->ready_count = 0;
    for (; i < count && (i == 0 || pomex_clock_now(&c->clock) < limit); i++) {
        int fd = l->ready[i].data.fd;
        if (pomex_wakeup_take(c, fd))
            continue;
        worked++;
        pomex_socket_ready(&c->net, fd, l->ready[i].events);
    }
    /* The tail of the list is kept: the kernel hands a full list back in the same order, so sockets
     * at its tail would starve. */
    l->ready_count = count - i;
    memmove(l->ready, l->ready + i, (size_t)l->ready_count * sizeof *l->ready);
    if (!l->ready_count)
        note_sweep(c);
    return worked;
}

/* Lets the transfers that have yielded go on, in order. Returns whether there was any. */
static bool run_yielded(pomex_client *c, int64_t limit)
{
    const pomex_node *last = c->net.yielded.previous;
    bool any = !pomex_list_empty(&c->net.yielded);
    for (bool more = any; more; more = more && pomex_clock_now(&c->clock) < limit) {
        pomex_node *node = c->net.yielded.next;
        pomex_transfer *transfer = POMEX_HOLDER(node, pomex_transfer, in_yielded);
        pomex_outcome outcome;
        more = node != last;
        if (pomex_transfer_resume(transfer, &outcome))
            pomex_attempt_ended(transfer->owner, &outcome);
    }
    return any;
}

/* ------------------------------------------------------------------------------------ step */

/* Whether a round left nothing to do just now. */
static bool is_quiet(const pomex_client *c)
{
    int64_t due = pomex_admission_due(&c->admission, &c->context);
    due = due < c->net.curl_due ? due : c->net.curl_due;
    return !c->loop.ready_count && !c->loop.batch_was_full &&
           due > pomex_clock_recent(&c->clock);
}

void pomex_loop_step(pomex_client *c, double budget)
{
    pomex_loop *l = &c->loop;
    int64_t limit =
        pomex_clock_after(pomex_clock_now(&c->clock), budget > 0 ? budget : USUAL_BUDGET);
    bool quiet = false;
    pomex_admission_note_step(&c->admission);
    pomex_context_note_gap(&c->context);
    pomex_socket_note_sleep(&c->net);
    pomex_socket_watch_again(&c->net);
    l->behind = c->context.unheard = false;
    if (l->wake_at <= pomex_clock_recent(&c->clock))
        l->wake_at = POMEX_NEVER;
    for (int round = 0; round < ROUNDS_A_STEP && !quiet; round++) {
        int worked = run_batch(c, limit) + run_yielded(c, limit);
        run(c);
        quiet = !worked && is_quiet(c);
        if (pomex_clock_now(&c->clock) >= limit && !quiet)
            break;
    }
    l->behind = !quiet;
    l->behind |= !ring(c, quiet ? l->swept_at : l->swept_at - TIMER_GRACE_NS, limit);
    if (pomex_clock_now(&c->clock) < limit)
        run(c);
    c->context.stepped_at = pomex_clock_now(&c->clock);
}
