/* What a step does: takes what the kernel has ready, lets libcurl read it, ends what has ended,
 * starts what may start, and rings the timers that are due. */
#ifndef POMEX_LOOP_H
#define POMEX_LOOP_H

#include "pomex.h"

#include <sys/epoll.h>

#define POMEX_EPOLL_EVENTS 64
#define POMEX_WATCHED      8 /* at most so many descriptors of the host's own */

typedef struct pomex_loop {
    int epoll_fd;
    int timer_fd;
    int wake_fd;
    bool woken;      /* the eventfd is set */
    int64_t armed;   /* what the timerfd is set to; POMEX_NEVER: not */
    int64_t wake_at; /* when the host wants to step; POMEX_NEVER */
    bool behind;     /* the last step ran out of its budget */
    struct epoll_event
        ready[POMEX_EPOLL_EVENTS]; /* what is left of the latest batch of events */
    int ready_count;
    int watched[POMEX_WATCHED]; /* the host's own descriptors */
    int watched_count;
    bool batch_was_full;
    size_t full_batches; /* in a row */
    int64_t batch_at;    /* when `ready` was filled */
    int64_t swept_at;    /* every socket that was ready by then has been read */
} pomex_loop;

/* See pomex_client_step. */
void pomex_loop_step(pomex_client *client, double budget);

/* Between two steps: starts what may start, ends what has ended. Does nothing within a step,
 * which does so itself. */
void pomex_loop_kick(pomex_client *client);

#endif
