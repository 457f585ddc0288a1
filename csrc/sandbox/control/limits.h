/* The documented rate limits: at most L requests of an account to an endpoint in any second. */
#ifndef POMEX_SB_LIMITS_H
#define POMEX_SB_LIMITS_H

#include "rules/endpoint.h"

typedef struct pomex_sb_window {
    int64_t account;
    pomex_endpoint_id endpoint;
    size_t size;   /* requests that fit */
    double *times; /* when each was let in; a ring */
    size_t count;
    size_t oldest;
} pomex_sb_window;

typedef struct pomex_sb_limits {
    pomex_sb_window *windows;
    size_t count;
} pomex_sb_limits;

/* Lets a request in at `now` (monotonic seconds), if fewer than `limit` were let in during the
 * second before (a limit below 1: during the 1/limit seconds). Returns 0, or the whole seconds
 * after which the next one fits. Out of memory, it lets in. */
int pomex_sb_limits_take(pomex_sb_limits *limits, int64_t account, pomex_endpoint_id endpoint,
                         double limit, double now);

/* Forgets all that was let in. */
void pomex_sb_limits_clear(pomex_sb_limits *limits);

#endif
