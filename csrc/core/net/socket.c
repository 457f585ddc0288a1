/* The descriptors that libcurl uses, and their place in the epoll set.
 *
 * Registered lazily: libcurl says REMOVE and then IN for every request on a kept-alive
 * connection, and obeying costs two system calls. What it opened through us stays registered
 * until it is closed, or until it shows an event while nobody wants one. */
#include "engine/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Between two tries to watch what could not be watched. */
#define WATCH_PAUSE (POMEX_SECOND / 100)

static pomex_socket *socket_of(pomex_client *c, curl_socket_t fd)
{
    size_t index = (size_t)fd;
    if (index >= c->socket_count) {
        size_t count = c->socket_count ? c->socket_count : 64;
        while (count <= index)
            count *= 2;
        pomex_socket *grown = realloc(c->sockets, count * sizeof *grown);
        if (!grown)
            return NULL;
        memset(grown + c->socket_count, 0, (count - c->socket_count) * sizeof *grown);
        c->sockets = grown;
        c->socket_count = count;
    }
    return &c->sockets[index];
}

bool pomex_socket_watch(pomex_client *c, int fd, uint32_t events, bool known)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (epoll_ctl(c->epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) == 0)
        return true;
    if (errno != ENOENT && errno != EEXIST)
        return false;
    int other = errno == ENOENT ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    return epoll_ctl(c->epoll_fd, other, fd, &event) == 0;
}

void pomex_socket_unwatch(pomex_client *c, int fd)
{
    struct epoll_event event = {0};
    epoll_ctl(c->epoll_fd, EPOLL_CTL_DEL, fd, &event); /* gone already is fine */
}

/* Where the kernel has no room for it in the set (no memory, or max_user_watches), the answer to
 * what was sent would never be read: it is tried again until there is. */
static void watch(pomex_client *c, int fd, pomex_socket *s)
{
    s->in_set = pomex_socket_watch(c, fd, s->wanted, s->in_set);
    s->registered = s->in_set ? s->wanted : 0;
    if (!s->in_set)
        c->watch_at = pomex_recent(c) + WATCH_PAUSE;
}

int pomex_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *user, void *private)
{
    pomex_client *c = user;
    (void)private;
    uint8_t wanted = what == CURL_POLL_IN      ? EPOLLIN
                     : what == CURL_POLL_OUT   ? EPOLLOUT
                     : what == CURL_POLL_INOUT ? EPOLLIN | EPOLLOUT
                                               : 0;
    pomex_socket *s = socket_of(c, fd);
    if (!s) { /* without a place to note it, obey to the letter */
        if (wanted)
            pomex_socket_watch(c, fd, wanted, true);
        else
            pomex_socket_unwatch(c, fd);
        return 0;
    }
    s->wanted = wanted;
    s->easy = wanted ? easy : NULL;
    if (!wanted) {
        /* libcurl's own descriptors (its resolver's) are closed without a word to us. */
        if (!s->ours && s->in_set) {
            pomex_socket_unwatch(c, fd);
            *s = (pomex_socket){0};
        }
        return 0;
    }
    if (!s->in_set || s->registered != wanted)
        watch(c, fd, s);
    return 0;
}

void pomex_socket_watch_again(pomex_client *c)
{
    if (c->watch_at > pomex_recent(c))
        return;
    c->watch_at = POMEX_NEVER;
    for (size_t fd = 0; fd < c->socket_count; fd++) {
        pomex_socket *s = &c->sockets[fd];
        if (s->wanted && (!s->in_set || s->registered != s->wanted))
            watch(c, (int)fd, s);
    }
}

curl_socket_t pomex_socket_open(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    pomex_client *c = user;
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE)
            c->short_at = pomex_recent(c);
        return CURL_SOCKET_BAD;
    }
    pomex_socket *s = socket_of(c, fd);
    if (!s) {
        close(fd);
        return CURL_SOCKET_BAD;
    }
    *s = (pomex_socket){.ours = true};
    return fd;
}

int pomex_socket_close(void *user, curl_socket_t fd)
{
    pomex_client *c = user;
    if ((size_t)fd < c->socket_count) {
        /* Before the close: a copy in a forked child would keep it in the set for ever. */
        if (c->sockets[fd].in_set)
            pomex_socket_unwatch(c, fd);
        c->sockets[fd] = (pomex_socket){0};
    }
    return close(fd);
}

/* The machine slept: connections that lay idle are dead without knowing it. */
void pomex_socket_note_sleep(pomex_client *c)
{
    int64_t asleep = c->clock(c->clock_user, POMEX_CLOCK_BOOTTIME) - pomex_now(c);
    if (asleep > c->asleep + POMEX_SECOND)
        for (size_t fd = 0; fd < c->socket_count; fd++)
            if (c->sockets[fd].ours && !c->sockets[fd].wanted)
                shutdown((int)fd, SHUT_RDWR);
    c->asleep = asleep;
}
