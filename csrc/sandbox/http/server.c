#include "sandbox/http/server.h"

#include "rules/rules.h"
#include "sandbox/http/listen.h"
#include "sandbox/http/send.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define SWEEP_SECONDS   0.5
#define MAX_CONNECTIONS 20000u
#define MAX_DISCARDED   (64u << 20) /* a larger body is not read to its end */

typedef struct pomex_sb_connection {
    struct pomex_sb_connection *previous;
    struct pomex_sb_connection *next;
    int fd;
    bool busy;    /* a whole request has arrived, and its response is not yet sent */
    bool served;  /* a request came before the present one */
    double since; /* when it opened or its last response ended; monotonic seconds */
} connection;

static void on_connection(void *cls, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    pomex_sb_server *server = cls;
    connection *one = *context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
        *context = one = calloc(1, sizeof *one);
        if (!one)
            return;
        one->fd = info ? info->connect_fd : -1;
        one->since = pomex_sb_clock_monotonic();
        one->next = server->connections;
        if (one->next)
            one->next->previous = one;
        server->connections = one;
        return;
    }
    if (!one)
        return;
    *(one->previous ? &one->previous->next : &server->connections) = one->next;
    if (one->next)
        one->next->previous = one->previous;
    free(one);
    *context = NULL;
}

static connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

/* Makes the request. Only here does libmicrohttpd show the target as it was received. */
static void *on_target(void *cls, const char *uri, struct MHD_Connection *mhd)
{
    (void)mhd;
    pomex_sb_server *server = cls;
    pomex_sb_request *request = calloc(1, sizeof *request);
    char *target = strdup(uri);
    if (!request || !target) {
        free(request);
        free(target);
        return NULL;
    }
    char *query = strchr(target, '?');
    if (query)
        *query++ = '\0';
    request->server = server;
    request->sandbox = server->sandbox;
    request->target = target;
    request->query = query ? query : target + strlen(target);
    request->waiter.request = request;
    return request;
}

static void on_end(void *cls, struct MHD_Connection *mhd, void **context,
                   enum MHD_RequestTerminationCode code)
{
    (void)code;
    pomex_sb_server *server = cls;
    pomex_sb_request *request = *context;
    connection *one = connection_of(mhd);
    if (one) {
        one->busy = false;
        one->served = true;
        one->since = pomex_sb_clock_monotonic();
    }
    if (!request)
        return;
    pomex_sb_waiting_remove(&server->waiting, &request->waiter);
    pomex_sb_response_clear(&request->response);
    free(request->target);
    free(request->body);
    free(request);
    *context = NULL;
}

/* Keeps the body up to its limit. The rest of one that is too large is read and dropped, so that
 * the client sees a response instead of a reset. False: too much even for that. */
static bool take_body(pomex_sb_request *request, const char *bytes, size_t count)
{
    request->received += count;
    if (request->received > POMEX_MAX_BODY || request->out_of_memory)
        return request->received <= MAX_DISCARDED;
    if (request->length + count + 1 > request->capacity) {
        size_t capacity = 2 * request->capacity + count + 1024;
        char *grown = realloc(request->body, capacity);
        request->out_of_memory = grown == NULL;
        if (!grown)
            return true;
        request->body = grown;
        request->capacity = capacity;
    }
    memcpy(request->body + request->length, bytes, count);
    request->length += count;
    request->body[request->length] = '\0';
    return true;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *bytes,
                                  size_t *count, void **context)
{
    (void)url;
    (void)version;
    pomex_sb_server *server = cls;
    pomex_sb_request *request = *context;
    if (!request)
        return MHD_NO;
    if (request->phase == POMEX_SB_HEAD) {
        request->connection = mhd;
        request->phase = POMEX_SB_BODY;
        snprintf(request->method, sizeof request->method, "%s", method);
        return MHD_YES;
    }
    if (request->phase == POMEX_SB_BODY) {
        if (*count > 0) {
            bool going_on = take_body(request, bytes, *count);
            *count = 0;
            return going_on ? MHD_YES : MHD_NO;
        }
        request->phase = POMEX_SB_DECIDED;
        connection *one = connection_of(mhd);
        if (one)
            one->busy = true;
        request->reused = one && one->served;
        request->number = ++server->requests;
        server->decide(request);
        double due = request->manner == POMEX_SB_HANG ? INFINITY
                     : request->delay > 0 ? pomex_sb_clock_monotonic() + request->delay
                                          : 0;
        if (due > 0) {
            MHD_suspend_connection(mhd);
            pomex_sb_waiting_add(&server->waiting, &request->waiter, due);
            return MHD_YES;
        }
    }
    return pomex_sb_send(request) ? MHD_YES : MHD_NO;
}

