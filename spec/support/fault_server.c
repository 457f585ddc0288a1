#include "fault_server.h"

#include "fault_http2.h"
#include "fault_tls.h"
#include "fault_wire.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct connection {
    struct connection *next;
    fault_wire wire;
    fault_server *server;
    pthread_t thread;
    bool ended; /* its thread does no more */
} connection;

struct fault_server {
    pthread_mutex_t lock;
    pthread_t thread;
    sem_t begun; /* the thread runs */
    int listener;
    int port;
    bool stopping;
    bool http2;
    SSL_CTX *tls;
    const fault_step *steps;
    size_t step_count;
    int *used; /* how often each step was taken */
    fault_request *requests;
    size_t request_count;
    size_t request_capacity;
    connection *connections;
    int connection_count; /* ever accepted */
};

/* ------------------------------------------------------------------------------ the script */

static bool is_at_once(const fault_step *step)
{
    return step->kind == FAULT_CLOSE_AT_ONCE || step->kind == FAULT_RESET_AT_ONCE;
}

/* Takes the first step for a request (NULL: for a fresh connection) into *step. */
static bool take_step(fault_server *server, const char *line, fault_step *step)
{
    bool found = false;
    pthread_mutex_lock(&server->lock);
    for (size_t i = 0; i < server->step_count && !found; i++) {
        const fault_step *s = &server->steps[i];
        if (s->times > 0 && server->used[i] >= s->times)
            continue;
        if (!line && !is_at_once(s))
            break;
        if (line && (is_at_once(s) || (s->match && strncmp(line, s->match, strlen(s->match)))))
            continue;
        server->used[i]++;
        *step = *s;
        found = true;
    }
    pthread_mutex_unlock(&server->lock);
    return found;
}

static void keep_request(fault_server *server, const fault_request *request)
{
    pthread_mutex_lock(&server->lock);
    if (server->request_count == server->request_capacity) {
        size_t capacity = server->request_capacity ? 2 * server->request_capacity : 64;
        fault_request *grown = realloc(server->requests, capacity * sizeof *grown);
        if (!grown)
            abort();
        server->requests = grown;
        server->request_capacity = capacity;
    }
    server->requests[server->request_count++] = *request;
    pthread_mutex_unlock(&server->lock);
}

/* ---------------------------------------------------------------------------------- threads */

/* Keeps a request, and says what its step is; 404 without one. */
static void take(void *user, const fault_request *request, fault_step *step)
{
    fault_server *server = user;
    *step = (fault_step){.kind = FAULT_ANSWER, .status = 404};
    keep_request(server, request);
    take_step(server, request->line, step);
}

static void serve_requests(connection *c)
{
    fault_request *request = malloc(sizeof *request);
    c->wire.buffer = malloc(FAULT_MAX_HEAD + 1);
    bool open = request && c->wire.buffer;
    while (open && fault_wire_read(&c->wire, request)) {
        fault_step step;
        take(c->server, request, &step);
        open = fault_wire_follow(&c->wire, &step, request);
    }
    free(c->wire.buffer);
    free(request);
}

static void serve_tls(connection *c)
{
    fault_wire *wire = &c->wire;
    wire->tls = SSL_new(c->server->tls);
    if (!wire->tls)
        return;
    fault_tls_set_alpn(wire->tls, &wire->alpn);
    if (SSL_set_fd(wire->tls, wire->fd) && SSL_accept(wire->tls) == 1) {
        if (fault_tls_is_http2(wire->tls))
            fault_http2_serve(wire, take, c->server);
        else
            serve_requests(c);
    }
    SSL_free(wire->tls);
}

static void *serve(void *argument)
{
    connection *c = argument;
    fault_wire *wire = &c->wire;
    fault_step step;
    if (take_step(c->server, NULL, &step))
        fault_wire_follow(wire, &step, NULL);
    else if (c->server->tls)
        serve_tls(c);
    else
        serve_requests(c);
    pthread_mutex_lock(wire->lock);
    close(wire->fd);
    wire->fd = -1;
    if (wire->other >= 0)
        close(wire->other);
    wire->other = -1;
    c->ended = true;
    pthread_mutex_unlock(wire->lock);
    return NULL;
}

/* Frees the connections that have ended. Under the lock. */
static void reap(fault_server *server)
{
    for (connection **at = &server->connections; *at;) {
        connection *c = *at;
        if (!c->ended) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        pthread_join(c->thread, NULL); /* it holds no lock any more, nor will it */
        free(c);
    }
}

static void start_connection(fault_server *server, int fd)
{
    static const int on = 1;
    connection *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->server = server;
    c->wire = (fault_wire){.number = ++server->connection_count,
                           .fd = fd,
                           .other = -1,
                           .alpn.http2 = server->http2,
                           .lock = &server->lock};
    if (pthread_create(&c->thread, NULL, serve, c) != 0)
        abort();
    c->next = server->connections;
    server->connections = c;
}

