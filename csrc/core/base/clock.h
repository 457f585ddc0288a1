/* All time that the core reads. */
#ifndef POMEX_CLOCK_H
#define POMEX_CLOCK_H

#include "pomex.h"

#define POMEX_SECOND INT64_C(1000000000)
#define POMEX_NEVER  INT64_MAX

/* The system's clock; what options.clock replaces. */
int64_t pomex_clock_system(void *user, enum pomex_clock_kind kind);

/* Seconds as nanoseconds; saturates, so that any double is safe. Negative counts as 0. */
int64_t pomex_clock_ns(double seconds);

/* A time `seconds` after `from`, or POMEX_NEVER where that is beyond counting. */
int64_t pomex_clock_after(int64_t from, double seconds);

/* Nanoseconds as seconds. */
double pomex_clock_seconds(int64_t ns);

#endif
