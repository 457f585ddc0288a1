#include "base/clock.h"

#include <time.h>

bool pomex_clock_expired(const pomex_clock *clock, int64_t at)
{
    return at != POMEX_NEVER && clock->read(clock->user, POMEX_CLOCK_BOOTTIME) > at;
}

int64_t pomex_clock_system(void *user, enum pomex_clock_kind kind)
{
    static const clockid_t clocks[] = {
        [POMEX_CLOCK_MONOTONIC] = CLOCK_MONOTONIC,
        [POMEX_CLOCK_BOOTTIME] = CLOCK_BOOTTIME,
        [POMEX_CLOCK_WALL] = CLOCK_REALTIME,
    };
    struct timespec now = {0};
    (void)user;
    clock_gettime(clocks[kind], &now);
    return (int64_t)now.tv_sec * POMEX_SECOND + now.tv_nsec;
}

int64_t pomex_clock_now(pomex_clock *clock)
{
    clock->recent = clock->read(clock->user, POMEX_CLOCK_MONOTONIC);
    return clock->recent;
}

int64_t pomex_clock_ns(double seconds)
{
    if (!(seconds > 0))
        return 0;
    if (seconds > 4e9) /* more than a century counts as for ever */
        return POMEX_NEVER;
    return (int64_t)(seconds * 1e9);
}

int64_t pomex_clock_after(int64_t from, double seconds)
{
    int64_t ns = pomex_clock_ns(seconds);
    return ns > POMEX_NEVER - from ? POMEX_NEVER : from + ns;
}

double pomex_clock_seconds(int64_t ns)
{
    return (double)ns / 1e9;
}
