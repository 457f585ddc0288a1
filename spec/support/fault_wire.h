/* One connection of the fault server: reading a request, and the ways to answer it. */
#ifndef FAULT_WIRE_H
#define FAULT_WIRE_H

#include "fault_server.h"
#include "fault_tls.h"

#include <pthread.h>

#define FAULT_MAX_HEAD (128 * 1024)

typedef struct fault_wire {
    int number;
    int fd;                /* -1 once closed; changed under the lock */
    int other;             /* a tunnel's far end, or -1; changed under the lock */
    pthread_mutex_t *lock; /* the server's */
    SSL *tls;              /* NULL: plain */
    fault_alpn alpn;
    char *buffer; /* FAULT_MAX_HEAD + 1 bytes */
    size_t used;
} fault_wire;

/* Reads one request; false when the connection has ended. */
bool fault_wire_read(fault_wire *wire, fault_request *request);

/* Follows one step (`request` is NULL for those at once); whether the connection goes on. */
bool fault_wire_follow(fault_wire *wire, const fault_step *step, const fault_request *request);

/* --- for fault_http2.c */
ssize_t fault_wire_receive(fault_wire *wire, char *bytes, size_t count);
bool fault_wire_send(fault_wire *wire, const char *bytes, size_t count);

/* Waits, but no longer than the client keeps the connection. */
void fault_wire_wait(fault_wire *wire, double seconds);

/* Its close will be a reset. */
void fault_wire_reset_on_close(fault_wire *wire);

/* CLOCK_MONOTONIC, ns. */
int64_t fault_wire_now(void);

#endif
