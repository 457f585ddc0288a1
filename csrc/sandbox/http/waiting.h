/* Requests whose answer has to wait, in the order in which their time comes. */
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

/* Adds a waiter. Searched from the end, since most wait equally long. */
void pomex_sb_waiting_add(pomex_sb_waiting *waiting, pomex_sb_waiter *waiter, double due);

/* No effect on one that does not wait. */
void pomex_sb_waiting_remove(pomex_sb_waiting *waiting, pomex_sb_waiter *waiter);

/* Takes out the first whose time has come, or returns NULL. */
pomex_sb_waiter *pomex_sb_waiting_due(pomex_sb_waiting *waiting, double now);

#endif
