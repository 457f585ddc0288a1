/* The clocks that the core reads. It counts time in nanoseconds, as int64_t. */
#ifndef POMEX_CLOCK_H
#define POMEX_CLOCK_H

#include "pomex.h"

#define POMEX_SECOND INT64_C(1000000000)
#define POMEX_NEVER  INT64_MAX

/* The clock of one client. */
typedef struct pomex_clock {
    pomex_clock_fn read;
    void *user;
    int64_t recent; /* the monotonic time of the latest reading */
} pomex_clock;

/* The monotonic time, read now. */
int64_t pomex_clock_now(pomex_clock *clock);

/* The monotonic time of the latest reading in this round of the loop. It costs nothing, and is
 * exact enough for what is counted in milliseconds. */
static inline int64_t pomex_clock_recent(const pomex_clock *clock)
{
    return clock->recent;
}

/* Whether `at`, by BOOTTIME, has passed (POMEX_NEVER: it does not). */
bool pomex_clock_expired(const pomex_clock *clock, int64_t at);

/* The system's clock, which options.clock can replace. */
int64_t pomex_clock_system(void *user, enum pomex_clock_kind kind);

/* Seconds as nanoseconds. Saturates, so that any double is safe; a negative number counts as 0. */
int64_t pomex_clock_ns(double seconds);

/* The time `seconds` after `from`; POMEX_NEVER if that overflows. */
int64_t pomex_clock_after(int64_t from, double seconds);

/* Nanoseconds as seconds. */
double pomex_clock_seconds(int64_t ns);

#endif
