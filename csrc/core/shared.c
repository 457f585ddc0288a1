#include "shared.h"

#include "client.h"

static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; text && *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return hash;
}

/* The numbers come first, so that the two texts cannot run into them. */
static uint64_t line_of(const char *remote_ip, const char *local_ip, int remote_port,
                        int local_port)
{
    uint64_t ports = (uint64_t)(uint32_t)remote_port << 32 | (uint32_t)local_port;
    uint64_t hash = (UINT64_C(0xcbf29ce484222325) ^ ports) * UINT64_C(0x100000001b3);
    return hash_text((hash_text(hash, remote_ip) ^ '>') * UINT64_C(0x100000001b3), local_ip);
}

/* It happened: from now on HTTP/1.1 alone, of which libcurl puts one request on a connection.
 */
static void give_up_http2(pomex_transfer *t)
{
    t->crossed = true;
    t->client->http1 = true;
}

bool pomex_shared_enter(pomex_transfer *t, const char *remote_ip, const char *local_ip,
                        int remote_port, int local_port)
{
    const pomex_link *list = &t->client->lines;
    pomex_link_remove(&t->in_lines);
    t->line = line_of(remote_ip, local_ip, remote_port, local_port);
    t->shared = false;
    for (const pomex_link *link = list->next; link != list; link = link->next) {
        pomex_transfer *other = POMEX_HOLDER(link, pomex_transfer, in_lines);
        if (other->line != t->line || other->reply.version > 1)
            continue;
        if (other->reply.version == 1) {
            give_up_http2(t);
            return false;
        }
        other->shared = t->shared = true;
    }
    pomex_list_append(&t->client->lines, &t->in_lines);
    return true;
}

bool pomex_shared_believes(pomex_transfer *t)
{
    if (!t->shared || t->reply.version != 1)
        return true;
    give_up_http2(t);
    return false;
}

void pomex_shared_leave(pomex_transfer *t)
{
    pomex_link_remove(&t->in_lines);
    t->shared = t->crossed = false;
}
