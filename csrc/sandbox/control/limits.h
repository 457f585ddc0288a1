/* The documented rate limits: at most so many requests of one account to one endpoint within any
 * second. */
#ifndef POMEX_SB_LIMITS_H
#define POMEX_SB_LIMITS_H

#include "rules/endpoint.h"

typedef struct pomex_sb_window {
    int64_t account;
    pomex_endpoint_id endpoint;
    size_t size;   /* how many requests fit */
    double *times; /* a ring: when each request was let in */
    size_t count;
    size_t oldest;
} pomex_sb_window;

typedef struct pomex_sb_limits {
    pomex_sb_window *windows;
    size_t count;
} pomex_sb_limits;

/* Lets a request in at `now` (monotonic seconds) if fewer than `limit` were let in during the
 * second before, or, for a limit below 1, during the 1/limit seconds before. Returns 0, or the
 * whole seconds after which the next one fits. If memory runs out, it lets the request in. */
int pomex_sb_limits_take(pomex_sb_limits *limits, int64_t account, pomex_endpoint_id endpoint,
                         double limit, double now);

/* Forgets every request that was let in. */
void pomex_sb_limits_clear(pomex_sb_limits *limits);

#endif
