/* A laptop's sleep: its clocks come back at different times, its connections are dead without
 * knowing it, and no wait is the shorter for it. */
#include "cmocka_all.h"

#include "harness.h"

#include <string.h>

#define PROCESSING "{\"id\":\"asset-1\",\"object\":\"video.asset\",\"status\":\"processing\"}"
#define ACTIVE     "{\"id\":\"asset-1\",\"object\":\"video.asset\",\"status\":\"active\"}"
#define HOUR       (3600 * POMEX_SECOND)

/* CLOCK_MONOTONIC stands still while the machine sleeps, CLOCK_BOOTTIME goes on. */
typedef struct sleeper {
    harness h;
    int64_t (*clock)(void *, enum pomex_clock_kind);
    int64_t slept;
} sleeper;

static int64_t clock_of_sleeper(void *user, enum pomex_clock_kind kind)
{
    const sleeper *s = user;
    int64_t now = s->clock(user, kind); /* the harness is its first member */
    return kind == POMEX_CLOCK_MONOTONIC ? now : now + s->slept;
}

static void set_up(sleeper *s, const fault_step *steps, size_t count)
{
    harness_start(&s->h, steps, count, false);
    s->slept = 0;
    s->clock = s->h.options.clock;
    s->h.options.clock = clock_of_sleeper;
    s->h.options.clock_user = s;
    harness_client(&s->h);
}

static pomex_operation *begin(sleeper *s)
{
    pomex_call_options options;
    pomex_call_options_init(&options);
    pomex_operation *op =
        pomex_client_wait(s->h.client, POMEX_ASSET_GET, "asset-1", 7, &options);
    assert_non_null(op);
    return op;
}

static void is_active(sleeper *s, pomex_operation *op)
{
    harness_finish(&s->h, op);
    const pomex_error *error = pomex_operation_error(op);
    if (error)
        fail_msg("%s: %s", error->type, error->message);
    assert_string_equal(pomex_operation_body(op, NULL), ACTIVE);
    pomex_operation_release(op);
    harness_stop(&s->h);
}

static void rests(sleeper *s, const pomex_operation *op)
{
    double end = harness_now() + 10;
    while (!inside_is_paused(op) && harness_now() < end)
        harness_rest(&s->h, 0.005);
    assert_true(inside_is_paused(op));
}

/* The look after an hour's sleep goes out on a new connection; without a sleep, on the old. */
TEST_CASE(no_look_goes_out_on_a_connection_that_slept)
{
    for (int asleep = 0; asleep < 2; asleep++) {
        static const fault_step steps[] = {{.times = 2, .body = PROCESSING}, {.body = ACTIVE}};
        sleeper s;
        set_up(&s, steps, 2);
        pomex_operation *op = begin(&s);
        harness_arrived(&s.h, NULL, 1);
        rests(&s, op);
        s.slept += asleep * HOUR;
        harness_rest(&s.h, 0.01);
        harness_advance(&s.h, pomex_client_timeout(s.h.client) + 0.01);
        harness_arrived(&s.h, NULL, 2);
        assert_int_equal(fault_server_connections(s.h.server), 1 + asleep);
        is_active(&s, op);
    }
}

/* Nor does the first call of a host that had nothing to step for. */
TEST_CASE(no_call_goes_out_on_a_connection_that_slept)
{
    static const fault_step step = {.body = ACTIVE};
    for (int asleep = 0; asleep < 2; asleep++) {
        sleeper s;
        set_up(&s, &step, 1);
        pomex_operation *op = harness_call(&s.h, POMEX_EFFECT_NONE);
        harness_finish(&s.h, op);
        pomex_operation_release(op);
        s.slept += asleep * HOUR;
        op = harness_call(&s.h, POMEX_EFFECT_NONE);
        harness_arrived(&s.h, NULL, 2);
        assert_int_equal(fault_server_connections(s.h.server), 1 + asleep);
        is_active(&s, op);
    }
}

/* Ten nights of sleep are no part of the 600 seconds that the wait has. */
TEST_CASE(a_sleep_takes_nothing_off_the_deadline)
{
    static const fault_step steps[] = {{.times = 11, .body = PROCESSING}, {.body = ACTIVE}};
    sleeper s;
    set_up(&s, steps, 2);
    pomex_operation *op = begin(&s);
    for (size_t i = 1; i <= 10; i++) {
        harness_arrived(&s.h, NULL, i);
        rests(&s, op);
        s.slept += 8 * HOUR;
        harness_advance(&s.h, pomex_client_timeout(s.h.client) + 0.01);
    }
    is_active(&s, op);
}

/* A look that was under way: its answer is believed if it comes, and it is given up if not. */
TEST_CASE(a_look_that_was_under_way)
{
    for (int answered = 0; answered < 2; answered++) {
        const fault_step steps[] = {{.times = 1,
                                     .kind = answered ? FAULT_ANSWER : FAULT_HANG,
                                     .body = ACTIVE,
                                     .delay = answered ? 0.2 : 0},
                                    {.body = ACTIVE}};
        sleeper s;
        set_up(&s, steps, 2);
        pomex_operation *op = begin(&s);
        harness_arrived(&s.h, NULL, 1);
        s.slept += HOUR;
        harness_rest(&s.h, 0.02);
        if (!answered) {
            assert_false(pomex_operation_done(op));
            harness_advance(&s.h, s.h.options.request_timeout + 1);
        }
        int looks = answered ? 1 : 2;
        harness_finish(&s.h, op);
        assert_int_equal(fault_server_count(s.h.server, NULL), looks);
        is_active(&s, op);
    }
}
