/* All time that the core reads, and how it counts: int64_t nanoseconds. */
#ifndef POMEX_CLOCK_H
#define POMEX_CLOCK_H

#include "pomex.h"

#define POMEX_SECOND INT64_C(1000000000)
#define POMEX_NEVER  INT64_MAX

/* The clock of one client. */
typedef struct pomex_clock {
    pomex_clock_fn read;
    void *user;
    int64_t recent; /* the monotonic time when last read */
} pomex_clock;

/* The monotonic time, read now. */
int64_t pomex_clock_now(pomex_clock *clock);

/* The monotonic time as it was when last read in this round of the loop: good enough for what is
 * counted in milliseconds, and free. */
static inline int64_t pomex_clock_recent(const pomex_clock *clock)
{
    return clock->recent;
}

/* The system's clock; what options.clock replaces. */
int64_t pomex_clock_system(void *user, enum pomex_clock_kind kind);

/* Seconds as nanoseconds; saturates, so that any double is safe. Negative counts as 0. */
int64_t pomex_clock_ns(double seconds);

/* A time `seconds` after `from`, or POMEX_NEVER where that is beyond counting. */
int64_t pomex_clock_after(int64_t from, double seconds);

/* Nanoseconds as seconds. */
double pomex_clock_seconds(int64_t ns);

#endif
