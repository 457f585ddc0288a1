/* What waits gain by what they have learnt, beside a schedule of fixed pauses, in simulated time: the
 * durations of tasks are log-normal, one task is waited for after the other unless a row says
 * otherwise, and what is known of each is when it was looked at. Prints its tables, each figure
 * beside its bound. */
#include "cmocka_all.h"

#include "base/clock.h"
#include "operation/durations.h"
#include "operation/pauses.h"

#include <math.h>
#include <stdio.h>

#define KIND   1 /* the one kind of tasks here */
#define WIDEST 1e6

typedef struct result {
    double lag;   /* seconds in all from the ends of tasks until they were seen */
    double looks; /* so many in all */
    double pause; /* the longest pause, of the fixed schedule's at that look */
} result;

static uint64_t chance;

/* xorshift: 0 to 1, the same in every run. */
static double uniform(void)
{
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return (double)(chance >> 11) * 0x1p-53;
}

static double log_normal(double median, double sigma)
{
    const double turn = 6.283185307179586;
    return median * exp(sigma * sqrt(-2 * log(1 - uniform())) * cos(turn * uniform()));
}

/* Waits for one task as csrc/core/operation/wait.c does for one that its client has made. Returns
 * when its last look came; sets *before to the one before it. */
static double wait_for(const pomex_schedule *fixed, const pomex_durations *known, double length,
                       double *before, result *sum)
{
    double pause = fixed->first, at = 0;
    for (int look = 0; at < length; look++) {
        size_t count = 0;
        const double *durations = known ? pomex_durations_of(known, KIND, &count) : NULL;
        double learnt = durations ? pomex_pauses_learnt(fixed, durations, count, at) : -1;
        double next = pomex_pauses_next(pause, learnt, look ? 0.8 + 0.4 * uniform() : 1);
        sum->pause = fmax(sum->pause, next / pause);
        if (look)
            pause = fmin(pause * fixed->factor, fixed->max);
        *before = at;
        at += next;
        sum->looks++;
    }
    sum->lag += at - length;
    return at;
}

/* Waits for `count` tasks, `at_once` of which begin together, by the fixed schedule and by what is
 * learnt meanwhile. */
static void run(const pomex_schedule *fixed, pomex_durations *known, double median,
                double sigma, int count, int at_once, result *by_fixed, result *by_learnt)
{
    pomex_durations_task tasks[64];
    double seen[64], before;
    for (int i = 0; i < count; i += at_once) {
        for (int k = 0; k < at_once; k++) {
            double length = log_normal(median, sigma);
            wait_for(fixed, NULL, length, &before, by_fixed);
            seen[k] = wait_for(fixed, known, length, &before, by_learnt);
            tasks[k] = (pomex_durations_task){KIND, 0, pomex_clock_ns(before)};
        }
        for (int k = 0; k < at_once; k++)
            pomex_durations_add(known, &tasks[k], NULL, pomex_clock_ns(seen[k]), WIDEST);
    }
}

static const double medians[] = {60, 120, 300};
static const double sigmas[] = {0.2, 0.5};
static const double bounds[] = {0.5, 0.85};
static const pomex_schedule schedules[] = {{5, 1, 5}, {6, 1, 6}, {5, 1.25, 10}};
#define ROWS(list) (sizeof(list) / sizeof *(list))

/* The ratio of what is learnt to the fixed schedule, in lag, if both took as many looks: a fixed
 * pause's lag goes down as its looks go up. */
static double at_equal_looks(const result *learnt, const result *fixed)
{
    return learnt->lag / fixed->lag * learnt->looks / fixed->looks;
}

TEST_CASE(the_lag_at_equal_numbers_of_looks)
{
    enum { RUNS = 10, BEFORE = 64, TASKS = 192 };
    int missed = 0;
    chance = 88172645463325252;
    printf("median, sigma, pauses    looks: fixed, learnt   lag: fixed, learnt   "
           "at equal looks, bound   longest pause, bound\n");
    for (size_t s = 0; s < ROWS(sigmas); s++)
        for (size_t m = 0; m < ROWS(medians); m++)
            for (size_t p = 0; p < ROWS(schedules); p++) {
                const pomex_schedule *fixed = &schedules[p];
                result by_fixed = {0}, by_learnt = {0}, unused = {0};
                for (int i = 0; i < RUNS; i++) {
                    pomex_durations known = {0};
                    run(fixed, &known, medians[m], sigmas[s], BEFORE, 1, &unused, &unused);
                    run(fixed, &known, medians[m], sigmas[s], TASKS, 1, &by_fixed, &by_learnt);
                    pomex_durations_free(&known);
                }
                double ratio = at_equal_looks(&by_learnt, &by_fixed), tasks = RUNS * TASKS;
                bool good = ratio <= bounds[s] && by_learnt.pause < 3.0001 &&
                            by_learnt.looks <= 1.05 * by_fixed.looks;
                missed += !good;
                printf("%3.0f s, %.1f  %g/%g/%-8g %5.1f %5.1f          %4.2f s %4.2f s        "
                       "%.3f  %.2f            %.2f  3%s\n",
                       medians[m], sigmas[s], fixed->first, fixed->factor, fixed->max,
                       by_fixed.looks / tasks, by_learnt.looks / tasks, by_fixed.lag / tasks,
                       by_learnt.lag / tasks, ratio, bounds[s], by_learnt.pause,
                       good ? "" : "  MISSED");
            }
    assert_int_equal(missed, 0);
}

TEST_CASE(the_lag_after_the_median_has_changed)
{
    enum { RUNS = 4, NEXT = 64 };
    const double tasks = RUNS * NEXT;
    int missed = 0;
    chance = 88172645463325252;
    printf(
        "median, sigma, pauses, at once    lag of the next 64: fixed, learnt   ratio, bound\n");
    for (size_t s = 0; s < ROWS(sigmas); s++)
        for (size_t m = 0; m < ROWS(medians); m++)
            for (int shorter = 0; shorter < 2; shorter++)
                for (size_t p = 0; p < ROWS(schedules); p++)
                    for (int at_once = 1; at_once <= 8; at_once += 7) {
                        const pomex_schedule *fixed = &schedules[p];
                        double then = shorter ? medians[m] / 3 : medians[m] * 3;
                        result by_fixed = {0}, by_learnt = {0}, unused = {0};
                        for (int i = 0; i < RUNS; i++) {
                            pomex_durations known = {0};
                            run(fixed, &known, medians[m], sigmas[s], 64, 1, &unused, &unused);
                            run(fixed, &known, then, sigmas[s], NEXT, at_once, &by_fixed,
                                &by_learnt);
                            pomex_durations_free(&known);
                        }
                        double ratio = by_learnt.lag / by_fixed.lag;
                        bool good = ratio <= 1.5 && by_learnt.pause < 3.0001;
                        missed += !good;
                        printf("%3.0f s to %3.0f s %.1f  %g/%g/%-5g %d    %4.2f s %4.2f s   "
                               "%.2f  1.5%s\n",
                               medians[m], then, sigmas[s], fixed->first, fixed->factor,
                               fixed->max, at_once, by_fixed.lag / tasks, by_learnt.lag / tasks,
                               ratio, good ? "" : "  MISSED");
                    }
    assert_int_equal(missed, 0);
}
