#include "fault_server.h"

#include "fault_script.h"
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

#define STACK (256u << 10)

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
    SSL_CTX *tls;
    SSL_CTX *strange; /* with a certificate of nobody's */
    const fault_chooser *chooser;
    fault_script *script;
    connection *connections;
    int connection_count; /* ever accepted */
    int lost_to_h2;
};

/* ---------------------------------------------------------------------------------- threads */

/* Says what the step of a request is (NULL: of a connection); without one, a request's is 404.
 */
static bool choose(fault_server *server, const fault_request *request, fault_step *step)
{
    *step = (fault_step){.kind = FAULT_ANSWER, .status = 404};
    return server->chooser
               ? server->chooser->choose(server->chooser->user, request, step)
               : fault_script_take(server->script, request ? request->line : NULL, step);
}

static void tell(fault_server *server, const fault_wire *wire, const fault_request *request,
                 const fault_step *step)
{
    const fault_chooser *chooser = server->chooser;
    const fault_answer *behind = &wire->behind;
    const fault_result result = {.handed_on = wire->handed_on,
                                 .whole = wire->whole,
                                 .status = behind->status,
                                 .body = behind->head ? behind->bytes + behind->head : ""};
    if (chooser && chooser->followed)
        chooser->followed(chooser->user, request, step, &result);
}

static bool serve_request(connection *c, fault_request *request)
{
    fault_step step;
    fault_wire *wire = &c->wire;
    if (!fault_wire_read_head(wire, request))
        return false;
    choose(c->server, request, &step);
    bool all = step.kind != FAULT_RESET_WITHIN;
    if (!fault_wire_read_body(wire, request, all ? request->body_length : step.cut))
        return false;
    if (!c->server->chooser)
        fault_script_keep(c->server->script, request);
    bool going_on = fault_wire_follow(wire, &step, request);
    if (!c->server->chooser)
        fault_script_followed(c->server->script, request);
    tell(c->server, wire, request, &step);
    return going_on;
}

static void serve_requests(connection *c)
{
    fault_request *request = malloc(sizeof *request);
    while (request && serve_request(c, request))
        ;
    free(request);
}

static void serve_tls(connection *c, SSL_CTX *context)
{
    fault_wire *wire = &c->wire;
    wire->tls = SSL_new(context);
    if (!wire->tls)
        return;
    fault_tls_set_offered(wire->tls, wire->offered);
    if (SSL_set_fd(wire->tls, wire->fd) && SSL_accept(wire->tls) == 1) {
        if (fault_tls_is_h2(wire->tls)) {
            pthread_mutex_lock(wire->lock);
            c->server->lost_to_h2++;
            pthread_mutex_unlock(wire->lock);
        } else {
            serve_requests(c);
        }
    }
    SSL_free(wire->tls);
    wire->tls = NULL;
}

/* A step that strikes before a request can have been read. */
static void serve_step(connection *c, const fault_step *step)
{
    fault_request *request = malloc(sizeof *request);
    if (!request)
        return;
    if (step->kind == FAULT_STRANGER)
        serve_tls(c, c->server->strange);
    fault_wire_read_some(&c->wire, request, step->kind == FAULT_CUT_AT_ONCE ? step->cut : 0);
    fault_wire_follow(&c->wire, step, request);
    tell(c->server, &c->wire, request, step);
    free(request);
}

static void *serve(void *argument)
{
    connection *c = argument;
    fault_wire *wire = &c->wire;
    fault_step step;
    if (choose(c->server, NULL, &step))
        serve_step(c, &step);
    else if (c->server->tls)
        serve_tls(c, c->server->tls);
    else
        serve_requests(c);
    fault_wire_free(wire);
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
    c->wire = (fault_wire){
        .number = ++server->connection_count, .fd = fd, .other = -1, .lock = &server->lock};
    /* So small that the C library keeps it for the next connection. */
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK);
    if (pthread_create(&c->thread, &attributes, serve, c) != 0)
        abort();
    pthread_attr_destroy(&attributes);
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

/* *port 0: at any that is free. */
static int listen_at(int *port)
{
    static const int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* Also where the port is new: what is accepted there must not keep us from returning. */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
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
    int fd = listen_at(&port);
    close(fd);
    return port;
}

