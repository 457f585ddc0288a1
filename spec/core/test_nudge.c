/* Notices: a wait that is told that its task has changed looks now. */
#include "cmocka_all.h"

#include "harness.h"

#include <stdio.h>
#include <string.h>

#define RUNNING   "{\"id\":\"cgt-1\",\"status\":\"running\"}"
#define SUCCEEDED "{\"id\":\"cgt-1\",\"status\":\"succeeded\"}"

static void set_up(harness *h, const fault_step *steps, size_t count)
{
    harness_start(h, steps, count, false);
    harness_stop_clock(h);
    harness_client(h);
}

static pomex_operation *begin(harness *h, double max)
{
    pomex_call_options options;
    pomex_call_options_init(&options);
    options.max = max;
    pomex_operation *op =
        pomex_client_wait(h->client, POMEX_GENERATION_GET, "cgt-1", 5, &options);
    assert_non_null(op);
    return op;
}

static void tear_down(harness *h, pomex_operation *op)
{
    pomex_operation_release(op);
    harness_stop(h);
}

/* Steps until the wait rests, and says for how long it will. */
static double next_pause(harness *h, pomex_operation *op)
{
    do
        harness_rest(h, 0.001);
    while (!inside_is_paused(op));
    return pomex_client_timeout(h->client);
}

static double seconds_since(const harness *h, int64_t start)
{
    return (double)(h->ahead - start) / 1e9;
}

TEST_CASE(a_wait_looks_when_it_is_told)
{
    static const fault_step steps[] = {{.times = 1, .body = RUNNING}, {.body = SUCCEEDED}};
    harness h;
    set_up(&h, steps, 2);
    pomex_operation *op = begin(&h, -1);
    assert_true(next_pause(&h, op) > 3.9);
    assert_int_equal(pomex_client_nudge(h.client, "cgt-2"), 0);
    assert_true(next_pause(&h, op) > 3.9);
    int64_t start = h.ahead;
    assert_int_equal(pomex_client_nudge(h.client, "cgt-1"), 1);
    harness_finish(&h, op);
    assert_null(pomex_operation_error(op));
    assert_true(seconds_since(&h, start) < 0.15);
    assert_int_equal(fault_server_count(h.server, NULL), 2);
    assert_int_equal(pomex_client_nudge(h.client, "cgt-1"), 0);
    tear_down(&h, op);
}

/* What a look does not show yet, or a notice that is lost, is seen after as long again at most. */
TEST_CASE(after_a_notice_the_pauses_double_up_to_a_minute)
{
    static const double pauses[] = {1, 2, 4, 8, 16, 32, 60, 60};
    static const fault_step step = {.body = RUNNING};
    harness h;
    set_up(&h, &step, 1);
    pomex_operation *op = begin(&h, -1);
    next_pause(&h, op);
    for (int notices = 0; notices < 2; notices++) { /* each begins anew */
        size_t before = fault_server_count(h.server, NULL);
        pomex_client_nudge(h.client, "cgt-1");
        harness_advance(&h, 0.11);
        harness_arrived(&h, NULL, before + 1);
        for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
            double pause = next_pause(&h, op);
            if (pause < 0.79 * pauses[i] || pause > 1.21 * pauses[i])
                fail_msg("pause %zu is %g and not about %g", i, pause, pauses[i]);
            harness_advance(&h, pause + 0.01);
            harness_arrived(&h, NULL, before + 2 + i);
        }
        next_pause(&h, op);
    }
    pomex_operation_cancel(op);
    tear_down(&h, op);
}

/* Without a notice nothing changes, nor where the caller of the wait says how long a pause may be. */
TEST_CASE(who_chose_a_longest_pause_keeps_it)
{
    static const fault_step step = {.body = RUNNING};
    harness h;
    set_up(&h, &step, 1);
    pomex_operation *op = begin(&h, 3);
    next_pause(&h, op);
    pomex_client_nudge(h.client, "cgt-1");
    harness_advance(&h, 0.11);
    harness_arrived(&h, NULL, 2);
    for (size_t i = 0; i < 12; i++) {
        double pause = next_pause(&h, op);
        assert_true(pause < 3.61);
        harness_advance(&h, pause + 0.01);
        harness_arrived(&h, NULL, 3 + i);
    }
    pomex_operation_cancel(op);
    tear_down(&h, op);
}

/* A look that is under way was perhaps answered before the task changed. */
TEST_CASE(a_notice_during_a_look_has_another_follow)
{
    static const fault_step steps[] = {{.times = 1, .body = RUNNING, .delay = 0.2},
                                       {.body = SUCCEEDED}};
    harness h;
    set_up(&h, steps, 2);
    pomex_operation *op = begin(&h, -1);
    harness_arrived(&h, NULL, 1);
    int64_t start = h.ahead;
    assert_int_equal(pomex_client_nudge(h.client, "cgt-1"), 1);
    harness_finish(&h, op);
    assert_null(pomex_operation_error(op));
    assert_true(seconds_since(&h, start) < 0.15);
    assert_int_equal(fault_server_count(h.server, NULL), 2);
    tear_down(&h, op);
}

/* A notice can be faster than the answer to the create, or than whoever begins the wait. */
TEST_CASE(a_notice_before_the_wait_is_remembered)
{
    for (int told = 0; told < 3; told++) {
        static const fault_step steps[] = {
            {.match = "POST", .body = "{\"id\":\"cgt-1\",\"status\":\"queued\"}"},
            {.body = SUCCEEDED}};
        harness h;
        set_up(&h, steps, 2);
        if (told == 1)
            pomex_client_nudge(h.client, "cgt-1");
        pomex_operation *made = harness_call(&h, POMEX_EFFECT_BILLED);
        harness_finish(&h, made);
        if (told == 2)
            pomex_client_nudge(h.client, "cgt-1");
        int64_t start = h.ahead;
        pomex_operation *op = begin(&h, -1);
        harness_finish(&h, op);
        assert_null(pomex_operation_error(op));
        if (told)
            assert_true(seconds_since(&h, start) < 0.15);
        else
            assert_true(seconds_since(&h, start) > 3.9);
        pomex_operation_release(made);
        tear_down(&h, op);
    }
}

TEST_CASE(a_retry_after_is_longer_than_a_notice)
{
    static const fault_step steps[] = {
        {.times = 1, .status = 429, .headers = "Retry-After: 40\r\n"}, {.body = SUCCEEDED}};
    harness h;
    set_up(&h, steps, 2);
    pomex_operation *op = begin(&h, -1);
    double pause = next_pause(&h, op);
    assert_true(pause > 39 && pause <= 40);
    assert_int_equal(pomex_client_nudge(h.client, "cgt-1"), 1);
    pause = next_pause(&h, op);
    assert_true(pause > 39 && pause <= 40);
    harness_finish(&h, op);
    assert_null(pomex_operation_error(op));
    assert_int_equal(fault_server_count(h.server, NULL), 2);
    tear_down(&h, op);
}

/* Whoever learns a URL can send as many as he likes. */
TEST_CASE(a_flood_of_notices_is_ten_looks_a_second)
{
    static const fault_step step = {.body = RUNNING};
    harness h;
    set_up(&h, &step, 1);
    pomex_operation *op = begin(&h, -1);
    next_pause(&h, op);
    for (int i = 0; i < 100; i++) { /* in one second */
        pomex_client_nudge(h.client, "cgt-1");
        next_pause(&h, op);
        harness_advance(&h, 0.01);
    }
    size_t looks = fault_server_count(h.server, NULL);
    assert_true(looks >= 9 && looks <= 12);
    pomex_operation_cancel(op);
    tear_down(&h, op);
}
