/* 12: who waits gets a turn, whatever else is asked for. Mixes of callers, waits and limits are
 * drawn by a seed ($POMEX_SEED) on a clock that the test moves; what is started is seen between
 * admission and the operation. */
#include "cmocka_all.h"

#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIXES       24
#define MOST_CALLS  200
#define MOST_WAITS  20
#define STEPS       150
#define CALLS_FIRST 3 /* … and then a wait */
#define LATEST      (POMEX_SECOND / 10)

static struct {
    int calls;       /* in a row, while a wait could have started */
    int looks;       /* in a row */
    size_t passed;   /* those, in all */
    size_t waits;    /* started */
    size_t deadline; /* reached by operations that were not done */
} seen;

static uint64_t dice;

static unsigned roll(unsigned sides)
{
    dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(dice >> 33) % sides;
}

void __real_pomex_attempt_start(pomex_operation *op, pomex_slot slot);
void __wrap_pomex_attempt_start(pomex_operation *op, pomex_slot slot);

void __wrap_pomex_attempt_start(pomex_operation *op, pomex_slot slot)
{
    pomex_client *client = inside_client(op);
    int64_t deadline = inside_deadline(op);
    bool call_passed = inside_could_start(client, false);
    bool wait_passed = inside_could_start(client, true);
    __real_pomex_attempt_start(op, slot);
    /* No look begins after the deadline while somebody steps. */
    assert_true(inside_deadline(op) == deadline);
    if (!inside_is_flying(op))
        return; /* it has ended itself, and nothing was started */
    if (inside_is_wait(op)) {
        if (seen.looks > 0 && call_passed)
            fail_msg("two waits in a row started before a call");
        seen.looks++;
        seen.calls = 0;
        seen.waits++;
    } else {
        seen.looks = 0;
        if (wait_passed) {
            seen.passed++;
            if (++seen.calls > CALLS_FIRST)
                fail_msg("%d calls in a row started before a wait", seen.calls);
        }
    }
}

typedef struct mix {
    harness h;
    size_t calls, waits;
    pomex_operation *ops[MOST_CALLS + MOST_WAITS];
    int64_t ends[MOST_CALLS + MOST_WAITS]; /* their deadlines */
} mix;

static void ask(mix *m, size_t i)
{
    static const enum pomex_effect effects[] = {POMEX_EFFECT_NONE, POMEX_EFFECT_ASSET,
                                                POMEX_EFFECT_SPARE, POMEX_EFFECT_BILLED};
    pomex_call_options options;
    pomex_call_options_init(&options);
    options.timeout = 0.2 + roll(40) / 10.0;
    if (i >= m->calls) {
        bool asset = roll(2);
        options.first = 0.001;
        options.factor = 1;
        options.max = 0.02;
        m->ops[i] =
            pomex_client_wait(m->h.client, asset ? POMEX_ASSET_GET : POMEX_GENERATION_GET,
                              "waited-for", 10, &options);
    } else if (roll(4) == 0) {
        m->ops[i] = pomex_client_call(m->h.client, POMEX_ASSET_LIST, NULL, 0, NULL, &options);
    } else {
        options.timeout = m->h.options.budget;
        m->ops[i] = harness_call(&m->h, effects[roll(4)]);
    }
    assert_non_null(m->ops[i]);
    m->ends[i] = pomex_clock_after(inside_now(m->h.client), options.timeout);
}

/* Whoever is done asks anew; nobody is there for long after its deadline. */
static void go_on(mix *m)
{
    int64_t now = inside_now(m->h.client);
    for (size_t i = 0; i < m->calls + m->waits; i++) {
        if (pomex_operation_done(m->ops[i])) {
            seen.deadline += now >= m->ends[i];
            pomex_operation_release(m->ops[i]);
            ask(m, i);
        } else if (now > m->ends[i] + LATEST) {
            fail_msg("%s is not done %.3f s after its deadline",
                     inside_endpoint(m->ops[i])->name, pomex_clock_seconds(now - m->ends[i]));
        }
    }
}

