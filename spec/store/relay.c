#include "relay.h"

#include "cmocka_all.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 1 << 20, SLICE_MS = 20 };

struct relay {
    int listener, port, server_port;
    pthread_t thread;
    atomic_int mode, count, running, over;
    pthread_mutex_t lock; /* of the held message */
    char *held;
    size_t held_size;
    int held_server; /* the connection that it is for; -1: none */
};

typedef struct link {
    struct relay *relay;
    int client, server;
} link_of;

static void send_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes += sent;
        size -= (size_t)sent;
    }
}

static bool has_commit(const char *bytes, size_t size)
{
    return memmem(bytes, size, "COMMIT;", 7) != NULL;
}

/* Reads on until the message, which came in parts, is whole. */
static size_t read_whole(int fd, char *bytes, size_t size)
{
    uint32_t length;
    memcpy(&length, bytes + 1, sizeof length);
    size_t whole = ntohl(length) + 1;
    while (size < whole && whole <= ROOM) {
        ssize_t more = recv(fd, bytes + size, whole - size, 0);
        if (more <= 0)
            break;
        size += (size_t)more;
    }
    return size;
}

/* One direction; false: the connection is over. */
static bool pass_on(int from, int to, char *bytes)
{
    ssize_t size = recv(from, bytes, ROOM, 0);
    if (size <= 0)
        return false;
    send_all(to, bytes, (size_t)size);
    return true;
}

/* From the client. The server keeps its end of a message that was cut or held. */
static bool take(link_of *link, char *bytes)
{
    struct relay *self = link->relay;
    ssize_t got = recv(link->client, bytes, ROOM, 0);
    if (got <= 0)
        return false;
    size_t size = (size_t)got;
    int mode = atomic_load(&self->mode);
    if ((mode != RELAY_CUT && mode != RELAY_HOLD) || bytes[0] != 'Q' ||
        !has_commit(bytes, size = read_whole(link->client, bytes, size))) {
        send_all(link->server, bytes, size);
        return true;
    }
    pthread_mutex_lock(&self->lock);
    self->held = mode == RELAY_HOLD ? memcpy(malloc(size), bytes, size) : NULL;
    self->held_size = size;
    self->held_server = link->server;
    pthread_mutex_unlock(&self->lock);
    if (mode == RELAY_CUT)
        send_all(link->server, bytes, size);
    link->server = -1;
    atomic_store(&self->mode, RELAY_PASS);
    atomic_fetch_add(&self->count, 1);
    return false;
}

static void *serve(void *user)
{
    link_of *link = user;
    struct relay *self = link->relay;
    char *bytes = malloc(ROOM);
    bool going = true;
    while (going && atomic_load(&self->running)) {
        struct pollfd both[2] = {{.fd = link->client, .events = POLLIN},
                                 {.fd = link->server, .events = POLLIN}};
        int mode = atomic_load(&self->mode);
        if (mode == RELAY_REFUSE)
            break;
        if (mode == RELAY_SILENT || poll(both, 2, SLICE_MS) <= 0) {
            usleep(1000);
            continue;
        }
        if (both[1].revents)
            going = pass_on(link->server, link->client, bytes);
        if (going && both[0].revents)
            going = take(link, bytes);
    }
    close(link->client);
    if (link->server >= 0)
        close(link->server);
    free(bytes);
    free(link);
    atomic_fetch_sub(&self->over, 1);
    return NULL;
}

static int connect_to(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&at, sizeof at) == 0)
        return fd;
    close(fd);
    return -1;
}

static void *listen_on(void *user)
{
    struct relay *self = user;
    while (atomic_load(&self->running)) {
        struct pollfd in = {.fd = self->listener, .events = POLLIN};
        if (poll(&in, 1, SLICE_MS) <= 0)
            continue;
        int client = accept4(self->listener, NULL, NULL, SOCK_CLOEXEC), server = -1;
        if (atomic_load(&self->mode) != RELAY_REFUSE)
            server = connect_to(self->server_port);
        link_of *link = server >= 0 ? malloc(sizeof *link) : NULL;
        pthread_t thread;
        if (!link) {
            close(client);
            continue;
        }
        *link = (link_of){self, client, server};
        atomic_fetch_add(&self->over, 1);
        pthread_create(&thread, NULL, serve, link);
        pthread_detach(thread);
    }
    return NULL;
}

relay *relay_start(int server_port)
{
    struct relay *self = calloc(1, sizeof *self);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    self->server_port = server_port;
    self->held_server = -1;
    self->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(self->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(self->listener, 16), 0);
    getsockname(self->listener, (struct sockaddr *)&at, &size);
    self->port = ntohs(at.sin_port);
    pthread_mutex_init(&self->lock, NULL);
    atomic_store(&self->running, 1);
    assert_int_equal(pthread_create(&self->thread, NULL, listen_on, self), 0);
    return self;
}

int relay_port(const struct relay *self)
{
    return self->port;
}

void relay_set(struct relay *self, enum relay_mode mode)
{
    atomic_store(&self->mode, mode);
    while (mode == RELAY_REFUSE && atomic_load(&self->over) > 0)
        usleep(1000);
}

int relay_count(struct relay *self)
{
    return atomic_load(&self->count);
}

void relay_let_go(struct relay *self)
{
    char answer[4096], state = 0;
    pthread_mutex_lock(&self->lock);
    assert_non_null(self->held);
    send_all(self->held_server, self->held, self->held_size);
    /* The last six bytes are "ready for query", and end with the transaction's state. */
    while (state == 0) {
        ssize_t size = recv(self->held_server, answer, sizeof answer, 0);
        assert_true(size > 0);
        if (size >= 6 && answer[size - 6] == 'Z')
            state = answer[size - 1];
    }
    close(self->held_server);
    free(self->held);
    self->held = NULL;
    self->held_server = -1;
    pthread_mutex_unlock(&self->lock);
}

void relay_stop(struct relay *self)
{
    atomic_store(&self->running, 0);
    pthread_join(self->thread, NULL);
    while (atomic_load(&self->over) > 0)
        usleep(1000);
    if (self->held_server >= 0)
        close(self->held_server);
    free(self->held);
    close(self->listener);
    pthread_mutex_destroy(&self->lock);
    free(self);
}
