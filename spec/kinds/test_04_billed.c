/* 4: one field says whether a video is paid for: "no", "maybe" or "yes", of every error of a
 * call that is billed, and of the wait for what it made. */
#include "cmocka_all.h"

#include "base/error.h"
#include "harness.h"

#include <stdio.h>
#include <string.h>

#define TASK(status) "{\"id\":\"asset-1\",\"status\":\"" status "\"}"

static void is_billed(const pomex_operation *op, pomex_billed billed, const char *what)
{
    const pomex_error *error = pomex_operation_error(op);
    assert_non_null(error);
    if (error->billed != billed)
        fail_msg("%s: %s (%s) says %d and not %d", what, error->type, error->message,
                 error->billed, billed);
    assert_int_equal(error->maybe_billed, billed != POMEX_BILLED_NO);
    assert_int_equal(pomex_operation_billed(op), billed);
    if (billed == POMEX_BILLED_YES)
        assert_string_equal(pomex_operation_object(op), "asset-1");
    if (billed == POMEX_BILLED_YES && !pomex_error_is_static(error))
        assert_string_equal(error->id, "asset-1");
}

static pomex_operation *wait_for(harness *h, const char *id, double timeout)
{
    pomex_call_options options;
    pomex_call_options_init(&options);
    options.timeout = timeout;
    pomex_operation *op =
        pomex_client_wait(h->client, POMEX_GENERATION_GET, id, strlen(id), &options);
    assert_non_null(op);
    return op;
}

static void start(harness *h, const fault_step *step)
{
    harness_start(h, step, 1, false);
    harness_stop_clock(h);
    h->options.max_retries = 0;
    harness_client(h);
}

