/* The process is stopped, by a busy machine, a debugger or a lid that closes, between any two
 * looks at the clock: when it goes on, a deadline has passed and the answer lies in the socket.
 * No deadline rings before what is there has been read. */
#include "cmocka_all.h"

#include "harness.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static struct {
    const char *line; /* of the call under way */
    int reads;        /* of the clock until it stops; 0: it does not */
    bool stopped;
} stop;

static int64_t now_of(const harness *h, clockid_t id)
{
    struct timespec at;
    clock_gettime(id, &at);
    return (int64_t)at.tv_sec * POMEX_SECOND + at.tv_nsec + h->ahead;
}

static int64_t stopping(void *user, enum pomex_clock_kind kind)
{
    harness *h = user;
    if (kind == POMEX_CLOCK_MONOTONIC && stop.reads > 0 && --stop.reads == 0) {
        stop.stopped = true;
        harness_answered(h, stop.line, 1);
        harness_advance(h, 1000);
    }
    return now_of(h, kind == POMEX_CLOCK_WALL ? CLOCK_REALTIME : CLOCK_MONOTONIC);
}

#define LIST "GET /v1/video/assets?"

/* A call whose answer comes after `delay`, and another, whose answer is something to find
 * before that. */
static pomex_operation *begin(harness *h, enum pomex_effect effect, double delay)
{
    static fault_step steps[2];
    pomex_call_options options;
    steps[0] = (fault_step){.match = LIST, .body = "{\"items\":[]}", .delay = delay / 4};
    steps[1] = (fault_step){.body = harness_reply(effect), .delay = delay};
    pomex_call_options_init(&options);
    stop.line = harness_line(effect);
    stop.reads = 0;
    stop.stopped = false;
    harness_script(h, steps, 2);
    pomex_operation *op = harness_call(h, effect);
    harness_arrived(h, harness_line(effect), 1);
    json_t *query = json_pack("{s:i}", "limit", 1);
    pomex_operation_release(
        pomex_client_call(h->client, POMEX_ASSET_LIST, NULL, 0, query, &options));
    json_decref(query);
    return op;
}

static void ends_well(harness *h, pomex_operation *op, double budget, bool polls, int reads)
{
    for (double end = harness_now() + 10; !pomex_operation_done(op) && harness_now() < end;) {
        if (polls)
            pomex_client_poll(h->client, 0.001);
        pomex_client_step(h->client, budget);
    }
    const pomex_error *error = pomex_operation_error(op);
    assert_true(pomex_operation_done(op));
    if (error)
        fail_msg("stopped at look %d: %s: %s", reads, error->type, error->message);
    assert_int_equal(pomex_operation_attempts(op), 1);
    pomex_operation_release(op);
}

static void check(bool polls)
{
    harness h;
    int many = 0;
    harness_start(&h, NULL, 0, false);
    h.options.clock = stopping;
    harness_client(&h);
    for (int reads = 1; reads <= 40; reads++) {
        enum pomex_effect effect = reads % 2 ? POMEX_EFFECT_NONE : POMEX_EFFECT_BILLED;
        stop.stopped = false;
        for (int tries = 0; tries < 3 && !stop.stopped; tries++) { /* the answer may be early */
            pomex_operation *op = begin(&h, effect, 0.03);
            stop.reads = reads;
            ends_well(&h, op, 0, polls, reads);
        }
        many += stop.stopped;
    }
    assert_true(many >= 10);
    harness_stop(&h);
}

TEST_CASE(in_a_step)
{
    check(false);
}

TEST_CASE(between_a_poll_and_a_step)
{
    check(true);
}

/* The deadline had passed when poll looked; what came after that is read all the same, and
 * first, by steps however short. */
TEST_CASE(long_after_a_poll)
{
    for (int i = 0; i < 2; i++) {
        harness h;
        harness_start(&h, NULL, 0, false);
        harness_client(&h);
        pomex_operation *op = begin(&h, i ? POMEX_EFFECT_BILLED : POMEX_EFFECT_NONE, 1.2);
        harness_arrived(&h, LIST, 1);
        harness_rest(&h, 0.22); /* libcurl's own timers, which would look at each, run out */
        harness_advance(&h, 130);
        harness_answered(&h, LIST, 1);
        assert_int_equal(pomex_client_poll(h.client, 1), 1);
        harness_answered(&h, stop.line, 1);
        ends_well(&h, op, 1e-9, false, 0);
        harness_stop(&h);
    }
}
