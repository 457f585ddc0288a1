/* A create that stands by: it has its turn and its slot, and sends nothing before its caller's
 * word. */
#include "cmocka_all.h"

#include "harness.h"

#include <string.h>

static const fault_step answers = {.body = "{\"id\":\"made-1\"}"};

static pomex_operation *create(harness *h)
{
    pomex_call_options options;
    pomex_call_options_init(&options);
    options.stand_by = true;
    options.max_retries = 0;
    json_t *body = json_pack("{s:s, s:[{s:s, s:s}]}", "model", "byteplus/seedance-2.0",
                             "content", "type", "text", "text", "a wave");
    pomex_operation *op =
        pomex_client_call(h->client, POMEX_GENERATION_CREATE, NULL, 0, body, &options);
    json_decref(body);
    return op;
}

static void begin(harness *h, int in_flight, double rate)
{
    harness_start(h, &answers, 1, false);
    harness_stop_clock(h);
    h->options.max_in_flight = in_flight;
    h->options.rate_limits[POMEX_GENERATION_CREATE] = rate;
    harness_client(h);
}

static double boottime(harness *h)
{
    return (double)h->options.clock(h, POMEX_CLOCK_BOOTTIME) / 1e9;
}

static void is_made(harness *h, pomex_operation *op)
{
    harness_finish(h, op);
    assert_null(pomex_operation_error(op));
    assert_string_equal(pomex_operation_object(op), "made-1");
    pomex_operation_release(op);
}

static void ends_as(harness *h, pomex_operation *op, const char *type)
{
    harness_finish(h, op);
    assert_non_null(pomex_operation_error(op));
    assert_string_equal(pomex_operation_error(op)->type, type);
    assert_int_equal(pomex_operation_error(op)->billed, POMEX_BILLED_NO);
    pomex_operation_release(op);
}

TEST_CASE(it_has_its_turn_and_sends_nothing_before_the_word)
{
    harness h;
    begin(&h, 1, 0);
    pomex_operation *op = create(&h), *other = harness_call(&h, POMEX_EFFECT_NONE);
    assert_true(pomex_operation_stands(op));
    unsigned news = 0;
    assert_ptr_equal(pomex_client_next(h.client, &news), op);
    assert_int_equal(news, POMEX_NEWS_UPDATE);
    harness_rest(&h, 0.05);
    /* It counts among those in flight. */
    assert_true(inside_is_queued(other));
    assert_int_equal(fault_server_connections(h.server), 0);
    pomex_operation_proceed(op, -1);
    assert_false(pomex_operation_stands(op));
    is_made(&h, op);
    harness_finish(&h, other);
    pomex_operation_release(other);
    assert_int_equal(fault_server_count(h.server, "POST"), 1);
    harness_stop(&h);
}

/* What it held is free at once, in the limiter too. */
TEST_CASE(cancelled_it_has_sent_nothing_and_gives_back_what_it_held)
{
    harness h;
    begin(&h, 1, 1);
    pomex_operation *op = create(&h), *next = create(&h);
    assert_true(pomex_operation_stands(op));
    assert_false(pomex_operation_stands(next));
    pomex_operation_cancel(op);
    ends_as(&h, op, "cancelled_error");
    pomex_client_step(h.client, 0);
    assert_true(pomex_operation_stands(next));
    assert_int_equal(inside_in_flight(h.client), 1);
    pomex_operation_proceed(next, -1);
    is_made(&h, next);
    assert_int_equal(inside_in_flight(h.client), 0);
    assert_int_equal(fault_server_count(h.server, "POST"), 1);
    harness_stop(&h);
}

/* A caller whose disk hangs holds up nobody else; when it has written, its call is the first. */
TEST_CASE(it_keeps_its_place_for_a_second)
{
    static const fault_step slow[] = {{.match = "GET", .delay = 0.05, .body = "{\"id\":\"a\"}"},
                                      {.body = "{\"id\":\"made-1\"}"}};
    harness h;
    begin(&h, 1, 0);
    harness_script(&h, slow, 2);
    pomex_operation *op = create(&h), *other = harness_call(&h, POMEX_EFFECT_NONE);
    harness_advance(&h, 0.9);
    pomex_client_step(h.client, 0);
    assert_true(inside_is_queued(other));
    harness_advance(&h, 0.2);
    harness_finish(&h, other);
    pomex_operation_release(other);
    assert_true(pomex_operation_stands(op));
    assert_int_equal(inside_in_flight(h.client), 0);
    pomex_operation *later = harness_call(&h, POMEX_EFFECT_NONE);
    pomex_operation *last = harness_call(&h, POMEX_EFFECT_NONE);
    assert_true(inside_is_flying(later) && inside_is_queued(last));
    pomex_operation_proceed(op, -1);
    harness_finish(&h, last);
    is_made(&h, op);
    pomex_operation_release(later);
    pomex_operation_release(last);
    fault_request request;
    assert_true(fault_server_request(h.server, NULL, 2, &request));
    assert_string_equal(request.line, "POST /v1/video/generations");
    harness_stop(&h);
}