void pomex_sb_server_url(const pomex_sb_server *server, char *out, size_t size)
{
    const char *host = server->host;
    if (server->any_host)
        host = *host == '[' ? "[::1]" : "127.0.0.1";
    snprintf(out, size, "http://%s:%d", host, server->port);
}

bool pomex_sb_server_start(pomex_sb_server *server, const char *host, int port, char *why,
                           size_t why_size)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    unsigned most = MAX_CONNECTIONS;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < most + 64)
        most = files.rlim_cur > 128 ? (unsigned)files.rlim_cur - 64 : 64;
    int fd = pomex_sb_listen(server, host, port, why, why_size);
    if (fd < 0)
        return false;
    unsigned flags = MHD_USE_EPOLL | MHD_USE_TURBO | MHD_ALLOW_SUSPEND_RESUME |
                     MHD_USE_SUPPRESS_DATE_NO_CLOCK;
    server->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, server, MHD_OPTION_NOTIFY_COMPLETED, on_end,
        server, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
        MHD_OPTION_CONNECTION_TIMEOUT, server->idle_seconds, MHD_OPTION_CONNECTION_LIMIT, most,
        MHD_OPTION_END);
    if (!server->daemon) {
        snprintf(why, why_size, "cannot start the HTTP server: %s", strerror(errno));
        close(fd);
        return false;
    }
    return true;
}

static bool has_gone(int fd)
{
    char byte;
    ssize_t got = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

/* Cuts off requests that arrive too slowly. Also notices clients that have gone while their
 * request hangs: libmicrohttpd does not watch a suspended connection. */
static void sweep(pomex_sb_server *server, double now)
{
    for (connection *one = server->connections; one; one = one->next) {
        if (!one->busy && now - one->since > server->request_seconds)
            shutdown(one->fd, SHUT_RDWR);
    }
    for (pomex_sb_waiter *at = server->waiting.last; at && isinf(at->due);) {
        pomex_sb_waiter *before = at->previous;
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(at->request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (!info || has_gone(info->connect_fd)) {
            at->request->abandoned = true;
            pomex_sb_waiting_remove(&server->waiting, at);
            MHD_resume_connection(at->request->connection);
        }
        at = before;
    }
}

static void wake_due(pomex_sb_server *server, double now)
{
    pomex_sb_waiter *waiter;
    while ((waiter = pomex_sb_waiting_due(&server->waiting, now)))
        MHD_resume_connection(waiter->request->connection);
}

/* How many milliseconds poll may sleep. */
static int sleep_of(const pomex_sb_server *server, double now, double next_sweep, double tick)
{
    MHD_UNSIGNED_LONG_LONG mhd;
    double until = server->connections ? next_sweep : now + 3600;
    const pomex_sb_waiter *first = server->waiting.first;
    if (first && first->due < until)
        until = first->due;
    if (now + tick < until)
        until = now + tick;
    double ms = ceil((until - now) * 1000);
    if (MHD_get_timeout(server->daemon, &mhd) == MHD_YES && (double)mhd < ms)
        ms = (double)mhd;
    return ms > 0 ? (int)ms : 0;
}

static bool at_end(int fd)
{
    char dropped[512];
    ssize_t got = read(fd, dropped, sizeof dropped);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

void pomex_sb_server_run(pomex_sb_server *server, int stop_fd, int watch_fd)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct pollfd fds[3] = {
        {info->epoll_fd, POLLIN, 0}, {stop_fd, POLLIN, 0}, {watch_fd, POLLIN, 0}};
    double next_sweep = 0;
    for (;;) {
        double tick = server->tick(server->sandbox);
        double now = pomex_sb_clock_monotonic();
        if (poll(fds, 3, sleep_of(server, now, next_sweep, tick)) < 0 && errno != EINTR)
            return;
        if (fds[1].revents || (fds[2].revents && at_end(watch_fd)))
            return;
        now = pomex_sb_clock_monotonic();
        wake_due(server, now);
        if (now >= next_sweep) {
            sweep(server, now);
            next_sweep = now + SWEEP_SECONDS;
        }
        MHD_run(server->daemon);
    }
}

void pomex_sb_server_stop(pomex_sb_server *server)
{
    if (!server->daemon)
        return;
    /* libmicrohttpd must not be stopped while a connection is suspended. A connection that was
     * resumed may suspend itself once more. */
    for (int round = 0; round < 3; round++) {
        pomex_sb_waiter *waiter;
        while ((waiter = server->waiting.first)) {
            pomex_sb_waiting_remove(&server->waiting, waiter);
            waiter->request->abandoned = true;
            MHD_resume_connection(waiter->request->connection);
        }
        MHD_run(server->daemon);
    }
    MHD_stop_daemon(server->daemon);
    server->daemon = NULL;
}
