/* The two clocks of the benchmarks, in seconds. */
#ifndef POMEX_BENCH_MEASURE_H
#define POMEX_BENCH_MEASURE_H

#include <sys/resource.h>
#include <time.h>

static inline double measure_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline double measure_cpu(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

#endif
