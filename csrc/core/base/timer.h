/* A heap of timers: setting, moving and removing cost O(log n), the earliest O(1). */
#ifndef POMEX_TIMER_H
#define POMEX_TIMER_H

#include "base/clock.h"

/* Lives inside what it wakes. Zeroed memory is a timer that is not set. */
typedef struct pomex_timer {
    int64_t at;
    size_t place; /* 1 + index in the heap; 0: not set */
} pomex_timer;

typedef struct pomex_timers {
    pomex_timer **heap;
    size_t count;
    size_t capacity;
} pomex_timers;

/* Makes room for one timer more. False if memory ran out. Whoever reserves once for each
 * timer that it may ever set can rely on pomex_timer_set not failing. */
bool pomex_timer_reserve(pomex_timers *timers, size_t count);

/* Sets or moves; POMEX_NEVER unsets. Needs room reserved for it. */
void pomex_timer_set(pomex_timers *timers, pomex_timer *timer, int64_t at);

void pomex_timer_unset(pomex_timers *timers, pomex_timer *timer);

/* The earliest, or NULL. */
pomex_timer *pomex_timer_first(const pomex_timers *timers);

void pomex_timer_free(pomex_timers *timers);

#endif
