/* "Provably not sent": whatever fails before the request goes onto the wire is tried again,
 * also where it costs money, and never called ambiguous. */
#include "cmocka_all.h"

#include "harness.h"

#include <stdio.h>
#include <string.h>

#define EFFECTS 4

static void is_unsent(const pomex_operation *op, int attempts)
{
    const pomex_error *error = pomex_operation_error(op);
    assert_non_null(error);
    assert_string_equal(error->type, "connection_error");
    assert_int_equal(error->attempts, attempts);
    assert_int_equal(error->status, 0);
    assert_false(error->maybe_billed);
    assert_true(error->retryable);
}

TEST_CASE(a_refused_connection)
{
    char url[64];
    harness h;
    harness_start(&h, NULL, 0, false);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", fault_server_refused_port());
    h.options.base_url = url;
    harness_client(&h);
    for (int effect = 0; effect < EFFECTS; effect++) {
        pomex_operation *op = harness_call(&h, (enum pomex_effect)effect);
        harness_finish(&h, op);
        is_unsent(op, 3);
        pomex_operation_release(op);
    }
    harness_stop(&h);
}

static const struct {
    const char *name;
    fault_step step;
} proxies[] = {
    {"answers 503", {.status = 503, .headers = "Retry-After: 9\r\n", .body = "{\"error\":{}}"}},
    {"answers 429", {.status = 429}},
    {"answers 502", {.status = 502, .body = "<html>"}},
    {"redirects", {.status = 302, .headers = "Location: http://127.0.0.1/\r\n"}},
    {"closes", {.kind = FAULT_CLOSE}},
    {"closes at once", {.kind = FAULT_CLOSE_AT_ONCE}},
    {"resets", {.kind = FAULT_RESET}},
    {"talks nonsense", {.kind = FAULT_RAW, .body = "SSH-2.0-x\r\n\r\n"}},
    {"leads nowhere", {.kind = FAULT_RAW, .body = "HTTP/1.1 200 OK\r\n\r\n"}},
    {"leads to what is no TLS",
     {.kind = FAULT_RAW, .body = "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 400 Bad\r\n\r\n"}},
    {"stays silent", {.kind = FAULT_HANG}},
};

/* libcurl counts a CONNECT among the bytes that it sent: that must not make a request sent. */
TEST_CASE(a_proxy_that_does_not_let_through)
{
    char url[64];
    harness h;
    harness_start(&h, NULL, 0, true);
    h.options.proxy = url;
    for (size_t i = 0; i < sizeof proxies / sizeof *proxies; i++) {
        /* Of what is tried again on so short a time-out, some may take too long once more. */
        bool silent = proxies[i].step.kind == FAULT_HANG;
        h.options.connect_timeout = silent ? 0.5 : 10;
        h.options.max_retries = silent ? 10 : 2;
        for (int n = 0; n < EFFECTS; n++) {
            enum pomex_effect effect = (enum pomex_effect)n;
            fault_step way[] = {
                proxies[i].step,
                {.kind = FAULT_TUNNEL, .port = fault_server_port(h.server)},
            };
            const fault_step good = {.body = harness_reply(effect)};
            way[0].times = 1;
            /* One each: a thread that comes late must not take the next one's step. */
            fault_server *proxy = fault_server_start(way, 2, NULL);
            snprintf(url, sizeof url, "http://127.0.0.1:%d", fault_server_port(proxy));
            harness_script(&h, &good, 1);
            harness_client(&h);
            pomex_operation *op = harness_call(&h, effect);
            harness_finish(&h, op);
            const pomex_error *error = pomex_operation_error(op);
            if (error)
                fail_msg("%s, %s: %s: %s", proxies[i].name, harness_line(effect), error->type,
                         error->message);
            assert_in_range(pomex_operation_attempts(op), 2, silent ? 11 : 2);
            assert_int_equal(fault_server_count(h.server, NULL), 1);
            assert_int_equal(fault_server_count(h.server, harness_line(effect)), 1);
            fault_request request;
            for (size_t k = 0; fault_server_request(proxy, NULL, k, &request); k++) {
                assert_int_equal(strncmp(request.line, "CONNECT 127.0.0.1:", 18), 0);
                assert_null(strstr(request.headers, "sk-test-key"));
                assert_null(strstr(request.headers, "Authorization"));
                assert_int_equal(request.body_length, 0);
            }
            pomex_operation_release(op);
            pomex_client_free(h.client);
            h.client = NULL;
            fault_server_stop(proxy);
        }
    }
    harness_stop(&h);
}

