/* Requests whose response has to wait, ordered by when it is due. */
#ifndef POMEX_SB_WAITING_H
#define POMEX_SB_WAITING_H

#include <stdbool.h>

typedef struct pomex_sb_waiter {
    struct pomex_sb_waiter *previous;
    struct pomex_sb_waiter *next;
    double due; /* monotonic seconds; INFINITY: never */
    bool queued;
    struct pomex_sb_request *request;
} pomex_sb_waiter;

typedef struct pomex_sb_waiting {
    pomex_sb_waiter *first;
    pomex_sb_waiter *last;
} pomex_sb_waiting;

/* Adds a waiter. Its place is sought from the end, because most requests wait equally long. */
void pomex_sb_waiting_add(pomex_sb_waiting *waiting, pomex_sb_waiter *waiter, double due);

/* Removes a waiter; no effect on one that was not added. */
void pomex_sb_waiting_remove(pomex_sb_waiting *waiting, pomex_sb_waiter *waiter);

/* Removes and returns the first waiter that is due by `now`, or returns NULL. */
pomex_sb_waiter *pomex_sb_waiting_due(pomex_sb_waiting *waiting, double now);

#endif