TEST_CASE(every_error_of_a_billed_call)
{
    static const struct {
        const char *what;
        fault_step step;
        pomex_billed billed;
    } rows[] = {
        {"refused, 400", {.status = 400, .body = "{\"error\":{\"message\":\"m\"}}"}, 0},
        {"refused, 401", {.status = 401}, 0},
        {"refused, 404", {.status = 404}, 0},
        {"refused, 422", {.status = 422}, 0},
        {"refused, 429", {.status = 429}, 0},
        {"refused, 503", {.status = 503, .body = "{\"error\":{\"message\":\"m\"}}"}, 0},
        {"a proxy's 503", {.status = 503}, POMEX_BILLED_MAYBE},
        {"408", {.status = 408}, POMEX_BILLED_MAYBE},
        {"409", {.status = 409}, POMEX_BILLED_MAYBE},
        {"500", {.status = 500}, POMEX_BILLED_MAYBE},
        {"a redirect", {.status = 302, .headers = "Location: /x\r\n"}, POMEX_BILLED_MAYBE},
        {"no answer", {.kind = FAULT_CLOSE}, POMEX_BILLED_MAYBE},
        {"reset", {.kind = FAULT_RESET}, POMEX_BILLED_MAYBE},
        {"no JSON", {.body = "<html>"}, POMEX_BILLED_MAYBE},
        {"no id", {.body = "{\"status\":\"queued\"}"}, POMEX_BILLED_MAYBE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        harness h;
        start(&h, &rows[i].step);
        pomex_operation *op = harness_call(&h, POMEX_EFFECT_BILLED);
        assert_int_equal(pomex_operation_billed(op), POMEX_BILLED_MAYBE); /* it runs */
        harness_finish(&h, op);
        is_billed(op, rows[i].billed, rows[i].what);
        pomex_operation_release(op);
        op = harness_call(&h, POMEX_EFFECT_SPARE); /* what is not billed never says so */
        assert_int_equal(pomex_operation_billed(op), POMEX_BILLED_NO);
        harness_finish(&h, op);
        if (pomex_operation_error(op))
            is_billed(op, POMEX_BILLED_NO, rows[i].what);
        pomex_operation_release(op);
        harness_stop(&h);
    }
}

TEST_CASE(a_good_answer_says_yes_and_gives_the_id)
{
    static const fault_step step = {.body = TASK("queued")};
    harness h;
    start(&h, &step);
    pomex_operation *op = harness_call(&h, POMEX_EFFECT_BILLED);
    assert_null(pomex_operation_object(op));
    harness_finish(&h, op);
    assert_null(pomex_operation_error(op));
    assert_int_equal(pomex_operation_billed(op), POMEX_BILLED_YES);
    assert_string_equal(pomex_operation_object(op), "asset-1");
    pomex_operation_release(op);
    harness_stop(&h);
}

TEST_CASE(ended_by_its_caller)
{
    static const fault_step hang = {.kind = FAULT_HANG};
    for (int closes = 0; closes < 2; closes++) {
        for (int sent = 0; sent < 2; sent++) {
            harness h;
            start(&h, &hang);
            h.options.max_in_flight = 1;
            pomex_client_free(h.client);
            harness_client(&h);
            pomex_operation *first = sent ? NULL : harness_call(&h, POMEX_EFFECT_NONE);
            pomex_operation *op = harness_call(&h, POMEX_EFFECT_BILLED);
            pomex_operation *wait = wait_for(&h, "asset-1", 100);
            harness_arrived(&h, NULL, 1);
            if (closes)
                pomex_client_close(h.client);
            pomex_operation_cancel(op);
            pomex_operation_cancel(wait);
            is_billed(op, sent ? POMEX_BILLED_MAYBE : POMEX_BILLED_NO, "a call");
            is_billed(wait, POMEX_BILLED_YES, "a wait");
            pomex_operation_release(first);
            pomex_operation_release(op);
            pomex_operation_release(wait);
            harness_stop(&h);
        }
    }
}

TEST_CASE(every_error_of_a_wait)
{
    static const struct {
        const char *what;
        fault_step step;
        pomex_billed billed;
    } rows[] = {
        {"failed", {.body = TASK("failed")}, POMEX_BILLED_MAYBE},
        {"expired", {.body = TASK("expired")}, POMEX_BILLED_MAYBE},
        {"cancelled", {.body = TASK("cancelled")}, POMEX_BILLED_MAYBE},
        {"still running", {.body = TASK("running")}, POMEX_BILLED_YES},
        {"never readable", {.body = "<html>"}, POMEX_BILLED_YES},
        {"never reached", {.kind = FAULT_CLOSE}, POMEX_BILLED_YES},
        {"out of order", {.status = 500}, POMEX_BILLED_YES},
        {"the key is refused", {.status = 401}, POMEX_BILLED_YES},
        {"the service knows no such task", {.status = 404}, POMEX_BILLED_MAYBE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        harness h;
        start(&h, &rows[i].step);
        pomex_operation *op = wait_for(&h, "asset-1", 30);
        harness_finish(&h, op);
        is_billed(op, rows[i].billed, rows[i].what);
        pomex_operation_release(op);
        op = wait_for(&h, "", 30);
        harness_finish(&h, op);
        is_billed(op, POMEX_BILLED_NO, "no task has such an id");
        pomex_operation_release(op);
        harness_stop(&h);
    }
}

/* A 404 of a task that this client made, or saw, does not unmake it. */
TEST_CASE(a_404_of_what_was_made)
{
    static const fault_step made[] = {{.match = "POST", .body = TASK("queued")},
                                      {.status = 404}};
    static const fault_step seen[] = {{.times = 1, .body = TASK("running")}, {.status = 404}};
    for (int i = 0; i < 2; i++) {
        harness h;
        harness_start(&h, i ? seen : made, 2, false);
        harness_stop_clock(&h);
        harness_client(&h);
        if (i == 0) {
            pomex_operation *op = harness_call(&h, POMEX_EFFECT_BILLED);
            harness_finish(&h, op);
            assert_null(pomex_operation_error(op));
            pomex_operation_release(op);
        }
        pomex_operation *op = wait_for(&h, "asset-1", 100);
        harness_finish(&h, op);
        assert_string_equal(pomex_operation_error(op)->type, "not_found_error");
        is_billed(op, POMEX_BILLED_YES, i ? "seen" : "made");
        pomex_operation_release(op);
        harness_stop(&h);
    }
}
