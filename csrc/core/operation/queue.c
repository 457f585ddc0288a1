#include "operation/queue.h"

#include "operation/operation.h"

void pomex_queue_init(pomex_queue *queue)
{
    queue->due = POMEX_NEVER;
    pomex_list_init(&queue->cleared);
    for (int kind = 0; kind < POMEX_ENDPOINTS; kind++) {
        pomex_list_init(&queue->lanes[0][kind]);
        pomex_list_init(&queue->lanes[1][kind]);
    }
}

void pomex_queue_add(pomex_operation *op)
{
    pomex_queue *queue = &op->context->queue;
    op->state = POMEX_QUEUED;
    pomex_event_next(op, 0);
    pomex_timer_set(&op->context->timers, &op->timer, op->deadline);
    pomex_list_append(&queue->lanes[op->low_priority][op->endpoint->id], &op->in_queue);
    op->turn = ++queue->last_turn;
    queue->count++;
    queue->due = 0;
}

void pomex_queue_add_first(pomex_operation *op)
{
    uint64_t turn = op->turn;
    pomex_queue_add(op);
    op->turn = turn;
    pomex_list_remove(&op->in_queue);
    pomex_list_prepend(&op->context->queue.lanes[op->low_priority][op->endpoint->id],
                       &op->in_queue);
}

void pomex_queue_add_cleared(pomex_operation *op)
{
    pomex_queue_add(op);
    pomex_list_remove(&op->in_queue);
    pomex_list_append(&op->context->queue.cleared, &op->in_queue);
}

void pomex_queue_leave(pomex_operation *op)
{
    op->context->queue.count -= pomex_list_linked(&op->in_queue);
    pomex_list_remove(&op->in_queue);
}

static size_t *running(const pomex_operation *op)
{
    pomex_queue *queue = &op->context->queue;
    return op->endpoint->of_service ? &queue->in_flight : &queue->downloads;
}

void pomex_queue_note_start(const pomex_operation *op)
{
    ++*running(op);
}

void pomex_queue_note_end(const pomex_operation *op)
{
    pomex_queue *queue = &op->context->queue;
    --*running(op);
    if (queue->count)
        queue->due = 0;
}
