/* The retry table, cell by cell: what the caller is told, and what the server saw. */
#include "cmocka_all.h"

#include "harness.h"
#include "operation/retry.h"
#include "rules/rules.h"

#include <stdio.h>
#include <string.h>

#define EFFECTS 4 /* NONE, SPARE, ASSET, BILLED: the columns of a verdict */

#define ENVELOPE "{\"error\":{\"message\":\"slow down\",\"type\":\"x\"}}"

/* One way an attempt ends, and the verdict on each effect: A sent again, R refused, M
 * ambiguous. `type` is that of the error, or of its cause. */
typedef struct ending {
    const char *name;
    fault_step step;
    const char *verdicts;
    const char *type;
} ending;

static const ending endings[] = {
    {"429 in an envelope", {.status = 429, .body = ENVELOPE}, "AAAA", "rate_limit_error"},
    {"429, bare", {.status = 429}, "AAAA", "rate_limit_error"},
    {"429 with Retry-After",
     {.status = 429, .headers = "Retry-After: 2\r\n"},
     "AAAA",
     "rate_limit_error"},
    {"503 in an envelope", {.status = 503, .body = ENVELOPE}, "AAAA", "unavailable_error"},
    {"503 with Retry-After",
     {.status = 503, .headers = "Retry-After: 1\r\n", .body = "<html>"},
     "AAAA",
     "unavailable_error"},
    {"503 with a Retry-After that says nothing",
     {.status = 503, .headers = "Retry-After: soon\r\n"},
     "AAMM",
     "unavailable_error"},
    {"503, bare", {.status = 503, .body = "<html>"}, "AAMM", "unavailable_error"},
    {"500 in an envelope", {.status = 500, .body = ENVELOPE}, "AAMM", "api_error"},
    {"502 in an envelope", {.status = 502, .body = ENVELOPE}, "AAMM", "upstream_error"},
    {"504", {.status = 504}, "AAMM", "api_error"},
    {"520", {.status = 520}, "AAMM", "api_error"},
    {"527", {.status = 527}, "AAMM", "api_error"},
    {"408", {.status = 408}, "AAMM", "api_error"},
    {"409", {.status = 409, .body = ENVELOPE}, "RRMM", "api_error"},
    {"425", {.status = 425}, "RRMM", "api_error"},
    {"400", {.status = 400, .body = ENVELOPE}, "RRRR", "invalid_request_error"},
    {"401", {.status = 401, .body = ENVELOPE}, "RRRR", "authentication_error"},
    {"403", {.status = 403}, "RRRR", "api_error"},
    {"404", {.status = 404, .body = ENVELOPE}, "RRRR", "not_found_error"},
    {"417, which libcurl would answer by itself", {.status = 417}, "RRRR", "api_error"},
    {"301", {.status = 301, .headers = "Location: /elsewhere\r\n"}, "RRMM", "api_error"},
    {"307", {.status = 307, .headers = "Location: /elsewhere\r\n"}, "RRMM", "api_error"},
    {"closed after the request", {.kind = FAULT_CLOSE}, "AAMM", "connection_error"},
    {"reset after the request", {.kind = FAULT_RESET}, "AAMM", "connection_error"},
    {"closed within the headers",
     {.kind = FAULT_RAW, .body = "HTTP/1.1 200 OK\r\nContent-Le"},
     "AAMM",
     "connection_error"},
    {"garbage and no HTTP",
     {.kind = FAULT_RAW, .body = "\x15\x03\x01\x00\x02\x02P\r\n\r\n"},
     "AAMM",
     "connection_error"},
    {"a 200 cut in half",
     {.kind = FAULT_TRUNCATE, .body = "{\"id\":\"asset-1\"}", .cut = 7},
     "AAMM",
     "connection_error"},
    {"an oversized 200", {.size = POMEX_MAX_BODY + 1}, "RRMM", "decode_error"},
    {"an endless 200", {.kind = FAULT_ENDLESS_BODY}, "RRMM", "decode_error"},
    {"headers without end", {.kind = FAULT_ENDLESS_HEADERS}, "RRMM", "decode_error"},
};

