/* A heap of timers. Setting, moving and removing one costs O(log n); finding the earliest O(1). */
#ifndef POMEX_TIMER_H
#define POMEX_TIMER_H

#include "base/clock.h"

/* A member of the structure that it wakes. Zeroed memory is a timer that is not set. */
typedef struct pomex_timer {
    int64_t at;
    size_t place; /* 1 + index in the heap; 0: not set */
} pomex_timer;

typedef struct pomex_timers {
    pomex_timer **heap;
    size_t count;
    size_t capacity;
} pomex_timers;

/* Makes room for `count` timers. False if memory ran out. pomex_timer_set cannot fail while no
 * more timers are set than were reserved. */
bool pomex_timer_reserve(pomex_timers *timers, size_t count);

/* Sets or moves the timer; POMEX_NEVER unsets it. Room for it must have been reserved. */
void pomex_timer_set(pomex_timers *timers, pomex_timer *timer, int64_t at);

void pomex_timer_unset(pomex_timers *timers, pomex_timer *timer);

/* The earliest, or NULL. */
pomex_timer *pomex_timer_first(const pomex_timers *timers);

void pomex_timer_free(pomex_timers *timers);

#endif
