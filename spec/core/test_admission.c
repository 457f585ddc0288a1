/* Whoever waits gets a turn: queued operations, and the host between two steps. */
#include "cmocka_all.h"

#include "harness.h"

#include <poll.h>
#include <time.h>

#define GOOD "{\"id\":\"asset-1\",\"status\":\"active\"}"

static bool readable(pomex_client *client, double seconds)
{
    struct pollfd fd = {.fd = pomex_client_pollfd(client), .events = POLLIN};
    assert_true(fd.fd >= 0);
    return poll(&fd, 1, (int)(seconds * 1000)) == 1;
}

static void take_news(pomex_client *client)
{
    unsigned news;
    while (pomex_client_next(client, &news)) {
    }
}

/* A cancel makes room, and nothing else would say so. */
TEST_CASE(room_that_a_cancel_frees_is_used_at_once)
{
    static const fault_step steps[] = {{.times = 1, .kind = FAULT_HANG}, {.body = GOOD}};
    harness h;
    harness_start(&h, steps, 2, false);
    h.options.clock = NULL;
    h.options.max_in_flight = 1;
    harness_client(&h);
    pomex_operation *first = harness_call(&h, POMEX_EFFECT_NONE);
    harness_arrived(&h, NULL, 1);
    pomex_operation *second = harness_call(&h, POMEX_EFFECT_NONE);
    for (int i = 0; i < 20 && readable(h.client, 0.4); i++) /* libcurl's timers run out */
        pomex_client_step(h.client, 0);
    assert_false(readable(h.client, 0));
    assert_true(inside_is_queued(second));
    double start = harness_now();
    pomex_operation_cancel(first);
    take_news(h.client);
    assert_true(readable(h.client, 0));
    assert_true(pomex_client_timeout(h.client) <= 0);
    while (!pomex_operation_done(second)) {
        assert_true(readable(h.client, 5));
        pomex_client_step(h.client, 0);
    }
    assert_null(pomex_operation_error(second));
    assert_true(harness_now() - start < 3);
    pomex_operation_release(first);
    pomex_operation_release(second);
    harness_stop(&h);
}

/* Eight questions are always queued, and a new one comes for each that is answered: the order
 * behind them is not kept waiting for the last of them. */
TEST_CASE(a_steady_supply_of_one_kind_starves_no_other)
{
    const fault_step steps[] = {{.match = "GET", .body = GOOD},
                                {.match = "POST", .body = harness_reply(POMEX_EFFECT_BILLED)}};
    pomex_operation *gets[8];
    size_t ahead = 0;
    harness h;
    harness_start(&h, steps, 2, false);
    h.options.clock = NULL;
    h.options.max_in_flight = 2;
    harness_client(&h);
    for (size_t i = 0; i < 8; i++)
        gets[i] = harness_call(&h, POMEX_EFFECT_NONE);
    pomex_operation *order = harness_call(&h, POMEX_EFFECT_BILLED);
    while (!pomex_operation_done(order)) {
        pomex_client_step(h.client, 0);
        take_news(h.client);
        for (size_t i = 0; i < 8; i++) {
            if (!pomex_operation_done(gets[i]))
                continue;
            assert_null(pomex_operation_error(gets[i]));
            pomex_operation_release(gets[i]);
            gets[i] = harness_call(&h, POMEX_EFFECT_NONE);
            ahead += inside_is_queued(order);
        }
        assert_true(ahead < 100);
        pomex_client_poll(h.client, 0.01);
    }
    assert_null(pomex_operation_error(order));
    assert_true(ahead <= 8); /* those that were there before it; one step may do many */
    pomex_operation_release(order);
    for (size_t i = 0; i < 8; i++) {
        pomex_operation_cancel(gets[i]);
        pomex_operation_release(gets[i]);
    }
    harness_stop(&h);
}

/* A clock that goes on by a millisecond whenever it is read: what a step does within its
 * budget is then a matter of counting, whatever else the machine is busy with. */
static int64_t ticking(void *user, enum pomex_clock_kind kind)
{
    harness *h = user;
    h->ahead += POMEX_SECOND / 1000;
    return kind == POMEX_CLOCK_WALL ? INT64_C(1800000000) * POMEX_SECOND : h->ahead;
}

/* Asks 64 questions, and steps when every answer lies ready; the most that one step ended. */
static size_t most_in_a_step(harness *h)
{
    static const fault_step step = {.body = GOOD, .delay = 0.3};
    pomex_operation *ops[64];
    unsigned news;
    size_t done = 0, most = 0;
    harness_script(h, &step, 1);
    for (size_t i = 0; i < 64; i++)
        ops[i] = harness_call(h, POMEX_EFFECT_NONE);
    harness_arrived(h, NULL, 64);
    harness_answered(h, NULL, 64);
    for (size_t i = 0; i < 64; i++)
        done += pomex_operation_done(ops[i]); /* before all had arrived */
    for (double end = harness_now() + 20; done < 64 && harness_now() < end;) {
        size_t now = 0;
        pomex_client_step(h->client, 0);
        while (pomex_client_next(h->client, &news))
            now += (news & POMEX_NEWS_DONE) != 0;
        most = now > most ? now : most;
        done += now;
    }
    assert_int_equal(done, 64);
    for (size_t i = 0; i < 64; i++) {
        assert_null(pomex_operation_error(ops[i]));
        pomex_operation_release(ops[i]);
    }
    return most;
}

TEST_CASE(a_step_that_names_no_budget_has_one)
{
    harness h;
    harness_start(&h, NULL, 0, false);
    h.options.clock = ticking;
    h.options.request_timeout = 1e4;
    h.options.budget = 1e6;
    harness_client(&h);
    most_in_a_step(
        &h); /* of fresh connections libcurl has timers, and rings them all at once */
    assert_true(most_in_a_step(&h) <= 8);
    harness_stop(&h);
}