/* 200s that say less than they promise. A GET's body is for its caller to judge. */
static const ending unusable[] = {
    {"an unreadable 200", {.body = "<html>welcome"}, "-RMM", "decode_error"},
    {"an empty 200", {.body = ""}, "-RMM", "decode_error"},
    {"a 200 without its id", {.body = "{\"object\":\"x\"}"}, "-RMM", "decode_error"},
    {"a 200 of which the id is empty",
     {.body = "{\"id\":\"\",\"h5_link\":\"\"}"},
     "-RMM",
     "decode_error"},
    {"a 200 of which the id is a number",
     {.body = "{\"id\":7,\"h5_link\":7}"},
     "-RMM",
     "decode_error"},
    {"a 204", {.status = 204}, "-RMM", "decode_error"},
};

static const char nothing_listed[] = "{\"object\":\"list\",\"items\":[],\"total_count\":0}";

static void is_type(const pomex_error *error, const char *type)
{
    assert_non_null(error);
    assert_non_null(type);
    assert_string_equal(error->type, type);
}

static void is_ambiguous(const pomex_error *error, const char *cause, enum pomex_effect effect)
{
    is_type(error, "ambiguous_error");
    assert_non_null(error->cause);
    assert_string_equal(error->cause, cause);
    assert_int_equal(error->maybe_billed, effect == POMEX_EFFECT_BILLED);
    assert_false(error->retryable);
    assert_non_null(error->hint);
}

static void check_cell(harness *h, const ending *e, enum pomex_effect effect, char verdict)
{
    const char *line = harness_line(effect);
    fault_step steps[] = {
        e->step,
        {.match = "GET /v1/video/assets?", .body = nothing_listed},
        {.body = harness_reply(effect)},
    };
    steps[0].times = 1;
    harness_script(h, steps, 3);
    pomex_operation *op = harness_call(h, effect);
    harness_finish(h, op);
    const pomex_error *error = pomex_operation_error(op);
    print_message("  %s, %s: %s\n", e->name, line, error ? error->type : "ok");
    assert_int_equal(fault_server_count(h->server, line), verdict == 'A' ? 2 : 1);
    assert_int_equal(pomex_operation_attempts(op), verdict == 'A' ? 2 : 1);
    if (verdict == 'A') {
        assert_null(error);
        assert_string_equal(pomex_operation_body(op, NULL), harness_reply(effect));
    } else if (verdict == 'R') {
        is_type(error, e->type);
        assert_false(error->maybe_billed);
        assert_false(error->client);
    } else {
        is_ambiguous(error, e->type, effect);
    }
    /* An upload that may have been carried out is looked for; nothing else is. */
    bool looked = fault_server_count(h->server, "GET /v1/video/assets?") > 0;
    assert_int_equal(looked, verdict == 'M' && effect == POMEX_EFFECT_ASSET);
    pomex_operation_release(op);
}

static void check_all(const ending *table, size_t count, bool warm)
{
    harness h;
    harness_start(&h, NULL, 0, false);
    for (size_t i = 0; i < count; i++) {
        for (int effect = 0; effect < EFFECTS; effect++) {
            char verdict = table[i].verdicts[effect];
            if (verdict == '-')
                continue;
            harness_client(&h);
            if (warm) { /* so that there is a kept-alive connection to die on */
                fault_step good = {.body = harness_reply(POMEX_EFFECT_NONE)};
                harness_script(&h, &good, 1);
                pomex_operation *op = harness_call(&h, POMEX_EFFECT_NONE);
                harness_finish(&h, op);
                pomex_operation_release(op);
            }
            check_cell(&h, &table[i], (enum pomex_effect)effect, verdict);
            pomex_client_free(h.client);
            h.client = NULL;
        }
    }
    harness_stop(&h);
}

static void every_ending_has_its_verdict(void **state)
{
    (void)state;
    check_all(endings, sizeof endings / sizeof *endings, false);
}

static void answers_that_cannot_be_used(void **state)
{
    (void)state;
    check_all(unusable, sizeof unusable / sizeof *unusable, false);
}

/* A status line that libcurl lets pass. What it heads makes nothing, and its id is freed: found
 * by the fuzzer. */
