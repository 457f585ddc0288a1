/* What is refused before anything is sent: options that cannot be kept, bodies that nobody
 * could read. */
#include "cmocka_all.h"

#include "harness.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

TEST_CASE(a_rate_that_cannot_be_kept)
{
    static const double bad[] = {1e-10, 0.0009, -1, -1e-10, 10001, INFINITY, -INFINITY, NAN};
    static const double good[] = {0, 0.001, 0.5, 10000};
    char key[64];
    harness h;
    harness_start(&h, NULL, 0, false);
    for (int kind = 0; kind < POMEX_ENDPOINTS; kind++) {
        const char *name = pomex_endpoint_of((pomex_endpoint_id)kind)->limit_name;
        snprintf(key, sizeof key, "rate_limits.%s ", name);
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
            pomex_error *error = NULL;
            h.options.rate_limits[kind] = bad[i];
            assert_null(pomex_client_new(&h.options, &error));
            assert_non_null(error);
            assert_string_equal(error->type, "invalid_request_error");
            assert_true(error->client);
            if (!strstr(error->message, key))
                fail_msg("%s: %s", key, error->message);
            pomex_error_free(error);
        }
        for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
            h.options.rate_limits[kind] = good[i];
            harness_client(&h);
            pomex_client_free(h.client);
            h.client = NULL;
        }
        h.options.rate_limits[kind] = 0;
    }
    harness_stop(&h);
}

/* {"a":{"a":…{}}}, or [[…[]]], of so many levels. */
static json_t *nested(int levels, bool arrays)
{
    json_t *value = arrays ? json_array() : json_object();
    for (int i = 1; i < levels; i++)
        value = arrays ? json_pack("[o]", value) : json_pack("{s:o}", "a", value);
    return value;
}

static pomex_operation *send_nested(harness *h, int levels, int way)
{
    pomex_call_options options;
    pomex_call_options_init(&options);
    options.no_validation = way == 3;
    json_t *body = nested(way < 2 ? levels : levels - 1, way == 1);
    pomex_operation *op;
    if (way < 2) {
        op = pomex_client_request(h->client, "POST", "/v1/new", NULL, body, NULL, &options);
    } else {
        json_t *payload =
            json_pack("{s:s, s:[{s:s, s:s}], s:O}", "model", "byteplus/seedance-2.0", "content",
                      "type", "text", "text", "a wave", "more", body);
        op = pomex_client_call(h->client, POMEX_GENERATION_CREATE, NULL, 0, payload, &options);
        json_decref(payload);
    }
    json_decref(body);
    assert_non_null(op);
    return op;
}

TEST_CASE(a_body_that_is_too_deep)
{
    const fault_step step = {.body = harness_reply(POMEX_EFFECT_BILLED)};
    static const int deep[] = {65, 70, 2000};
    harness h;
    harness_start(&h, &step, 1, false);
    harness_client(&h);
    for (int way = 0; way < 4; way++) {
        for (size_t i = 0; i < sizeof deep / sizeof *deep; i++) {
            pomex_operation *op = send_nested(&h, deep[i], way);
            assert_true(pomex_operation_done(op));
            const pomex_error *error = pomex_operation_error(op);
            assert_string_equal(error->type, "invalid_request_error");
            assert_non_null(strstr(error->message, "64 levels"));
            assert_true(error->client);
            assert_int_equal(error->attempts, 0);
            assert_false(error->maybe_billed);
            pomex_operation_release(op);
        }
        harness_rest(&h, 0.02);
        assert_int_equal(fault_server_connections(h.server), way);
        pomex_operation *op = send_nested(&h, 64, way);
        harness_finish(&h, op);
        assert_null(pomex_operation_error(op));
        pomex_operation_release(op);
        assert_int_equal(fault_server_count(h.server, "POST"), way + 1);
    }
    harness_stop(&h);
}
