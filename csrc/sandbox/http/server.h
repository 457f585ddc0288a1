/* The HTTP server: it accepts connections, reads whole requests and sends their responses, all in
 * one loop in one thread. */
#ifndef POMEX_SB_SERVER_H
#define POMEX_SB_SERVER_H

#include "sandbox/base/clock.h"
#include "sandbox/http/waiting.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pomex_sb_request;

typedef struct pomex_sb_server {
    /* Set by the owner before pomex_sb_server_start. */
    unsigned idle_seconds;    /* how long a connection may carry no byte either way */
    double request_seconds;   /* how long from one response to the end of the next request */
    char request_prefix[9];   /* of X-Request-Id */
    pomex_sb_clock *clock;    /* dates the responses */
    struct pomex_sb *sandbox; /* copied into every request */
    /* Decides a request that has arrived whole: sets its `response`, `manner` and `delay`. */
    void (*decide)(struct pomex_sb_request *request);
    /* Does what is due by the clock. Returns in how many seconds something is; INFINITY: never. */
    double (*tick)(struct pomex_sb *sandbox);

    /* Set by pomex_sb_server_start. */
    char host[64]; /* the address it is bound to, an IPv6 address in brackets */
    bool any_host; /* whether that is a wildcard address */
    int port;
    struct MHD_Daemon *daemon;

    uint64_t requests; /* how many have been decided */
    pomex_sb_waiting waiting;
    struct pomex_sb_connection *connections;
} pomex_sb_server;

/* Listens on `host` (an IP address or "localhost") and `port` (0: any free one). False, with the
 * reason in `why`, if that fails. */
bool pomex_sb_server_start(pomex_sb_server *server, const char *host, int port, char *why,
                           size_t why_size);

/* Writes the URL under which this machine reaches the server: "http://127.0.0.1:8765". If it is
 * bound to a wildcard address, the URL has the loopback address of the same family. */
void pomex_sb_server_url(const pomex_sb_server *server, char *out, size_t size);

/* Serves until `stop_fd` is readable or `watch_fd` (-1: none) is at its end. */
void pomex_sb_server_run(pomex_sb_server *server, int stop_fd, int watch_fd);

/* Closes every connection. */
void pomex_sb_server_stop(pomex_sb_server *server);

#endif