static void a_status_below_200_is_no_answer(void **state)
{
    (void)state;
    static const ending low = {"a status of 1",
                               {.kind = FAULT_RAW,
                                .body = "HTTP/x: 1.1 200 OK\r\nContent-Length: 24\r\n\r\n"
                                        "{\"id\":\"x\",\"h5_link\":\"y\"}"},
                               "RRMM",
                               "decode_error"};
    check_all(&low, 1, false);
}

/* libcurl sends a request again by itself where a kept-alive connection dies before the first
 * byte of the answer. For a GET that is welcome; a POST that leaves a trace goes out once. */
static void on_a_kept_alive_connection_too(void **state)
{
    (void)state;
    static const ending dying[] = {
        {"closed", {.kind = FAULT_CLOSE}, "--MM", "connection_error"},
        {"reset", {.kind = FAULT_RESET}, "--MM", "connection_error"},
        {"417", {.status = 417}, "RRRR", "api_error"},
    };
    check_all(dying, 3, true);
}

static void a_standing_fault_ends_after_the_retries(void **state)
{
    (void)state;
    harness h;
    harness_start(&h, NULL, 0, false);
    h.options.max_retries = 2;
    harness_client(&h);
    static const fault_step busy = {.status = 503, .body = ENVELOPE};
    for (int effect = 0; effect < EFFECTS; effect++) {
        harness_script(&h, &busy, 1);
        pomex_operation *op = harness_call(&h, (enum pomex_effect)effect);
        harness_finish(&h, op);
        const pomex_error *error = pomex_operation_error(op);
        is_type(error, "unavailable_error");
        assert_string_equal(error->message, "slow down");
        assert_int_equal(error->status, 503);
        assert_int_equal(error->attempts, 3);
        assert_true(error->retryable);
        assert_false(error->maybe_billed);
        assert_int_equal(fault_server_count(h.server, NULL), 3);
        pomex_operation_release(op);
    }
    harness_stop(&h);
}

static void billed_retry_unsent_believes_no_answer(void **state)
{
    (void)state;
    static const ending polite[] = {
        {"429", {.status = 429, .body = ENVELOPE}, NULL, "rate_limit_error"},
        {"503", {.status = 503, .body = ENVELOPE}, NULL, "unavailable_error"},
    };
    harness h;
    harness_start(&h, NULL, 0, false);
    h.options.billed_retry_unsent = true;
    harness_client(&h);
    for (size_t i = 0; i < 2; i++) {
        check_cell(&h, &polite[i], POMEX_EFFECT_BILLED, 'M');
        check_cell(&h, &polite[i], POMEX_EFFECT_ASSET, 'A');
    }
    harness_stop(&h);
}

static void an_attempt_that_times_out(void **state)
{
    (void)state;
    static const char verdicts[] = "AAMM";
    harness h;
    harness_start(&h, NULL, 0, false);
    harness_client(&h);
    for (int i = 0; i < EFFECTS; i++) {
        enum pomex_effect effect = (enum pomex_effect)i;
        const fault_step steps[] = {
            {.kind = FAULT_HANG, .times = 1},
            {.match = "GET /v1/video/assets?", .body = nothing_listed},
            {.body = harness_reply(effect)},
        };
        harness_script(&h, steps, 3);
        pomex_operation *op = harness_call(&h, effect);
        harness_arrived(&h, harness_line(effect), 1);
        harness_advance(&h, 25);
        pomex_client_step(h.client, 0);
        assert_true(inside_is_flying(op));
        /* A billed attempt may use all of the budget, any other its request_timeout. */
        harness_advance(&h, effect == POMEX_EFFECT_BILLED ? 94 : 6);
        if (effect == POMEX_EFFECT_BILLED) {
            assert_true(inside_is_flying(op));
            harness_advance(&h, 2);
        }
        harness_finish(&h, op);
        const pomex_error *error = pomex_operation_error(op);
        if (verdicts[i] == 'A')
            assert_null(error);
        else
            is_ambiguous(error, "timeout_error", effect);
        assert_int_equal(fault_server_count(h.server, harness_line(effect)),
                         verdicts[i] == 'A' ? 2 : 1);
        pomex_operation_release(op);
    }
    harness_stop(&h);
}

