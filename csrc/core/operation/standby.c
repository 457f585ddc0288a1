#include "operation/standby.h"

/* How long a call that stands keeps its place among those in flight: a caller whose disk hangs must
 * not hold up all others. The limiter takes its slot away as soon. */
#define KEPT_FOR POMEX_SECOND

void pomex_standby_begin(pomex_operation *op, pomex_slot slot)
{
    pomex_context *c = op->context;
    op->state = POMEX_STANDING;
    op->slot = slot;
    op->holds_slot = true;
    pomex_queue_note_start(op);
    pomex_timer_set(&c->timers, &op->timer, pomex_context_recent(c) + KEPT_FOR);
    pomex_operation_tell(op, POMEX_NEWS_UPDATE);
}

pomex_slot pomex_standby_take(pomex_operation *op)
{
    op->holds_slot = false;
    pomex_queue_note_end(op);
    return op->slot;
}

void pomex_standby_end(pomex_operation *op)
{
    if (!op->holds_slot)
        return;
    pomex_slot slot = pomex_standby_take(op);
    pomex_limiter_give_back(op->context->net->limiter, &slot);
}

bool pomex_operation_stands(const pomex_operation *op)
{
    return op->state == POMEX_STANDING;
}

void pomex_operation_proceed(pomex_operation *op, double send_by)
{
    pomex_context *c = op->context;
    if (op->state != POMEX_STANDING || c->closed || !c->hooks->is_usable(c))
        return;
    int64_t now = pomex_context_now(c), whole = op->deadline - op->started;
    op->started = now;
    op->deadline = whole < POMEX_NEVER - now ? now + whole : POMEX_NEVER;
    op->expires = send_by >= 0 ? pomex_clock_ns(send_by) : POMEX_NEVER;
    op->stands_by = false;
    if (op->holds_slot)
        pomex_queue_add_cleared(op);
    else
        pomex_queue_add_first(op);
    if (!c->stepping)
        c->hooks->changed(c);
}
