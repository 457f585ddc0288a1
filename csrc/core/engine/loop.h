/* What a step does: it takes the events that the kernel has ready, lets libcurl read, ends attempts
 * that are over, starts operations whose turn has come, and rings the timers that are due. */
#ifndef POMEX_LOOP_H
#define POMEX_LOOP_H

#include "pomex.h"

#include <sys/epoll.h>

#define POMEX_EPOLL_EVENTS 64
#define POMEX_WATCHED      8 /* the most descriptors of the host's own */

typedef struct pomex_loop {
    int epoll_fd;
    int timer_fd;
    int wake_fd;
    bool woken;      /* the eventfd is set */
    int64_t armed;   /* the time that the timerfd is set to; POMEX_NEVER: none */
    int64_t wake_at; /* when the host wants a step; POMEX_NEVER */
    bool behind;     /* the last step ran out of its budget */
    struct epoll_event
        ready[POMEX_EPOLL_EVENTS]; /* events of the latest batch that are still to be handled */
    int ready_count;
    int watched[POMEX_WATCHED]; /* the host's own descriptors */
    int watched_count;
    bool batch_was_full;
    size_t full_batches; /* full batches in a row */
    int64_t batch_at;    /* when `ready` was filled */
    int64_t swept_at;    /* every socket that was ready at this time has been read */
} pomex_loop;

/* See pomex_client_step. */
void pomex_loop_step(pomex_client *client, double budget);

/* Between two steps: ends attempts that are over, and starts operations whose turn has come. Does
 * nothing within a step, which does the same itself. */
void pomex_loop_kick(pomex_client *client);

#endif