/* Cancelled, or the client closed, while the request is with the server. */
static void what_is_told_to_who_stops_it(void **state)
{
    (void)state;
    static const fault_step hang = {.kind = FAULT_HANG};
    for (int i = 0; i < 2 * EFFECTS; i++) {
        enum pomex_effect effect = (enum pomex_effect)(i % EFFECTS);
        harness h;
        harness_start(&h, &hang, 1, false);
        harness_client(&h);
        pomex_operation *op = harness_call(&h, effect);
        harness_arrived(&h, harness_line(effect), 1);
        if (i < EFFECTS)
            pomex_operation_cancel(op);
        else
            pomex_client_close(h.client);
        assert_true(pomex_operation_done(op));
        const pomex_error *error = pomex_operation_error(op);
        if (effect == POMEX_EFFECT_ASSET || effect == POMEX_EFFECT_BILLED)
            is_ambiguous(error, "cancelled_error", effect);
        else
            is_type(error, "cancelled_error");
        assert_int_equal(fault_server_count(h.server, NULL), 1);
        pomex_operation_release(op);
        harness_stop(&h);
    }
}

/* Cancelled before anything was sent: nothing is ambiguous. */
static void what_was_not_sent_is_cancelled(void **state)
{
    (void)state;
    harness h;
    harness_start(&h, NULL, 0, false);
    harness_client(&h);
    for (int effect = 0; effect < EFFECTS; effect++) {
        static const fault_step busy = {.status = 503, .body = ENVELOPE};
        harness_script(&h, &busy, 1);
        pomex_operation *op = harness_call(&h, (enum pomex_effect)effect);
        harness_arrived(&h, NULL, 1);
        while (!inside_is_paused(op))
            harness_rest(&h, 0.002);
        pomex_operation_cancel(op);
        is_type(pomex_operation_error(op), "cancelled_error");
        assert_false(pomex_operation_error(op)->maybe_billed);
        pomex_operation_release(op);
    }
    harness_stop(&h);
}

static void pauses_grow_within_their_bounds(void **state)
{
    (void)state;
    static const double whole[] = {0.5, 1, 2, 4, 8, 8, 8};
    for (int n = 1; n <= 7; n++) {
        assert_float_equal(pomex_retry_pause(n, -1, 0), whole[n - 1] / 2, 1e-9);
        double most = pomex_retry_pause(n, -1, 0.999999);
        assert_true(most > 0.99 * whole[n - 1] && most <= whole[n - 1]);
        assert_float_equal(pomex_retry_pause(n, 60, 0.5), 60, 1e-9);
    }
}

static void retry_after_is_seconds_or_a_date(void **state)
{
    (void)state;
    static const char noon[] = "Sun, 06 Nov 1994 12:00:00 GMT";
    static const char later[] = "Sun, 06 Nov 1994 12:01:30 GMT";
    assert_float_equal(pomex_headers_retry_after("7", "", 0), 7, 1e-9);
    assert_float_equal(pomex_headers_retry_after("0", "", 0), 0, 1e-9);
    assert_float_equal(pomex_headers_retry_after(later, noon, 0), 90, 1e-9);
    assert_float_equal(pomex_headers_retry_after(noon, later, 0), 0, 1e-9);
    assert_float_equal(pomex_headers_retry_after(later, "", 784123200LL * POMEX_SECOND), 90,
                       1e-9);
    assert_true(pomex_headers_retry_after("99999999999999999999", "", 0) >= 1e9);
    static const char *const nothing[] = {"", "soon", "-1", "1.5", "1e3", " ", NULL};
    for (size_t i = 0; nothing[i]; i++)
        assert_float_equal(pomex_headers_retry_after(nothing[i], noon, 0), -1, 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_ending_has_its_verdict),
        cmocka_unit_test(answers_that_cannot_be_used),
        cmocka_unit_test(a_status_below_200_is_no_answer),
        cmocka_unit_test(on_a_kept_alive_connection_too),
        cmocka_unit_test(a_standing_fault_ends_after_the_retries),
        cmocka_unit_test(billed_retry_unsent_believes_no_answer),
        cmocka_unit_test(an_attempt_that_times_out),
        cmocka_unit_test(what_is_told_to_who_stops_it),
        cmocka_unit_test(what_was_not_sent_is_cancelled),
        cmocka_unit_test(pauses_grow_within_their_bounds),
        cmocka_unit_test(retry_after_is_seconds_or_a_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
