/* A connection of HTTP/2 that died without a word: a network that was changed, a proxy that
 * lost its other side. Only what was sent on it and not answered tells. */
#include "cmocka_all.h"

#include "harness.h"

#define GET "GET /v1/video/assets/asset-1"

static const fault_step good = {
    .body = "{\"id\":\"asset-1\",\"object\":\"video.asset\",\"status\":\"active\"}"};

static void finish_well(harness *h, pomex_operation *op)
{
    harness_finish(h, op);
    const pomex_error *error = pomex_operation_error(op);
    if (error)
        fail_msg("%s: %s", error->type, error->message);
    pomex_operation_release(op);
}

/* Starts, and makes a connection: the first. */
static void start_by(harness *h, bool stopped_clock)
{
    harness_start(h, &good, 1, true);
    fault_server_speak_http2(h->server);
    h->options.max_retries = 0;
    h->options.connect_timeout = 60;
    if (stopped_clock)
        harness_stop_clock(h);
    harness_client(h);
    finish_well(h, harness_call(h, POMEX_EFFECT_NONE));
}

static void start(harness *h)
{
    start_by(h, false);
}

static int connection_of(harness *h, size_t index)
{
    fault_request r;
    assert_true(fault_server_request(h->server, GET, index, &r));
    assert_true(r.http2);
    return r.connection;
}

static void times_out(harness *h, pomex_operation *op)
{
    harness_finish(h, op);
    assert_non_null(pomex_operation_error(op));
    assert_string_equal(pomex_operation_error(op)->type, "timeout_error");
    pomex_operation_release(op);
}

/* What comes after an attempt that ran out of its time on a silent connection. */
static void nothing_goes_out_on_it_again(void **state)
{
    (void)state;
    for (int polled = 0; polled < 2; polled++) {
        const fault_step steps[] = {{.times = 1, .kind = FAULT_HANG}, good};
        pomex_call_options options;
        harness h;
        start(&h);
        harness_script(&h, steps, 2);
        pomex_call_options_init(&options);
        pomex_operation *op =
            polled ? pomex_client_wait(h.client, POMEX_ASSET_GET, "asset-1", 7, &options)
                   : harness_call(&h, POMEX_EFFECT_NONE);
        harness_arrived(&h, GET, 1);
        assert_int_equal(connection_of(&h, 0), 1);
        harness_advance(&h, 31);
        if (polled) {
            finish_well(&h, op);
        } else {
            times_out(&h, op);
            finish_well(&h, harness_call(&h, POMEX_EFFECT_NONE));
        }
        assert_int_equal(connection_of(&h, 1), 2);
        harness_stop(&h);
    }
}

/* One that brought another's answer is alive, if that was not long ago. */
static void an_answer_that_is_late_says_nothing(void **state)
{
    (void)state;
    static const struct {
        double before, after; /* the other's answer, in s */
        int connection;       /* of the next request */
    } rows[] = {{25, 6, 1}, {15, 16, 2}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const fault_step steps[] = {{.times = 1, .kind = FAULT_HANG}, good};
        harness h;
        start(&h);
        harness_script(&h, steps, 2);
        pomex_operation *op = harness_call(&h, POMEX_EFFECT_NONE);
        harness_arrived(&h, GET, 1);
        harness_advance(&h, rows[i].before);
        finish_well(&h, harness_call(&h, POMEX_EFFECT_NONE));
        assert_int_equal(connection_of(&h, 1), 1);
        harness_advance(&h, rows[i].after);
        times_out(&h, op);
        finish_well(&h, harness_call(&h, POMEX_EFFECT_NONE));
        assert_int_equal(connection_of(&h, 2), rows[i].connection);
        harness_stop(&h);
    }
}

/* A deadline that was near says nothing of the connection, on which another may be waiting. */
static void a_short_wait_says_nothing(void **state)
{
    (void)state;
    static const struct {
        double timeout;
        bool dead; /* the next request goes elsewhere */
    } rows[] = {{0.5, false}, {5, true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const fault_step steps[] = {{.times = 2, .kind = FAULT_HANG}, good};
        pomex_call_options options;
        harness h;
        start_by(&h, true);
        harness_script(&h, steps, 2);
        pomex_operation *other = harness_call(&h, POMEX_EFFECT_NONE);
        harness_arrived(&h, GET, 1);
        pomex_call_options_init(&options);
        options.timeout = rows[i].timeout;
        pomex_operation *op =
            pomex_client_call(h.client, POMEX_ASSET_GET, "asset-1", 7, NULL, &options);
        harness_arrived(&h, GET, 2);
        assert_int_equal(connection_of(&h, 1), 1);
        harness_advance(&h, rows[i].timeout);
        times_out(&h, op);
        finish_well(&h, harness_call(&h, POMEX_EFFECT_NONE));
        assert_int_equal(connection_of(&h, 2) != 1, rows[i].dead);
        pomex_operation_cancel(other);
        pomex_operation_release(other);
        harness_stop(&h);
    }
}

/* What was sent on it later goes again at once, and has not failed for it: also where half of
 * an answer has come, after which libcurl does not go again by itself. */
static void what_shares_it_is_not_the_worse_for_it(void **state)
{
    (void)state;
    for (int half = 0; half < 2; half++) {
        const fault_step steps[] = {
            {.times = 1, .kind = FAULT_HANG},
            {.times = 1, .kind = half ? FAULT_HALT : FAULT_HANG, .body = good.body, .cut = 8},
            good};
        harness h;
        start(&h);
        harness_script(&h, steps, 3);
        pomex_operation *op = harness_call(&h, POMEX_EFFECT_NONE);
        harness_arrived(&h, GET, 1);
        harness_advance(&h, 15);
        pomex_operation *young = harness_call(&h, POMEX_EFFECT_NONE);
        harness_arrived(&h, GET, 2);
        while (half && young->transfer->received < 8)
            harness_rest(&h, 0.002);
        harness_advance(&h, 16);
        times_out(&h, op);
        harness_finish(&h, young);
        assert_int_equal(pomex_operation_attempts(young), 1);
        finish_well(&h, young);
        assert_int_equal(connection_of(&h, 1), 1);
        assert_int_equal(connection_of(&h, 2), 2);
        harness_stop(&h);
    }
}

/* What costs has a connection of its own, and waits on it for its answer. */
static void a_post_is_not_cut_off(void **state)
{
    (void)state;
    for (int n = POMEX_EFFECT_ASSET; n <= POMEX_EFFECT_BILLED; n++) {
        enum pomex_effect effect = (enum pomex_effect)n;
        const fault_step steps[] = {
            {.match = "POST", .body = harness_reply(effect), .delay = 0.5},
            {.times = 1, .kind = FAULT_HANG},
            good};
        harness h;
        start(&h);
        h.client->settings.options.request_timeout = 60;
        harness_script(&h, steps, 3);
        pomex_operation *post = harness_call(&h, effect);
        harness_arrived(&h, "POST", 1);
        h.client->settings.options.request_timeout = 30;
        pomex_operation *op = harness_call(&h, POMEX_EFFECT_NONE);
        harness_arrived(&h, GET, 1);
        harness_advance(&h, 31);
        times_out(&h, op);
        finish_well(&h, post);
        assert_int_equal(fault_server_count(h.server, "POST"), 1);
        harness_stop(&h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_goes_out_on_it_again),
        cmocka_unit_test(an_answer_that_is_late_says_nothing),
        cmocka_unit_test(a_short_wait_says_nothing),
        cmocka_unit_test(what_shares_it_is_not_the_worse_for_it),
        cmocka_unit_test(a_post_is_not_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