/* Nobody who could start is held up by those whose limit is full. */
static void nobody_is_held_up(mix *m)
{
    pomex_client *c = m->h.client;
    for (int i = 0; i < 20 && (inside_could_start(c, false) || inside_could_start(c, true));
         i++)
        pomex_client_step(c, 0);
    assert_false(inside_could_start(c, false) || inside_could_start(c, true));
}

static void run(mix *m)
{
    const fault_step steps[] = {
        {.match = "GET /v1/video/assets/waited-for", .body = "{\"status\":\"processing\"}"},
        {.match = "GET /v1/video/generations/waited-for", .body = "{\"status\":\"queued\"}"},
        {.match = "POST /v1/video/generations",
         .kind = roll(2) ? FAULT_HANG : FAULT_ANSWER,
         .body = harness_reply(POMEX_EFFECT_BILLED)},
        {.match = "POST /v1/video/assets/sessions", .body = harness_reply(POMEX_EFFECT_SPARE)},
        {.match =
             "POST", /* an upload; of one that is cut off nobody knows, and it is looked up */
         .kind = roll(2) ? FAULT_CLOSE : FAULT_ANSWER,
         .body = harness_reply(POMEX_EFFECT_ASSET)},
        {.match = "GET /v1/video/assets?",
         .kind = roll(4) ? FAULT_ANSWER : FAULT_HANG,
         .body = "{\"items\":[]}"},
        {.body = harness_reply(POMEX_EFFECT_NONE)}};
    harness_start(&m->h, steps, sizeof steps / sizeof *steps, false);
    harness_stop_clock(&m->h);
    m->h.options.budget = 1 + roll(4);
    m->h.options.max_in_flight = 1 + (int)roll(64);
    for (int i = 0; i < POMEX_ENDPOINTS; i++)
        m->h.options.rate_limits[i] = roll(3) ? 0 : 1 + roll(20);
    harness_client(&m->h);
    seen.calls = 0;
    for (size_t i = 0; i < m->calls + m->waits; i++)
        ask(m, i);
    for (int step = 0; step < STEPS; step++) {
        harness_rest(&m->h, 0.001); /* lets answers come, while the clock stands still */
        nobody_is_held_up(m);
        go_on(m);
        harness_advance(&m->h, roll(20) / 1000.0);
    }
    for (size_t i = 0; i < m->calls + m->waits; i++) {
        pomex_operation_cancel(m->ops[i]);
        pomex_operation_release(m->ops[i]);
    }
    harness_stop(&m->h);
}

TEST_CASE(every_fourth_start_is_a_waits)
{
    const char *given = getenv("POMEX_SEED");
    unsigned long long seed = given ? strtoull(given, NULL, 10) : 1;
    print_message("POMEX_SEED=%llu\n", seed);
    dice = seed;
    memset(&seen, 0, sizeof seen);
    for (int i = 0; i < MIXES; i++) {
        mix m = {.calls = 1 + roll(MOST_CALLS), .waits = 1 + roll(MOST_WAITS)};
        run(&m);
    }
    print_message("%zu calls passed a wait, %zu looks, %zu deadlines\n", seen.passed,
                  seen.waits, seen.deadline);
    assert_true(seen.passed > 100 && seen.waits > 100 && seen.deadline > 100);
}

/* As it was found: 120 callers without end, and a wait for what is active already. */
TEST_CASE(a_wait_beside_many_callers)
{
    const fault_step steps[] = {
        {.match = "GET /v1/video/assets/waited-for", .body = "{\"status\":\"active\"}"},
        {.body = harness_reply(POMEX_EFFECT_NONE)}};
    pomex_operation *gets[120];
    pomex_call_options options;
    harness h;
    harness_start(&h, steps, 2, false);
    harness_stop_clock(&h);
    h.options.rate_limits[POMEX_ASSET_GET] = 100;
    harness_client(&h);
    seen.calls = seen.looks = 0;
    for (size_t i = 0; i < 120; i++)
        gets[i] = harness_call(&h, POMEX_EFFECT_NONE);
    pomex_call_options_init(&options);
    options.timeout = 10;
    pomex_operation *wait =
        pomex_client_wait(h.client, POMEX_ASSET_GET, "waited-for", 10, &options);
    for (int step = 0; step < 2000 && !pomex_operation_done(wait); step++) {
        harness_rest(&h, 0.001);
        harness_advance(&h, 0.005);
        for (size_t i = 0; i < 120; i++) {
            if (!pomex_operation_done(gets[i]))
                continue;
            pomex_operation_release(gets[i]);
            gets[i] = harness_call(&h, POMEX_EFFECT_NONE);
        }
    }
    assert_true(pomex_operation_done(wait));
    assert_null(pomex_operation_error(wait));
    pomex_operation_release(wait);
    for (size_t i = 0; i < 120; i++) {
        pomex_operation_cancel(gets[i]);
        pomex_operation_release(gets[i]);
    }
    harness_stop(&h);
}

