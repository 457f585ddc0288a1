/* Many waits for assets of one group: how long after an asset is ready its wait ends. */
#include "cmocka_all.h"

#include "gallery.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define WAITS  10000
#define MEDIAN 60.0
#define SIGMA  0.5

/* The point below which a normal distribution has the part `p` (Acklam's middle and tails would be
 * more exact than is needed: a bisection of erf does). */
static double normal_quantile(double p)
{
    double low = -8, high = 8;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (0.5 * (1 + erf(middle / sqrt(2))) < p)
            low = middle;
        else
            high = middle;
    }
    return low;
}

TEST_CASE(ten_thousand_waits_of_one_group_end_within_a_second)
{
    gallery g;
    gallery_start(&g, WAITS, 1);
    for (size_t i = 0; i < WAITS; i++) { /* in an order that is not that of creation */
        double p = ((double)(i * 7919 % WAITS) + 0.5) / WAITS;
        g.assets[i].ready = MEDIAN * exp(SIGMA * normal_quantile(p));
    }
    gallery_sort(&g);
    harness_client(&g.h);
    pomex_operation **ops = calloc(WAITS, sizeof(pomex_operation *));
    bool *done = calloc(WAITS, 1);
    assert_true(ops && done);
    double began = harness_now();
    for (size_t i = 0; i < WAITS; i++)
        ops[i] = gallery_wait(&g, i, true, 3600);
    double lag = 0, worst = 0;
    for (size_t left = WAITS; left > 0;) {
        gallery_pass(&g, 0.1);
        for (size_t i = 0; i < WAITS; i++) {
            if (done[i] || !pomex_operation_done(ops[i]))
                continue;
            double late = gallery_now(&g) - 0.05 - g.assets[i].ready;
            assert_null(pomex_operation_error(ops[i]));
            done[i] = true;
            left--;
            lag += late;
            worst = late > worst ? late : worst;
        }
        if (gallery_now(&g) > 1000)
            fail_msg("%zu are left", left);
    }
    print_message(
        "mean lag %.2f s, worst %.1f s; %zu gets, %zu lists (%zu of the newest); %.1f s\n",
        lag / WAITS, worst, g.gets, g.lists, g.newest, harness_now() - began);
    assert_true(lag / WAITS <= 1);
    for (size_t i = 0; i < WAITS; i++)
        pomex_operation_release(ops[i]);
    free(ops);
    free(done);
    gallery_stop(&g);
}
