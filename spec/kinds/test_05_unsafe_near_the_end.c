/* A request that is not safe to repeat is not sent just before its deadline, where it could only
 * end in doubt: neither when its turn comes late, nor when its connection does. */
#include "cmocka_all.h"

#include "harness.h"

#include <stdio.h>
#include <string.h>

#define BUDGET                                                                                 \
    30.0 /* and request_timeout: half of it must be left to start, a quarter to send */

static const struct {
    const char *name;
    enum pomex_effect effect;
    const char *method; /* of pomex_client_request; NULL: harness_call */
    bool safe;
} rows[] = {
    {"generation", POMEX_EFFECT_BILLED, NULL, false},
    {"upload", POMEX_EFFECT_ASSET, NULL, false},
    {"POST of one's own", POMEX_EFFECT_UNKNOWN, "POST", false},
    {"PUT of one's own", POMEX_EFFECT_UNKNOWN, "PUT", false},
    {"DELETE of one's own", POMEX_EFFECT_UNKNOWN, "DELETE", false},
    {"GET of one's own", POMEX_EFFECT_UNKNOWN, "GET", true},
    {"session", POMEX_EFFECT_SPARE, NULL, true},
};
#define ROWS (sizeof rows / sizeof *rows)

static pomex_operation *begin(harness *h, size_t row)
{
    pomex_call_options options;
    if (!rows[row].method)
        return harness_call(h, rows[row].effect);
    pomex_call_options_init(&options);
    return pomex_client_request(h->client, rows[row].method, "/v1/own", NULL, NULL, NULL,
                                &options);
}

static const char *reply_to(size_t row)
{
    return rows[row].method ? "{}" : harness_reply(rows[row].effect);
}

static void is_unsent(const pomex_operation *op, size_t row, int attempts)
{
    const pomex_error *error = pomex_operation_error(op);
    if (!error)
        fail_msg("a %s was sent", rows[row].name);
    assert_string_equal(error->type, "timeout_error");
    assert_int_equal(error->attempts, attempts);
    assert_false(error->maybe_billed);
    assert_true(error->retryable);
}

/* `late`: seconds after the call at which its turn comes. */
static void turn(size_t row, double late, bool sent)
{
    const fault_step steps[] = {{.match = "GET /v1/video", .kind = FAULT_HANG},
                                {.body = reply_to(row)}};
    harness h;
    harness_start(&h, steps, 2, false);
    h.options.budget = h.options.request_timeout = BUDGET;
    h.options.max_in_flight = 1;
    harness_stop_clock(&h);
    harness_client(&h);
    pomex_operation *other = harness_call(&h, POMEX_EFFECT_NONE);
    pomex_operation *op = begin(&h, row);
    harness_arrived(&h, "GET /v1/video", 1);
    harness_advance(&h, late);
    pomex_operation_cancel(other);
    harness_finish(&h, op);
    if (!sent)
        is_unsent(op, row, 0);
    else if (pomex_operation_error(op))
        fail_msg("a %s: %s", rows[row].name, pomex_operation_error(op)->message);
    assert_int_equal(fault_server_count(h.server, NULL), 1 + sent);
    pomex_operation_release(other);
    pomex_operation_release(op);
    harness_stop(&h);
}

TEST_CASE(a_turn_that_comes_late)
{
    for (size_t row = 0; row < ROWS; row++) {
        turn(row, 14, true);
        turn(row, 16, rows[row].safe);
        turn(row, 29.95, rows[row].safe);
    }
}

/* `late`: seconds that the connection takes, through a proxy that is slow. */
static void connection(size_t row, double late, bool sent)
{
    char url[64];
    harness h;
    harness_start(&h, NULL, 0, true);
    const fault_step answer = {.body = reply_to(row)};
    harness_script(&h, &answer, 1);
    const fault_step slow = {
        .kind = FAULT_TUNNEL, .port = fault_server_port(h.server), .delay = 0.1};
    fault_server *proxy = fault_server_start(&slow, 1, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", fault_server_port(proxy));
    h.options.proxy = url;
    h.options.budget = h.options.request_timeout = BUDGET;
    harness_stop_clock(&h);
    harness_client(&h);
    pomex_operation *op = begin(&h, row);
    while (!fault_server_count(proxy, "CONNECT"))
        harness_rest(&h, 0.005); /* the proxy answers later, and nobody steps until then */
    harness_advance(&h, late);
    harness_finish(&h, op);
    if (!sent)
        is_unsent(op, row, 1);
    else if (pomex_operation_error(op))
        fail_msg("a %s: %s", rows[row].name, pomex_operation_error(op)->message);
    assert_int_equal(fault_server_count(h.server, NULL), sent);
    pomex_operation_release(op);
    fault_server_stop(proxy);
    harness_stop(&h);
}

TEST_CASE(a_connection_that_comes_late)
{
    for (size_t row = 0; row < ROWS; row++) {
        connection(row, 20, true);
        connection(row, 25, rows[row].safe);
        connection(row, 29.95, rows[row].safe);
    }
}
