/* A create with a time after which no byte of it may leave; and the rules, asked without sending. */
#include "cmocka_all.h"

#include "harness.h"

#include <string.h>

static pomex_operation *create(harness *h, enum pomex_effect effect, double send_by)
{
    pomex_call_options options;
    pomex_call_options_init(&options);
    options.send_by = send_by;
    options.max_retries = 3;
    json_t *body = effect == POMEX_EFFECT_BILLED
                       ? json_pack("{s:s, s:[{s:s, s:s}]}", "model", "byteplus/seedance-2.0",
                                   "content", "type", "text", "text", "a wave")
                       : json_pack("{s:s, s:s, s:s}", "url", "https://x.example/a.png",
                                   "asset_type", "Image", "group_id", "g");
    pomex_operation *op = pomex_client_call(
        h->client, effect == POMEX_EFFECT_BILLED ? POMEX_GENERATION_CREATE : POMEX_ASSET_CREATE,
        NULL, 0, body, &options);
    json_decref(body);
    return op;
}

static double boottime(harness *h)
{
    return (double)h->options.clock(h, POMEX_CLOCK_BOOTTIME) / 1e9;
}

static void is_late(harness *h, pomex_operation *op)
{
    harness_finish(h, op);
    const pomex_error *error = pomex_operation_error(op);
    assert_non_null(error);
    assert_string_equal(error->type, "late_error");
    assert_int_equal(error->billed, POMEX_BILLED_NO);
    assert_false(error->retryable);
    assert_int_equal(fault_server_count(h->server, "POST"), 0);
    pomex_operation_release(op);
}

/* It passes while the connection is made: the last moment at which nothing was sent. */
TEST_CASE(nothing_is_sent_after_send_by)
{
    static const fault_step step = {.body = "{\"id\":\"made-1\"}"};
    for (int effect = 0; effect < 2; effect++) {
        harness h;
        harness_start(&h, &step, 1, true);
        harness_stop_clock(&h);
        harness_client(&h);
        pomex_operation *op =
            create(&h, effect ? POMEX_EFFECT_ASSET : POMEX_EFFECT_BILLED, boottime(&h) + 1);
        assert_false(pomex_operation_done(op));
        harness_advance(&h, 2);
        is_late(&h, op);
        harness_stop(&h);
    }
}

/* And where it has passed before the call had its turn, no connection is made. */
TEST_CASE(nor_begun_after_it)
{
    static const fault_step step = {.body = "{\"id\":\"made-1\"}"};
    harness h;
    harness_start(&h, &step, 1, false);
    harness_stop_clock(&h);
    harness_client(&h);
    pomex_operation *op = create(&h, POMEX_EFFECT_BILLED, boottime(&h) - 1);
    assert_int_equal(pomex_operation_attempts(op), 0);
    is_late(&h, op);
    assert_int_equal(fault_server_connections(h.server), 0);
    harness_stop(&h);
}

TEST_CASE(before_it_all_is_as_ever)
{
    static const fault_step step = {.body = "{\"id\":\"made-1\"}"};
    harness h;
    harness_start(&h, &step, 1, true);
    harness_stop_clock(&h);
    harness_client(&h);
    pomex_operation *op = create(&h, POMEX_EFFECT_BILLED, boottime(&h) + 30);
    harness_finish(&h, op);
    assert_null(pomex_operation_error(op));
    assert_string_equal(pomex_operation_object(op), "made-1");
    pomex_operation_release(op);
    harness_stop(&h);
}

/* The rules alone, with the words of the call. */
TEST_CASE(a_check_says_what_the_call_would)
{
    json_t *good = json_pack("{s:s, s:[{s:s, s:s}]}", "model", "byteplus/seedance-2.0",
                             "content", "type", "text", "text", "a wave");
    json_t *bad = json_pack("{s:s}", "model", "byteplus/seedance-2.0");
    assert_null(pomex_call_check(POMEX_GENERATION_CREATE, good));
    pomex_error *error = pomex_call_check(POMEX_GENERATION_CREATE, bad);
    assert_non_null(error);
    assert_string_equal(error->type, "invalid_request_error");
    assert_true(error->client);
    assert_non_null(strstr(error->message, "content"));
    assert_string_equal(error->endpoint, "generations.create");
    pomex_error_free(error);
    json_decref(good);
    json_decref(bad);
}

/* A mark of the key changes with the key and with the salt, and holds neither. */
TEST_CASE(a_mark_tells_a_changed_key)
{
    char marks[3][POMEX_SUM_SIZE];
    static const char *const keys[] = {"sk-one-key-0123456789", "sk-two-key-0123456789"};
    for (int i = 0; i < 3; i++) {
        pomex_options options;
        pomex_options_init(&options);
        options.api_key = keys[i / 2];
        pomex_client *client = pomex_client_new(&options, NULL);
        assert_non_null(client);
        assert_true(pomex_client_key_mark(client, i == 1 ? "pepper" : "salt", marks[i]));
        assert_int_equal(strlen(marks[i]), 64);
        pomex_client_free(client);
    }
    assert_string_not_equal(marks[0], marks[1]);
    assert_string_not_equal(marks[0], marks[2]);
}
