/* What the tests of the core share: a fault server, a client of it, and a clock that the test
 * can move. The network is never replaced. */
#ifndef HARNESS_H
#define HARNESS_H

#include "fault_server.h"
#include "inside.h"

typedef struct harness {
    fault_server *server;
    pomex_client *client;
    pomex_options options; /* may be changed before harness_client */
    int64_t ahead;         /* ns that the test's clock is ahead of the system's */
    unsigned news;         /* all that was told since the start */
    char base_url[64];
    char ca_file[64]; /* "": plain TCP */
} harness;

/* Starts the server, and fills in options: its base URL, a key, no rate limits, our clock. */
void harness_start(harness *h, const fault_step *steps, size_t count, bool tls);

/* Another script for the same server and client. */
void harness_script(harness *h, const fault_step *steps, size_t count);

/* From now on only harness_advance moves the client's clock, and pauses, which are skipped:
 * how busy the machine is makes no difference then. libcurl's own timers come due in the same
 * way. */
void harness_stop_clock(harness *h);

/* Makes the client of the options. */
void harness_client(harness *h);

/* Frees all; the client too, if it is still there. Fails the test if any connection offered h2. */
void harness_stop(harness *h);

/* Moves the clock without stepping. */
void harness_advance(harness *h, double seconds);

/* Steps until the operation is done. Pauses (backoff, poll schedule) are skipped by moving the
 * clock; an attempt in flight gets real time. Fails the test after 30 s. */
void harness_finish(harness *h, pomex_operation *operation);

/* Steps until `count` requests that begin with `match` have arrived. */
void harness_arrived(harness *h, const char *match, size_t count);

/* Waits until that many of them have been answered, and does not step: the answers lie in the
 * sockets. */
void harness_answered(harness *h, const char *match, size_t count);

/* Steps for this long in real time. */
void harness_rest(harness *h, double seconds);

/* A call that has this effect, with a payload that the rules allow. */
pomex_operation *harness_call(harness *h, enum pomex_effect effect);

/* The beginning of that call's request, and a whole good answer to it. */
const char *harness_line(enum pomex_effect effect);
const char *harness_reply(enum pomex_effect effect);

/* Ends a forked child, by an exec: what it must leave to its parent is no leak of its own. */
_Noreturn void harness_leave(bool well);

/* What harness_leave makes of `true`. */
#define HARNESS_WELL 7

/* Seconds of the system's monotonic clock. */
double harness_now(void);

#endif
