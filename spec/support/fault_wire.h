/* One connection of the fault server: reading a request, and the ways to answer it. */
#ifndef FAULT_WIRE_H
#define FAULT_WIRE_H

#include "fault_server.h"
#include "fault_tls.h"

#include <pthread.h>
#include <sys/types.h>

#define FAULT_MAX_HEAD (32 * 1024)

/* Of the server behind us. */
typedef struct fault_answer {
    char *bytes; /* as they came */
    size_t length;
    size_t head; /* of which status line, headers and the empty line; 0: not all of that came */
    int status;
    bool whole;
} fault_answer;

typedef struct fault_wire {
    int number;
    int fd;                      /* -1 once closed; changed under the lock */
    int other;                   /* a tunnel's far end, the server behind us, or -1; the same */
    pthread_mutex_t *lock;       /* the server's */
    SSL *tls;                    /* NULL: plain */
    char offered[FAULT_OFFERED]; /* TLS: see fault_request */
    char *buffer;                /* FAULT_MAX_HEAD + 1 bytes */
    size_t used;
    size_t head; /* of which the head of a request */
    char *raw;   /* the last request as it came */
    size_t raw_length;
    size_t raw_capacity;
    bool handed_on; /* all of the last request was handed on */
    bool whole;     /* all of an answer was written */
    fault_answer behind;
} fault_wire;

/* Reads the head of a request and the beginning of its body; false when the connection has
 * ended. */
bool fault_wire_read_head(fault_wire *wire, fault_request *request);

/* Reads the rest, but no more than `most` bytes of the body. */
bool fault_wire_read_body(fault_wire *wire, fault_request *request, size_t most);

/* What has come so far, for a connection's step: `count` bytes, or what is there already. */
void fault_wire_read_some(fault_wire *wire, fault_request *request, size_t count);

/* Follows one step; whether the connection goes on. */
bool fault_wire_follow(fault_wire *wire, const fault_step *step, const fault_request *request);

void fault_wire_free(fault_wire *wire);

/* --- bytes */
ssize_t fault_wire_receive(fault_wire *wire, char *bytes, size_t count);
bool fault_wire_send(fault_wire *wire, const char *bytes, size_t count);

/* Waits, but no longer than the client keeps the connection (< 0: until then). */
void fault_wire_wait(fault_wire *wire, double seconds);

/* Its close will be a reset. */
void fault_wire_reset_on_close(fault_wire *wire);

/* CLOCK_MONOTONIC, ns. */
int64_t fault_wire_now(void);

/* --- fault_relay.c: the server behind us */
/* Hands a request on as the step says; wire->behind is what came back. */
void fault_relay_exchange(fault_wire *wire, const fault_step *step, const char *request,
                          size_t length);

/* Forgets wire->behind. */
void fault_relay_forget(fault_wire *wire);

/* To a loopback port, as wire->other; false if nobody listens. */
bool fault_relay_connect(fault_wire *wire, int port);

/* The number behind "Content-Length:" in header lines; `usual` without one. */
size_t fault_relay_body_length(const char *headers, size_t usual);

#endif