TEST_CASE(a_proxy_that_never_lets_through)
{
    static const fault_step busy = {.status = 503};
    char url[64];
    harness h;
    harness_start(&h, NULL, 0, true);
    fault_server *proxy = fault_server_start(&busy, 1, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", fault_server_port(proxy));
    h.options.proxy = url;
    h.options.billed_retry_unsent = true;
    harness_client(&h);
    for (int effect = 0; effect < EFFECTS; effect++) {
        fault_server_script(proxy, &busy, 1);
        pomex_operation *op = harness_call(&h, (enum pomex_effect)effect);
        harness_finish(&h, op);
        is_unsent(op, 3);
        assert_int_equal(fault_server_count(proxy, "CONNECT "), 3);
        assert_int_equal(fault_server_count(h.server, NULL), 0);
        pomex_operation_release(op);
    }
    fault_server_stop(proxy);
    harness_stop(&h);
}

TEST_CASE(a_handshake_that_dies)
{
    static const enum fault_kind kinds[] = {FAULT_CLOSE_AT_ONCE, FAULT_RESET_AT_ONCE};
    harness h;
    harness_start(&h, NULL, 0, true);
    for (int i = 0; i < 2 * EFFECTS; i++) {
        enum pomex_effect effect = (enum pomex_effect)(i % EFFECTS);
        const fault_step steps[] = {{.kind = kinds[i / EFFECTS], .times = 1},
                                    {.body = harness_reply(effect)}};
        harness_script(&h, steps, 2);
        harness_client(&h);
        pomex_operation *op = harness_call(&h, effect);
        harness_finish(&h, op);
        assert_null(pomex_operation_error(op));
        assert_int_equal(pomex_operation_attempts(op), 2);
        assert_int_equal(fault_server_count(h.server, NULL), 1);
        pomex_operation_release(op);
        pomex_client_free(h.client);
        h.client = NULL;
    }
    harness_stop(&h);
}

/* A server that cannot show who it is gets nothing, and is not asked twice. */
TEST_CASE(a_certificate_of_nobody)
{
    harness h;
    harness_start(&h, NULL, 0, true);
    h.options.ca_file = NULL;
    harness_client(&h);
    for (int effect = 0; effect < EFFECTS; effect++) {
        int before = fault_server_connections(h.server);
        pomex_operation *op = harness_call(&h, (enum pomex_effect)effect);
        harness_finish(&h, op);
        const pomex_error *error = pomex_operation_error(op);
        assert_string_equal(error->type, "connection_error");
        assert_non_null(strstr(error->message, "certificate"));
        assert_int_equal(error->attempts, 1);
        assert_false(error->maybe_billed);
        assert_int_equal(fault_server_connections(h.server) - before, 1);
        pomex_operation_release(op);
    }
    assert_int_equal(fault_server_count(h.server, NULL), 0);
    harness_stop(&h);
}

/* A billed attempt starts only with half of request_timeout left; a call whose time is up
 * before that has sent nothing. */
TEST_CASE(no_billed_attempt_near_the_end)
{
    static const fault_step busy = {.status = 503, .headers = "Retry-After: 100\r\n"};
    harness h;
    harness_start(&h, &busy, 1, false);
    harness_client(&h);
    pomex_operation *op = harness_call(&h, POMEX_EFFECT_BILLED);
    harness_finish(&h, op);
    assert_string_equal(pomex_operation_error(op)->type, "unavailable_error");
    assert_int_equal(fault_server_count(h.server, NULL), 2);
    pomex_operation_release(op);
    harness_stop(&h);
}

/* Half of what one attempt may take, or of the budget where that is less, must be left. */
TEST_CASE(a_billed_turn_that_comes_too_late)
{
    static const struct {
        double budget, request_timeout, late;
        bool sent;
    } rows[] = {{120, 30, 104, true}, {120, 30, 106, false}, {10, 30, 4, true},
                {10, 30, 6, false},   {120, 400, 59, true},  {120, 400, 61, false}};
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        enum pomex_effect effect = i % 2 ? POMEX_EFFECT_BILLED : POMEX_EFFECT_SPARE;
        const fault_step steps[] = {{.match = "GET", .kind = FAULT_HANG},
                                    {.body = harness_reply(effect)}};
        bool sent = rows[i / 2].sent || effect != POMEX_EFFECT_BILLED;
        harness h;
        harness_start(&h, steps, 2, false);
        h.options.budget = rows[i / 2].budget;
        h.options.request_timeout = rows[i / 2].request_timeout;
        h.options.max_in_flight = 1;
        harness_stop_clock(&h);
        harness_client(&h);
        pomex_operation *other = harness_call(&h, POMEX_EFFECT_NONE);
        pomex_operation *op = harness_call(&h, effect);
        harness_arrived(&h, "GET", 1);
        harness_advance(&h, rows[i / 2].late);
        pomex_operation_cancel(other);
        harness_finish(&h, op);
        const pomex_error *error = pomex_operation_error(op);
        assert_int_equal(error == NULL, sent);
        assert_int_equal(fault_server_count(h.server, "POST"), sent);
        if (error) {
            assert_string_equal(error->type, "timeout_error");
            assert_int_equal(error->attempts, 0);
            assert_false(error->maybe_billed);
            assert_true(error->retryable);
        }
        pomex_operation_release(other);
        pomex_operation_release(op);
        harness_stop(&h);
    }
}