static void *accept_all(void *argument)
{
    fault_server *server = argument;
    sem_post(&server->begun);
    for (;;) {
        int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
        pthread_mutex_lock(&server->lock);
        bool stopping = server->stopping;
        reap(server);
        if (fd >= 0 && !stopping)
            start_connection(server, fd);
        pthread_mutex_unlock(&server->lock);
        if (stopping) {
            if (fd >= 0)
                close(fd);
            return NULL;
        }
    }
}

/* --------------------------------------------------------------------------------- the face */

static int listen_anywhere(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 1024) == 0 &&
        getsockname(fd, (struct sockaddr *)&address, &size) == 0) {
        *port = ntohs(address.sin_port);
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

int fault_server_refused_port(void)
{
    int port = 0;
    int fd = listen_anywhere(&port);
    close(fd);
    return port;
}

static void free_server(fault_server *server)
{
    if (server->listener >= 0)
        close(server->listener);
    SSL_CTX_free(server->tls);
    free(server->requests);
    free(server->used);
    pthread_mutex_destroy(&server->lock);
    sem_destroy(&server->begun);
    free(server);
}

fault_server *fault_server_start(const fault_step *steps, size_t count, const char *ca_file)
{
    fault_server *server = calloc(1, sizeof *server);
    if (!server)
        return NULL;
    pthread_mutex_init(&server->lock, NULL);
    sem_init(&server->begun, 0, 0);
    server->listener = listen_anywhere(&server->port);
    server->tls = ca_file ? fault_tls_new(ca_file) : NULL;
    fault_server_script(server, steps, count);
    /* OpenSSL writes without MSG_NOSIGNAL: the signal is left blocked in our threads. */
    sigset_t broken_pipe, before;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
    bool started = server->listener >= 0 && (server->tls || !ca_file) &&
                   pthread_create(&server->thread, NULL, accept_all, server) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started) {
        /* A thread that is still starting may hold locks, and the test may fork at once. */
        while (sem_wait(&server->begun) != 0)
            ;
        return server;
    }
    free_server(server);
    return NULL;
}

void fault_server_speak_http2(fault_server *server)
{
    pthread_mutex_lock(&server->lock);
    server->http2 = true;
    pthread_mutex_unlock(&server->lock);
}

void fault_server_script(fault_server *server, const fault_step *steps, size_t count)
{
    int *used = calloc(count + 1, sizeof *used);
    if (!used)
        abort();
    pthread_mutex_lock(&server->lock);
    free(server->used);
    server->used = used;
    server->steps = steps;
    server->step_count = count;
    server->request_count = 0;
    pthread_mutex_unlock(&server->lock);
}

int fault_server_port(const fault_server *server)
{
    return server->port;
}

static bool is_match(const fault_request *request, const char *match)
{
    return !match || strncmp(request->line, match, strlen(match)) == 0;
}

size_t fault_server_count(fault_server *server, const char *match)
{
    size_t count = 0;
    pthread_mutex_lock(&server->lock);
    for (size_t i = 0; i < server->request_count; i++)
        count += is_match(&server->requests[i], match);
    pthread_mutex_unlock(&server->lock);
    return count;
}

int fault_server_connections(fault_server *server)
{
    pthread_mutex_lock(&server->lock);
    int count = server->connection_count;
    pthread_mutex_unlock(&server->lock);
    return count;
}

bool fault_server_request(fault_server *server, const char *match, size_t index,
                          fault_request *request)
{
    bool found = false;
    pthread_mutex_lock(&server->lock);
    for (size_t i = 0; i < server->request_count && !found; i++) {
        if (is_match(&server->requests[i], match) && index-- == 0) {
            *request = server->requests[i];
            found = true;
        }
    }
    pthread_mutex_unlock(&server->lock);
    return found;
}

void fault_server_stop(fault_server *server)
{
    if (!server)
        return;
    pthread_mutex_lock(&server->lock);
    server->stopping = true;
    shutdown(server->listener, SHUT_RDWR);
    pthread_mutex_unlock(&server->lock);
    pthread_join(server->thread, NULL);
    for (connection *c = server->connections; c; c = c->next) {
        pthread_mutex_lock(&server->lock);
        if (c->wire.fd >= 0)
            shutdown(c->wire.fd, SHUT_RDWR);
        if (c->wire.other >= 0)
            shutdown(c->wire.other, SHUT_RDWR);
        pthread_mutex_unlock(&server->lock);
        pthread_join(c->thread, NULL);
    }
    while (server->connections) {
        connection *c = server->connections;
        server->connections = c->next;
        free(c);
    }
    free_server(server);
}
