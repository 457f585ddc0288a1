#include "inside.h"

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
    return op->client;
}

int64_t inside_deadline(const pomex_operation *op)
{
    return op->deadline;
}

int64_t inside_now(pomex_client *client)
{
    return pomex_now(client);
}

int64_t inside_recent(const pomex_client *client)
{
    return pomex_recent(client);
}

size_t inside_in_flight(const pomex_client *client)
{
    return client->in_flight;
}

/* Whether one of a queue has time left: the others only end when their turn comes. */
static bool has_time(const pomex_client *client, const pomex_node *queue)
{
    for (const pomex_node *node = queue->next; node != queue; node = node->next)
        if (POMEX_HOLDER(node, pomex_operation, in_queue)->deadline > pomex_recent(client))
            return true;
    return false;
}

bool inside_could_start(pomex_client *client, bool wait)
{
    if (client->in_flight >= (size_t)client->settings.options.max_in_flight)
        return false;
    for (int kind = 0; kind < POMEX_ENDPOINTS; kind++) {
        pomex_slot slot;
        int64_t again;
        if (!has_time(client, &client->queues[wait][kind]) ||
            !pomex_limiter_take(client->limiter, (pomex_endpoint_id)kind, pomex_recent(client),
                                &slot, &again))
            continue;
        pomex_limiter_give_back(client->limiter, &slot);
        return true;
    }
    return false;
}

bool inside_goes_on(const pomex_client *client)
{
    return client->ready_count && !client->ready_from_poll;
}

int inside_socket(const pomex_client *client)
{
    for (size_t fd = 0; fd < client->socket_count; fd++)
        if (client->sockets[fd].ours)
            return (int)fd;
    return -1;
}

pomex_limiter *inside_swap_limiter(pomex_client *client, pomex_limiter *limiter)
{
    pomex_limiter *before = client->limiter;
    client->limiter = limiter;
    return before;
}

const char *inside_authorization(const pomex_client *client)
{
    return client->settings.authorization;
}

const char *inside_key(const pomex_client *client)
{
    return pomex_settings_key(&client->settings);
}