/* A pause that would leave less than that is not begun. */
TEST_CASE(no_pause_into_the_last_half_of_an_attempt)
{
    static const fault_step busy = {.status = 503, .headers = "Retry-After: 110\r\n"};
    harness h;
    harness_start(&h, &busy, 1, false);
    harness_client(&h);
    for (int effect = 0; effect < EFFECTS; effect++) {
        harness_script(&h, &busy, 1);
        pomex_operation *op = harness_call(&h, (enum pomex_effect)effect);
        harness_finish(&h, op);
        assert_string_equal(pomex_operation_error(op)->type, "unavailable_error");
        assert_int_equal(fault_server_count(h.server, NULL),
                         effect == POMEX_EFFECT_BILLED || effect == POMEX_EFFECT_ASSET ? 1 : 2);
        pomex_operation_release(op);
    }
    harness_stop(&h);
}

TEST_CASE(a_long_retry_after_is_not_waited_for)
{
    static const fault_step busy = {.status = 429, .headers = "Retry-After: 121\r\n"};
    harness h;
    harness_start(&h, &busy, 1, false);
    h.options.budget = 1000;
    harness_client(&h);
    for (int effect = 0; effect < EFFECTS; effect++) {
        harness_script(&h, &busy, 1);
        pomex_operation *op = harness_call(&h, (enum pomex_effect)effect);
        harness_finish(&h, op);
        const pomex_error *error = pomex_operation_error(op);
        assert_string_equal(error->type, "rate_limit_error");
        assert_float_equal(error->retry_after, 121, 1e-9);
        assert_non_null(strstr(error->hint, "121 s"));
        assert_int_equal(fault_server_count(h.server, NULL), 1);
        pomex_operation_release(op);
    }
    harness_stop(&h);
}
