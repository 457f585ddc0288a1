#include "inside.h"

#include "engine/client.h"
#include "operation/operation.h"

bool inside_is_queued(const pomex_operation *op)
{
    return op->state == POMEX_QUEUED;
}

bool inside_is_flying(const pomex_operation *op)
{
    return op->state == POMEX_FLYING;
}

bool inside_is_paused(const pomex_operation *op)
{
    return op->state == POMEX_PAUSED;
}

bool inside_has_received(const pomex_operation *op)
{
    return op->transfer && op->transfer->received;
}

bool inside_goes_out_once(const void *transfer)
{
    return ((const pomex_transfer *)transfer)->once;
}

void inside_note_sent(void *transfer)
{
    ((pomex_transfer *)transfer)->sent = true;
}

bool inside_is_wait(const pomex_operation *op)
{
    return op->low_priority;
}

const pomex_endpoint *inside_endpoint(const pomex_operation *op)
{
    return op->endpoint;
}

pomex_client *inside_client(const pomex_operation *op)
{
    return POMEX_HOLDER(op->context, pomex_client, context);
}

int64_t inside_deadline(const pomex_operation *op)
{
    return op->deadline;
}

int64_t inside_now(pomex_client *client)
{
    return pomex_clock_now(&client->clock);
}

int64_t inside_recent(const pomex_client *client)
{
    return pomex_clock_recent(&client->clock);
}

size_t inside_in_flight(const pomex_client *client)
{
    return client->context.queue.in_flight;
}

/* Whether one of a queue has time left: the others only end when their turn comes. */
static bool has_time(const pomex_client *client, const pomex_node *queue)
{
    for (const pomex_node *node = queue->next; node != queue; node = node->next)
        if (POMEX_HOLDER(node, pomex_operation, in_queue)->deadline >
            pomex_clock_recent(&client->clock))
            return true;
    return false;
}

bool inside_could_start(pomex_client *client, bool wait)
{
    if (client->context.queue.in_flight >= (size_t)client->settings.options.max_in_flight)
        return false;
    for (int kind = 0; kind < POMEX_ENDPOINTS; kind++) {
        pomex_slot slot;
        int64_t again;
        if (!has_time(client, &client->context.queue.lanes[wait][kind]) ||
            !pomex_limiter_take(client->net.limiter, (pomex_endpoint_id)kind,
                                pomex_clock_recent(&client->clock), &slot, &again))
            continue;
        pomex_limiter_give_back(client->net.limiter, &slot);
        return true;
    }
    return false;
}

bool inside_goes_on(const pomex_client *client)
{
    return client->loop.ready_count;
}

int inside_socket(const pomex_client *client)
{
    for (size_t fd = 0; fd < client->net.socket_count; fd++)
        if (client->net.sockets[fd].ours)
            return (int)fd;
    return -1;
}

pomex_limiter *inside_swap_limiter(pomex_client *client, pomex_limiter *limiter)
{
    pomex_limiter *before = client->net.limiter;
    client->net.limiter = limiter;
    return before;
}

const char *inside_authorization(const pomex_client *client)
{
    return client->settings.authorization;
}

const char *inside_key(const pomex_client *client)
{
    return client->settings.key;
}