/* Room comes when the wait's deadline has just passed: it ends, and does not look for seconds. */
TEST_CASE(a_turn_that_comes_too_late)
{
    static const fault_step hang = {.kind = FAULT_HANG};
    pomex_call_options options;
    harness h;
    harness_start(&h, &hang, 1, false);
    harness_stop_clock(&h);
    h.options.max_in_flight = 1;
    harness_client(&h);
    seen.calls = seen.looks = 0;
    pomex_operation *other = harness_call(&h, POMEX_EFFECT_NONE);
    harness_arrived(&h, NULL, 1);
    pomex_call_options_init(&options);
    options.timeout = 1;
    pomex_operation *wait =
        pomex_client_wait(h.client, POMEX_ASSET_GET, "waited-for", 10, &options);
    for (int i = 0; i < 99; i++) {
        harness_advance(&h, 0.01);
        pomex_client_step(h.client, 0);
    }
    assert_true(inside_is_queued(wait));
    harness_advance(&h, 0.02);
    pomex_operation_cancel(other);
    pomex_client_step(h.client, 0);
    assert_true(pomex_operation_done(wait));
    assert_string_equal(pomex_operation_error(wait)->type, "timeout_error");
    assert_int_equal(fault_server_count(h.server, NULL), 1);
    pomex_operation_release(wait);
    pomex_operation_release(other);
    harness_stop(&h);
}

/* Six waits whose time has passed stand before one that has time: they end, and it has the turn
 * that comes after three calls. */
TEST_CASE(a_wait_that_is_over_takes_no_turn)
{
    static const fault_step hang = {.kind = FAULT_HANG};
    pomex_operation *others[16], *calls[16], *over[6];
    pomex_call_options options;
    harness h;
    harness_start(&h, &hang, 1, false);
    harness_stop_clock(&h);
    h.options.max_in_flight = 16;
    harness_client(&h);
    for (size_t i = 0; i < 16; i++)
        others[i] = harness_call(&h, POMEX_EFFECT_NONE);
    harness_arrived(&h, NULL, 16);
    pomex_call_options_init(&options);
    options.timeout = 1;
    for (size_t i = 0; i < 6; i++)
        over[i] = pomex_client_wait(h.client, POMEX_ASSET_GET, "over", 4, &options);
    options.timeout = 10;
    pomex_operation *due = pomex_client_wait(h.client, POMEX_ASSET_GET, "due", 3, &options);
    for (size_t i = 0; i < 16; i++)
        calls[i] = harness_call(&h, POMEX_EFFECT_NONE);
    harness_advance(&h, 0.99);
    pomex_client_step(h.client, 0);
    assert_true(inside_is_queued(over[0]));
    harness_advance(&h, 0.02);
    for (size_t i = 0; i < 16; i++)
        pomex_operation_cancel(others[i]);
    seen.calls = seen.looks = 0;
    pomex_client_step(h.client, 0);
    assert_true(inside_is_flying(due));
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(pomex_operation_error(over[i])->type, "timeout_error");
        pomex_operation_release(over[i]);
    }
    pomex_operation_cancel(due);
    pomex_operation_release(due);
    for (size_t i = 0; i < 16; i++) {
        pomex_operation_cancel(calls[i]);
        pomex_operation_release(calls[i]);
        pomex_operation_release(others[i]);
    }
    harness_stop(&h);
}
