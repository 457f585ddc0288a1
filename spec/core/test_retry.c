/* The retry table: the verdict on each outcome of an attempt, and what it means for an operation
 * that is stopped, that runs out of time, or that meets the same answer again and again. What the
 * caller is told under every fault of the wire: spec/proof/money/test_table.c. */
#include "cmocka_all.h"

#include "base/json.h"
#include "harness.h"
#include "operation/retry.h"

#include <stdio.h>
#include <string.h>

#define EFFECTS 4 /* NONE, SPARE, ASSET, BILLED */

#define ENVELOPE "{\"error\":{\"message\":\"slow down\",\"type\":\"x\"}}"

// clang-format off: its versions disagree
#define STATUS(n)                                                                              \
    {                                                                                          \
        .ending = POMEX_ANSWERED, .sent = true, .status = (n), .retry_after = -1               \
    }
#define IN_ENVELOPE(n)                                                                         \
    {                                                                                          \
        .ending = POMEX_ANSWERED, .sent = true, .status = (n), .envelope = true,               \
        .retry_after = -1                                                                      \
    }
// clang-format on

/* One outcome of an attempt, and the verdict for a GET, a session, an upload, a generation, a DELETE
 * of a task and a request of the caller's own: A sent again, F final, M ambiguous. No answer is usable. */
static const struct {
    const char *name;
    pomex_outcome outcome;
    const char *verdicts;
} rows[] = {
    {"429", STATUS(429), "AAAAFF"},
    {"429 in an envelope", IN_ENVELOPE(429), "AAAAFF"},
    {"503 in an envelope", IN_ENVELOPE(503), "AAAAFF"},
    {"503 with Retry-After",
     {.ending = POMEX_ANSWERED, .sent = true, .status = 503, .retry_after = 0},
     "AAAAFF"},
    {"503, bare", STATUS(503), "AAMMMM"},
    {"500 in an envelope", IN_ENVELOPE(500), "AAMMMM"},
    {"502 in an envelope", IN_ENVELOPE(502), "AAMMMM"},
    {"504", STATUS(504), "AAMMMM"},
    {"527", STATUS(527), "AAMMMM"},
    {"408", STATUS(408), "AAMMMM"},
    {"409 in an envelope", IN_ENVELOPE(409), "FFMMMM"},
    {"425", STATUS(425), "FFMMMM"},
    {"400", STATUS(400), "FFFFFF"},
    {"401", STATUS(401), "FFFFFF"},
    {"403", STATUS(403), "FFFFFF"},
    {"404", STATUS(404), "FFFFFF"},
    {"417", STATUS(417), "FFFFFF"},
    {"301", STATUS(301), "FFMMMM"},
    {"a 200 that is not usable", STATUS(200), "FFMMMM"},
    {"a 204", STATUS(204), "FFMMMM"},
    {"lost after it was sent",
     {.ending = POMEX_NETWORK, .sent = true, .code = CURLE_RECV_ERROR, .retry_after = -1},
     "AAMMMM"},
    {"no HTTP after it was sent",
     {.ending = POMEX_NETWORK,
      .sent = true,
      .code = CURLE_UNSUPPORTED_PROTOCOL,
      .retry_after = -1},
     "AAMMMM"},
    {"timed out after it was sent",
     {.ending = POMEX_TIMED_OUT, .sent = true, .retry_after = -1},
     "AAMMMM"},
    {"too long an answer",
     {.ending = POMEX_OVERSIZED, .sent = true, .retry_after = -1},
     "FFMMMM"},
    {"cancelled after it was sent",
     {.ending = POMEX_CANCELLED, .sent = true, .retry_after = -1},
     "FFMMMM"},
    {"a certificate of nobody's", {.ending = POMEX_UNTRUSTED, .retry_after = -1}, "FFFFFF"},
    {"not sent",
     {.ending = POMEX_NETWORK, .code = CURLE_COULDNT_CONNECT, .retry_after = -1},
     "AAAAAF"},
    {"timed out before it was sent", {.ending = POMEX_TIMED_OUT, .retry_after = -1}, "AAAAAF"},
    {"an address that is none",
     {.ending = POMEX_NETWORK, .code = CURLE_URL_MALFORMAT, .retry_after = -1},
     "FFFFFF"},
    {"a certificate of ours that cannot be read",
     {.ending = POMEX_NETWORK, .code = CURLE_SSL_CERTPROBLEM, .retry_after = -1},
     "FFFFFF"},
    {"the same, as later libcurls say it",
     {.ending = POMEX_NETWORK, .code = CURLE_BAD_FUNCTION_ARGUMENT, .retry_after = -1},
     "FFFFFF"},
    {"turned away by a proxy",
     {.ending = POMEX_NETWORK,
      .code = CURLE_COULDNT_CONNECT,
      .of_proxy = true,
      .refused_there = true,
      .retry_after = -1},
     "FFFFFF"},
};

static char letter(enum pomex_verdict verdict)
{
    static const char letters[] = {[POMEX_ACCEPT] = 'U',
                                   [POMEX_AGAIN] = 'A',
                                   [POMEX_FINAL] = 'F',
                                   [POMEX_AMBIGUOUS] = 'M'};
    return letters[verdict];
}

TEST_CASE(every_outcome_has_its_verdict)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const pomex_outcome *o = &rows[i].outcome;
        for (int n = 0; n <= POMEX_EFFECT_UNKNOWN; n++) {
            enum pomex_effect effect = (enum pomex_effect)n;
            char wanted = rows[i].verdicts[n];
            char got = letter(pomex_retry_verdict(effect, o, false, false));
            if (got != wanted)
                fail_msg("%s, effect %d: %c and not %c", rows[i].name, n, got, wanted);
            /* To believe no refusal makes a difference to a generation alone. */
            if (effect == POMEX_EFFECT_BILLED && o->sent && wanted == 'A')
                wanted = 'M';
            got = letter(pomex_retry_verdict(effect, o, false, true));
            if (got != wanted)
                fail_msg("%s, effect %d, unsent only: %c and not %c", rows[i].name, n, got,
                         wanted);
        }
    }
    static const pomex_outcome good = STATUS(200);
    for (int n = 0; n <= POMEX_EFFECT_UNKNOWN; n++)
        assert_int_equal(pomex_retry_verdict((enum pomex_effect)n, &good, true, false),
                         POMEX_ACCEPT);
}

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

TEST_CASE(a_standing_fault_ends_after_the_retries)
{
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

TEST_CASE(an_attempt_that_times_out)
{
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
TEST_CASE(what_is_told_to_who_stops_it)
{
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
TEST_CASE(what_was_not_sent_is_cancelled)
{
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

TEST_CASE(pauses_grow_within_their_bounds)
{
    static const double whole[] = {0.5, 1, 2, 4, 8, 8, 8};
    for (int n = 1; n <= 7; n++) {
        assert_float_equal(pomex_retry_pause(n, -1, 0), whole[n - 1] / 2, 1e-9);
        double most = pomex_retry_pause(n, -1, 0.999999);
        assert_true(most > 0.99 * whole[n - 1] && most <= whole[n - 1]);
        assert_float_equal(pomex_retry_pause(n, 60, 0.5), 60, 1e-9);
    }
}

TEST_CASE(retry_after_is_seconds_or_a_date)
{
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