static void free_server(fault_server *server)
{
    if (server->listener >= 0)
        close(server->listener);
    SSL_CTX_free(server->tls);
    SSL_CTX_free(server->strange);
    fault_script_free(server->script);
    pthread_mutex_destroy(&server->lock);
    sem_destroy(&server->begun);
    free(server);
}

static bool start_accepting(fault_server *server)
{
    /* OpenSSL writes without MSG_NOSIGNAL: the signal is left blocked in our threads. */
    sigset_t broken_pipe, before;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
    bool started = pthread_create(&server->thread, NULL, accept_all, server) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    /* A thread that is still starting may hold locks, and the test may fork at once. */
    while (started && sem_wait(&server->begun) != 0)
        ;
    return started;
}

fault_server *fault_server_start(const fault_step *steps, size_t count, const char *ca_file)
{
    fault_server *server = calloc(1, sizeof *server);
    if (!server)
        return NULL;
    pthread_mutex_init(&server->lock, NULL);
    sem_init(&server->begun, 0, 0);
    server->listener = listen_at(&server->port);
    server->tls = ca_file ? fault_tls_new(ca_file) : NULL;
    server->strange = ca_file ? fault_tls_new(NULL) : NULL;
    server->script = fault_script_new();
    if (server->script)
        fault_server_script(server, steps, count);
    if (server->script && server->listener >= 0 &&
        (!ca_file || (server->tls && server->strange)) && start_accepting(server))
        return server;
    free_server(server);
    return NULL;
}

void fault_server_leave(fault_server *server)
{
    pthread_mutex_lock(&server->lock);
    server->stopping = true;
    shutdown(server->listener, SHUT_RDWR);
    pthread_mutex_unlock(&server->lock);
    pthread_join(server->thread, NULL);
    close(server->listener);
    server->listener = -1;
    pthread_mutex_lock(&server->lock);
    for (connection *c = server->connections; c; c = c->next) {
        if (c->wire.fd >= 0)
            shutdown(c->wire.fd, SHUT_RDWR);
        if (c->wire.other >= 0)
            shutdown(c->wire.other, SHUT_RDWR);
    }
    pthread_mutex_unlock(&server->lock);
}

bool fault_server_return(fault_server *server)
{
    server->listener = listen_at(&server->port);
    server->stopping = false;
    return server->listener >= 0 && start_accepting(server);
}

void fault_server_choose(fault_server *server, const fault_chooser *chooser)
{
    server->chooser = chooser;
}

void fault_server_speak_tls_1_2(fault_server *server)
{
    SSL_CTX_set_min_proto_version(server->tls, TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(server->tls, TLS1_2_VERSION);
}

void fault_server_ask_certificate(fault_server *server, bool demands)
{
    fault_tls_ask_certificate(server->tls, demands);
}

void fault_server_script(fault_server *server, const fault_step *steps, size_t count)
{
    fault_script_set(server->script, steps, count);
}

int fault_server_port(const fault_server *server)
{
    return server->port;
}

size_t fault_server_count(fault_server *server, const char *match)
{
    return fault_script_count(server->script, match, false);
}

size_t fault_server_answered(fault_server *server, const char *match)
{
    return fault_script_count(server->script, match, true);
}

int fault_server_connections(fault_server *server)
{
    pthread_mutex_lock(&server->lock);
    int count = server->connection_count;
    pthread_mutex_unlock(&server->lock);
    return count;
}

int fault_server_lost_to_h2(fault_server *server)
{
    pthread_mutex_lock(&server->lock);
    int count = server->lost_to_h2;
    pthread_mutex_unlock(&server->lock);
    return count;
}

bool fault_server_request(fault_server *server, const char *match, size_t index,
                          fault_request *request)
{
    return fault_script_request(server->script, match, index, request);
}

void fault_server_stop(fault_server *server)
{
    if (!server)
        return;
    if (server->listener >= 0)
        fault_server_leave(server);
    while (server->connections) {
        connection *c = server->connections;
        pthread_join(c->thread, NULL);
        server->connections = c->next;
        free(c);
    }
    free_server(server);
}
