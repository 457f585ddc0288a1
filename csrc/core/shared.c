#include "shared.h"

#include "client.h"

/* A connection on which somebody waits, and which has brought nothing for so long, is dead. */
#define SILENCE (10 * POMEX_SECOND)

/* Less than this is no silence: an answer takes its time, and a deadline may be near. */
#define LEAST_SILENCE (2 * POMEX_SECOND)

static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; text && *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return hash;
}

/* The numbers come first, so that the two texts cannot run into them. */
uint64_t pomex_shared_line(const char *remote_ip, const char *local_ip, int remote_port,
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
    t->line = pomex_shared_line(remote_ip, local_ip, remote_port, local_port);
    t->shared = t->cut_off = false;
    t->heard_at = 0;
    t->joined_at = pomex_recent(t->client);
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

void pomex_shared_unanswered(pomex_transfer *t)
{
    const pomex_link *list = &t->client->lines, *link;
    int64_t now = pomex_recent(t->client), since = now - SILENCE;
    int64_t least = pomex_ns(t->client->settings.options.request_timeout / 2);
    least = least < LEAST_SILENCE ? least : LEAST_SILENCE;
    since = t->joined_at > since ? t->joined_at : since;
    if (!pomex_link_used(&t->in_lines) || t->once || now - t->joined_at < least)
        return; /* not sent, or on a connection that ends with it, or just now */
    for (link = list->next; link != list; link = link->next) {
        const pomex_transfer *other = POMEX_HOLDER(link, pomex_transfer, in_lines);
        if (other->line == t->line && other->heard_at >= since)
            return;
    }
    for (link = list->next; link != list; link = link->next) {
        pomex_transfer *other = POMEX_HOLDER(link, pomex_transfer, in_lines);
        other->cut_off |= other->line == t->line;
    }
    pomex_socket_shut(t->client, t->line);
}

void pomex_shared_leave(pomex_transfer *t)
{
    const pomex_link *list = &t->client->lines;
    bool heard = t->heard_at && pomex_link_used(&t->in_lines);
    pomex_link_remove(&t->in_lines);
    t->shared = t->crossed = t->cut_off = false;
    for (const pomex_link *link = list->next; heard && link != list; link = link->next) {
        pomex_transfer *other = POMEX_HOLDER(link, pomex_transfer, in_lines);
        if (other->line == t->line && other->heard_at < t->heard_at)
            other->heard_at = t->heard_at;
    }
}
