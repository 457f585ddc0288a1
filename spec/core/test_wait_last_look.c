/* No wait ends in a time-out without having looked at the end. */
#include "cmocka_all.h"

#include "harness.h"

#include <string.h>

#define PROCESSING "{\"id\":\"asset-1\",\"object\":\"video.asset\",\"status\":\"processing\"}"
#define ACTIVE     "{\"id\":\"asset-1\",\"object\":\"video.asset\",\"status\":\"active\"}"
#define LOOK       "GET /v1/video/assets/looked-at"

static pomex_operation *begin(harness *h, double timeout)
{
    pomex_call_options options;
    pomex_call_options_init(&options);
    options.timeout = timeout;
    pomex_operation *op =
        pomex_client_wait(h->client, POMEX_ASSET_GET, "looked-at", 9, &options);
    assert_non_null(op);
    return op;
}

/* Finishes the wait: active, or else out of time. */
static void ends(harness *h, pomex_operation *op, bool active)
{
    harness_finish(h, op);
    const pomex_error *error = pomex_operation_error(op);
    if (active && error)
        fail_msg("%s: %s", error->type, error->message);
    if (!active) {
        assert_non_null(error);
        assert_non_null(error->last_status);
        assert_string_equal(error->type, "timeout_error");
        assert_string_equal(error->last_status, "processing");
    }
    pomex_operation_release(op);
}

/* A look that hangs is given up in time for the last one. */
TEST_CASE(a_hung_look_makes_way_for_the_last)
{
    for (int active = 0; active < 2; active++) {
        const fault_step steps[] = {{.times = 1, .kind = FAULT_HANG},
                                    {.body = active ? ACTIVE : PROCESSING}};
        harness h;
        harness_start(&h, steps, 2, false);
        harness_stop_clock(&h);
        harness_client(&h);
        pomex_operation *op = begin(&h, 20);
        harness_arrived(&h, LOOK, 1);
        harness_advance(&h, 18.5);
        harness_rest(&h, 0.1);
        assert_int_equal(fault_server_count(h.server, LOOK), 1);
        harness_advance(&h, 0.6);
        harness_arrived(&h, LOOK, 2);
        ends(&h, op, active);
        assert_int_equal(fault_server_count(h.server, LOOK), 2);
        harness_stop(&h);
    }
}

/* It hung, and nobody stepped until after the deadline. */
TEST_CASE(a_look_that_hung_past_the_deadline_is_repeated)
{
    for (int active = 0; active < 2; active++) {
        const fault_step steps[] = {{.times = 1, .kind = FAULT_HANG},
                                    {.body = active ? ACTIVE : PROCESSING}};
        harness h;
        harness_start(&h, steps, 2, false);
        harness_client(&h);
        pomex_operation *op = begin(&h, 20);
        harness_arrived(&h, LOOK, 1);
        harness_advance(&h, 25);
        ends(&h, op, active);
        assert_int_equal(fault_server_count(h.server, LOOK), 2);
        harness_stop(&h);
    }
}

/* Its turn had not come when the deadline passed and nobody stepped: it looks when it comes,
 * and once. */
TEST_CASE(a_wait_that_was_still_queued_looks_once)
{
    for (int way = 0; way < 4; way++) {
        bool active = way % 2, room_first = way / 2;
        const fault_step steps[] = {
            {.match = LOOK, .body = active ? ACTIVE : PROCESSING, .delay = 0.05},
            {.kind = FAULT_HANG}};
        harness h;
        harness_start(&h, steps, 2, false);
        h.options.max_in_flight = 1;
        h.options.request_timeout = 1000;
        h.options.budget = 1000;
        harness_client(&h);
        pomex_operation *other = harness_call(&h, POMEX_EFFECT_NONE);
        pomex_operation *op = begin(&h, 20);
        harness_arrived(&h, NULL, 1);
        harness_rest(&h, 0.05);
        assert_true(inside_is_queued(op));
        harness_advance(&h, 25);
        if (!room_first)
            harness_rest(&h, 0.05);
        assert_false(pomex_operation_done(op));
        pomex_operation_cancel(other);
        pomex_operation_release(other);
        ends(&h, op, active);
        assert_int_equal(fault_server_count(h.server, LOOK), 1);
        harness_stop(&h);
    }
}
