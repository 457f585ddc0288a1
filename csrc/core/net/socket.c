/* The descriptors that libcurl uses, and their place in the epoll set.
 *
 * Sockets are unregistered late: libcurl says REMOVE and then IN for every request on a kept-alive
 * connection, and obeying costs two system calls. A socket that libcurl opened through us stays
 * registered until it is closed, or until it shows an event that nobody wants. */
#include "net/net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The pause between two tries to watch a socket. */
#define WATCH_PAUSE (POMEX_SECOND / 100)

static pomex_socket *socket_of(pomex_net *net, curl_socket_t fd)
{
    size_t index = (size_t)fd;
    if (index >= net->socket_count) {
        size_t count = net->socket_count ? net->socket_count : 64;
        while (count <= index)
            count *= 2;
        pomex_socket *grown = realloc(net->sockets, count * sizeof *grown);
        if (!grown)
            return NULL;
        memset(grown + net->socket_count, 0, (count - net->socket_count) * sizeof *grown);
        net->sockets = grown;
        net->socket_count = count;
    }
    return &net->sockets[index];
}

bool pomex_socket_watch(int epoll_fd, int fd, uint32_t events, bool known)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (epoll_ctl(epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) == 0)
        return true;
    if (errno != ENOENT && errno != EEXIST)
        return false;
    int other = errno == ENOENT ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    return epoll_ctl(epoll_fd, other, fd, &event) == 0;
}

static void unwatch(const pomex_net *net, int fd)
{
    struct epoll_event event = {0};
    epoll_ctl(net->epoll_fd, EPOLL_CTL_DEL, fd, &event); /* gone already is fine */
}

/* The kernel can lack room for the socket in the set (memory, or max_user_watches). The answer to
 * its request would then never be read, so pomex tries again until there is room. */
static void watch(pomex_net *net, int fd, pomex_socket *s)
{
    s->in_set = pomex_socket_watch(net->epoll_fd, fd, s->wanted, s->in_set);
    s->registered = s->in_set ? s->wanted : 0;
    if (!s->in_set)
        net->watch_at = pomex_clock_recent(net->clock) + WATCH_PAUSE;
}

int pomex_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *user, void *private)
{
    pomex_net *net = user;
    (void)private;
    uint8_t wanted = what == CURL_POLL_IN      ? EPOLLIN
                     : what == CURL_POLL_OUT   ? EPOLLOUT
                     : what == CURL_POLL_INOUT ? EPOLLIN | EPOLLOUT
                                               : 0;
    pomex_socket *s = socket_of(net, fd);
    if (!s) { /* no memory to note the wish: obey it to the letter */
        if (wanted)
            pomex_socket_watch(net->epoll_fd, fd, wanted, true);
        else
            unwatch(net, fd);
        return 0;
    }
    s->wanted = wanted;
    s->easy = wanted ? easy : NULL;
    if (!wanted) {
        /* libcurl's own descriptors (its resolver's) are closed without a word to us. */
        if (!s->ours && s->in_set) {
            unwatch(net, fd);
            *s = (pomex_socket){0};
        }
        return 0;
    }
    if (!s->in_set || s->registered != wanted)
        watch(net, fd, s);
    return 0;
}

void pomex_socket_watch_again(pomex_net *net)
{
    if (net->watch_at > pomex_clock_recent(net->clock))
        return;
    net->watch_at = POMEX_NEVER;
    for (size_t fd = 0; fd < net->socket_count; fd++) {
        pomex_socket *s = &net->sockets[fd];
        if (s->wanted && (!s->in_set || s->registered != s->wanted))
            watch(net, (int)fd, s);
    }
}

curl_socket_t pomex_socket_open(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    pomex_net *net = user;
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE)
            net->short_at = pomex_clock_recent(net->clock);
        return CURL_SOCKET_BAD;
    }
    pomex_socket *s = socket_of(net, fd);
    if (!s) {
        close(fd);
        return CURL_SOCKET_BAD;
    }
    *s = (pomex_socket){.ours = true};
    return fd;
}

int pomex_socket_close(void *user, curl_socket_t fd)
{
    pomex_net *net = user;
    if ((size_t)fd < net->socket_count) {
        /* The socket leaves the set before it is closed: a copy in a forked child would keep it
         * there for ever. */
        if (net->sockets[fd].in_set)
            unwatch(net, fd);
        net->sockets[fd] = (pomex_socket){0};
    }
    return close(fd);
}

void pomex_socket_ready(pomex_net *net, int fd, uint32_t events)
{
    size_t index = (size_t)fd;
    int running;
    int bits = (events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) |
               (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
               (events & EPOLLERR ? CURL_CSELECT_ERR : 0);
    if (index < net->socket_count && net->sockets[index].in_set &&
        !net->sockets[index].wanted) {
        unwatch(net, fd); /* the server closed an idle connection; in the set it would spin */
        net->sockets[index].in_set = false;
        net->sockets[index].registered = 0;
        return;
    }
    curl_multi_socket_action(net->multi, fd, bits, &running);
}

void pomex_socket_read_now(pomex_net *net, const pomex_transfer *transfer)
{
    int running;
    for (size_t fd = 0; fd < net->socket_count; fd++)
        if (net->sockets[fd].easy == transfer->easy)
            curl_multi_socket_action(net->multi, (curl_socket_t)fd, 0, &running);
}

void pomex_socket_note_sleep(pomex_net *net)
{
    int64_t now = pomex_clock_now(net->clock);
    int64_t slept = net->clock->read(net->clock->user, POMEX_CLOCK_BOOTTIME) - now;
    if (slept > net->slept + POMEX_SECOND)
        for (size_t fd = 0; fd < net->socket_count; fd++)
            if (net->sockets[fd].ours && !net->sockets[fd].wanted)
                shutdown((int)fd, SHUT_RDWR);
    net->slept = slept;
}