/* Time to send it is counted from the word on. */
TEST_CASE(its_time_begins_when_it_goes_on)
{
    harness h;
    begin(&h, 4, 0);
    pomex_operation *op = create(&h);
    harness_advance(&h, 5000);
    pomex_client_step(h.client, 0);
    assert_true(pomex_operation_stands(op));
    pomex_operation_proceed(op, boottime(&h) + 30);
    is_made(&h, op);
    harness_stop(&h);
}

/* Where its place was given away, and the time to send passes before it has another. */
TEST_CASE(it_is_late_where_it_waits_too_long)
{
    harness h;
    begin(&h, 1, 0);
    static const fault_step hangs = {.kind = FAULT_HANG};
    harness_script(&h, &hangs, 1);
    pomex_operation *op = create(&h);
    harness_advance(&h, 2);
    pomex_client_step(h.client, 0);
    pomex_operation *other = harness_call(&h, POMEX_EFFECT_NONE);
    harness_arrived(&h, "GET", 1);
    pomex_operation_proceed(op, boottime(&h) + 5);
    pomex_client_step(h.client, 0);
    assert_true(inside_is_queued(op));
    harness_advance(&h, 6);
    pomex_operation_cancel(other);
    pomex_operation_release(other);
    ends_as(&h, op, "late_error");
    assert_int_equal(fault_server_count(h.server, "POST"), 0);
    harness_stop(&h);
}

TEST_CASE(a_word_that_comes_too_late_or_twice_does_nothing)
{
    harness h;
    begin(&h, 1, 0);
    pomex_operation *op = create(&h), *queued = create(&h);
    pomex_operation_proceed(queued, -1);
    assert_true(inside_is_queued(queued));
    pomex_operation_proceed(op, -1);
    pomex_operation_proceed(op, -1);
    harness_finish(&h, op);
    pomex_operation_proceed(op, -1);
    is_made(&h, op);
    pomex_client_step(h.client, 0);
    assert_true(pomex_operation_stands(queued));
    /* A client that is closed ends it. */
    pomex_client_close(h.client);
    assert_string_equal(pomex_operation_error(queued)->type, "cancelled_error");
    pomex_operation_release(queued);
    assert_int_equal(fault_server_count(h.server, "POST"), 1);
    harness_stop(&h);
}

/* Many that stood by are let go at once, as one write of the disk lets them: no step is long. */
TEST_CASE(a_step_sends_sixteen_of_them_at_most)
{
    static const fault_step hangs = {.kind = FAULT_HANG};
    pomex_operation *ops[40];
    harness h;
    harness_start(&h, &hangs, 1, false);
    h.options.max_in_flight = 40;
    harness_client(&h);
    for (size_t i = 0; i < 40; i++) {
        ops[i] = create(&h);
        assert_true(pomex_operation_stands(ops[i]));
    }
    for (size_t i = 0; i < 40; i++)
        pomex_operation_proceed(ops[i], -1);
    assert_int_equal(inside_in_flight(h.client), 40);
    size_t before = 0;
    for (int step = 0; step < 10; step++) {
        size_t flying = 0;
        pomex_client_step(h.client, 0);
        for (size_t i = 0; i < 40; i++)
            flying += inside_is_flying(ops[i]);
        assert_in_range(flying, before, before + 16);
        before = flying;
    }
    assert_int_equal(before, 40);
    assert_int_equal(inside_in_flight(h.client), 40);
    harness_arrived(&h, "POST", 40);
    for (size_t i = 0; i < 40; i++) {
        pomex_operation_cancel(ops[i]);
        pomex_operation_release(ops[i]);
    }
    assert_int_equal(inside_in_flight(h.client), 0);
    harness_stop(&h);
}
