/* A wall clock that is stepped while its process runs: preloaded, it adds $POMEX_PROOF_STEP seconds
 * to the time of day from two seconds after the start on. Other clocks are left alone. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

#define SHOWN __attribute__((visibility("default")))

typedef int clock_function(clockid_t, struct timespec *);

static int real(clockid_t which, struct timespec *at)
{
    static clock_function *next;
    if (!next)
        next = (clock_function *)(uintptr_t)dlsym(RTLD_NEXT, "clock_gettime");
    return next(which, at);
}

static long step(void)
{
    static long long begun;
    static long seconds;
    struct timespec now;
    real(CLOCK_MONOTONIC, &now);
    if (!begun) {
        const char *given = getenv("POMEX_PROOF_STEP");
        seconds = given ? atol(given) : 0;
        begun = now.tv_sec;
    }
    return now.tv_sec - begun >= 2 ? seconds : 0;
}

SHOWN int clock_gettime(clockid_t which, struct timespec *at)
{
    int result = real(which, at);
    if (result == 0 && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE))
        at->tv_sec += step();
    return result;
}

SHOWN int gettimeofday(struct timeval *restrict at, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    *at = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return 0;
}

SHOWN time_t time(time_t *at)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at)
        *at = now.tv_sec;
    return now.tv_sec;
}
