/* A task is cancelled only while it is queued: a look, then one DELETE that is never repeated. */
#include "cmocka_all.h"

#include "harness.h"

#include <string.h>

#define GET    "GET /v1/video/generations/cgt-1"
#define DELETE "DELETE /v1/video/generations/cgt-1"

#define TASK(word)                                                                             \
    "{\"id\":\"cgt-1\",\"object\":\"video.generation.task\",\"status\":\"" word                \
    "\",\"model\":\"m\"}"
#define LOOK(count, word) .match = GET, .times = (count), .body = TASK(word)

static pomex_operation *cancel(harness *h)
{
    pomex_operation *op =
        pomex_client_call(h->client, POMEX_GENERATION_CANCEL, "cgt-1", 5, NULL, NULL);
    assert_non_null(op);
    return op;
}

static void is_cancelled(const pomex_operation *op)
{
    const pomex_error *error = pomex_operation_error(op);
    if (error)
        fail_msg("%s: %s", error->type, error->message);
    json_t *task = json_loads(pomex_operation_body(op, NULL), 0, NULL);
    assert_string_equal(json_string_value(json_object_get(task, "id")), "cgt-1");
    assert_string_equal(json_string_value(json_object_get(task, "status")), "cancelled");
    assert_string_equal(json_string_value(json_object_get(task, "model")), "m");
    json_decref(task);
}

static size_t count(harness *h, const char *match)
{
    return fault_server_count(h->server, match);
}

/* Runs a script to its end. No look gets old by a machine that is slow. */
static pomex_operation *finished(harness *h, const fault_step *steps, size_t steps_count)
{
    harness_start(h, steps, steps_count, false);
    harness_stop_clock(h);
    harness_client(h);
    pomex_operation *op = cancel(h);
    harness_finish(h, op);
    return op;
}

TEST_CASE(a_queued_task_is_cancelled)
{
    static const char *const answers[] = {"{}", "", "no JSON"};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        const fault_step steps[] = {{LOOK(0, "Queued")}, {.match = DELETE, .body = answers[i]}};
        harness h;
        fault_request look, request;
        pomex_operation *op = finished(&h, steps, 2);
        is_cancelled(op);
        assert_int_equal(pomex_operation_billed(op), POMEX_BILLED_MAYBE);
        assert_int_equal(count(&h, GET), 1);
        assert_int_equal(count(&h, DELETE), 1);
        assert_true(fault_server_request(h.server, GET, 0, &look));
        assert_true(fault_server_request(h.server, DELETE, 0, &request));
        assert_int_not_equal(look.connection, request.connection);
        assert_int_equal(request.body_length, 0);
        pomex_operation_release(op);
        harness_stop(&h);
    }
}

/* The record of a task that is over would be deleted. */
TEST_CASE(a_task_that_is_not_queued_stays)
{
    static const struct {
        fault_step look;
        const char *status;
        pomex_billed billed;
    } rows[] = {
        {{LOOK(0, "running")}, "running", POMEX_BILLED_YES},
        {{LOOK(0, "succeeded")}, "succeeded", POMEX_BILLED_YES},
        {{LOOK(0, "failed")}, "failed", POMEX_BILLED_MAYBE},
        {{LOOK(0, "expired")}, "expired", POMEX_BILLED_MAYBE},
        {{LOOK(0, "cancelled")}, "cancelled", POMEX_BILLED_MAYBE},
        {{LOOK(0, "queued2")}, "queued2", POMEX_BILLED_YES},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        harness h;
        pomex_operation *op = finished(&h, &rows[i].look, 1);
        const pomex_error *error = pomex_operation_error(op);
        assert_non_null(error);
        assert_string_equal(error->type, "cancel_failed");
        assert_string_equal(error->last_status, rows[i].status);
        assert_non_null(strstr(error->message, rows[i].status));
        assert_non_null(strstr(error->object, rows[i].status));
        assert_string_equal(error->id, "cgt-1");
        assert_int_equal(error->billed, rows[i].billed);
        assert_false(error->retryable);
        assert_int_equal(count(&h, DELETE), 0);
        pomex_operation_release(op);
        harness_stop(&h);
    }
}

/* Whatever becomes of it: not by libcurl, not by pomex, not after a refusal. */
TEST_CASE(the_delete_goes_out_once)
{
    static const char refusal[] = "{\"error\":{\"message\":\"no\"}}";
    static const struct {
        fault_step step;
        const char *type;
    } rows[] = {
        {{.match = DELETE, .kind = FAULT_CLOSE}, "ambiguous_error"},
        {{.match = DELETE, .kind = FAULT_RESET}, "ambiguous_error"},
        {{.match = DELETE, .kind = FAULT_TRUNCATE, .body = "{}", .cut = 1}, "ambiguous_error"},
        {{.match = DELETE, .status = 500, .body = refusal}, "ambiguous_error"},
        {{.match = DELETE, .status = 503, .body = "busy"}, "ambiguous_error"},
        {{.match = DELETE, .status = 409, .body = refusal}, "ambiguous_error"},
        {{.match = DELETE, .status = 503, .body = refusal}, "unavailable_error"},
        {{.match = DELETE, .status = 429, .body = refusal}, "rate_limit_error"},
        {{.match = DELETE, .status = 400, .body = refusal}, "invalid_request_error"},
        {{.match = DELETE, .status = 404, .body = refusal}, "not_found_error"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const fault_step steps[] = {{LOOK(0, "queued")}, rows[i].step};
        harness h;
        pomex_operation *op = finished(&h, steps, 2);
        const pomex_error *error = pomex_operation_error(op);
        assert_non_null(error);
        assert_string_equal(error->type, rows[i].type);
        bool doubt = strcmp(error->type, "ambiguous_error") == 0;
        assert_int_equal(error->billed, doubt ? POMEX_BILLED_MAYBE : POMEX_BILLED_YES);
        assert_string_equal(error->endpoint, "generations.cancel");
        if (doubt)
            assert_string_equal(error->last_status, "queued");
        assert_int_equal(count(&h, DELETE), 1);
        assert_int_equal(count(&h, GET), doubt ? 5 : 1);
        pomex_operation_release(op);
        harness_stop(&h);
    }
}

TEST_CASE(a_look_tells_what_became_of_a_lost_answer)
{
    static const fault_step lost = {.match = DELETE, .kind = FAULT_CLOSE};
    static const fault_step refused = {
        .match = DELETE, .status = 409, .body = "{\"error\":{\"message\":\"no\"}}"};
    const struct {
        fault_step delete, look;
        const char *type;
        const char *status;
    } rows[] = {
        {lost, {LOOK(0, "cancelled")}, NULL, NULL},
        {refused, {LOOK(0, "cancelled")}, NULL, NULL},
        {lost, {LOOK(0, "running")}, "ambiguous_error", "running"},
        {refused, {LOOK(0, "running")}, "cancel_failed", "running"},
        {lost, {.match = GET, .status = 404}, "ambiguous_error", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const fault_step steps[] = {{LOOK(1, "queued")}, rows[i].delete, rows[i].look};
        harness h;
        pomex_operation *op = finished(&h, steps, 3);
        const pomex_error *error = pomex_operation_error(op);
        if (!rows[i].type) {
            is_cancelled(op);
        } else {
            assert_string_equal(error->type, rows[i].type);
            if (rows[i].status)
                assert_string_equal(error->last_status, rows[i].status);
        }
        assert_int_equal(count(&h, DELETE), 1);
        assert_true(count(&h, GET) >= 2); /* a look that is too old is repeated */
        pomex_operation_release(op);
        harness_stop(&h);
    }
}

/* A stopped clock, whose BOOTTIME goes on by 2.1 s as soon as a second connection, which is the
 * DELETE's, is accepted: before TLS has begun there. */
static int64_t jumping_clock(void *user, enum pomex_clock_kind kind)
{
    const harness *h = user;
    bool slept = kind == POMEX_CLOCK_BOOTTIME && fault_server_connections(h->server) > 1;
    return 1000 * POMEX_SECOND + (slept ? 21 * POMEX_SECOND / 10 : 0);
}

/* What "queued" was said of 2 s ago can be over by now. */
TEST_CASE(an_old_look_is_repeated)
{
    static const fault_step steps[] = {{LOOK(0, "queued")}, {.match = DELETE, .body = "{}"}};
    harness h;
    harness_start(&h, steps, 2, true);
    h.options.clock = jumping_clock;
    harness_client(&h);
    pomex_operation *op = cancel(&h);
    harness_finish(&h, op);
    is_cancelled(op);
    assert_true(count(&h, GET) >= 2); /* a look that is too old is repeated */
    assert_int_equal(count(&h, DELETE), 1);
    pomex_operation_release(op);
    harness_stop(&h);
}

TEST_CASE(a_look_that_got_old_in_the_queue_is_repeated)
{
    static const fault_step steps[] = {{LOOK(0, "queued")}, {.match = DELETE, .body = "{}"}};
    harness h;
    harness_start(&h, steps, 2, false);
    harness_stop_clock(&h);
    h.options.rate_limits[POMEX_GENERATION_CANCEL] = 0.1;
    harness_client(&h);
    pomex_operation *first = cancel(&h);
    harness_finish(&h, first);
    is_cancelled(first);
    pomex_operation *op = cancel(&h);
    harness_arrived(&h, GET, 2);
    while (inside_endpoint(op)->id != POMEX_GENERATION_CANCEL)
        harness_rest(&h, 0.002);
    assert_true(inside_is_queued(op)); /* the limit keeps it waiting for ten seconds */
    harness_advance(&h, 12);
    harness_finish(&h, op);
    is_cancelled(op);
    assert_true(count(&h, GET) >= 3); /* a look that is too old is repeated */
    assert_int_equal(count(&h, DELETE), 2);
    pomex_operation_release(first);
    pomex_operation_release(op);
    harness_stop(&h);
}

/* What never left is no DELETE yet; but the task is looked at anew. */
TEST_CASE(what_never_left_begins_with_a_look)
{
    static const fault_step steps[] = {
        {LOOK(1, "queued")},
        {.kind = FAULT_CLOSE_AT_ONCE, .times = 1},
        {LOOK(0, "queued")},
        {.match = DELETE, .body = "{}"},
    };
    harness h;
    harness_start(&h, steps, 4, true);
    harness_client(&h);
    pomex_operation *op = cancel(&h);
    harness_finish(&h, op);
    is_cancelled(op);
    assert_true(count(&h, GET) >= 2); /* a look that is too old is repeated */
    assert_int_equal(count(&h, DELETE), 1);
    pomex_operation_release(op);
    harness_stop(&h);
}

TEST_CASE(whoever_ends_it_is_told_of_the_doubt)
{
    static const fault_step steps[] = {{LOOK(0, "queued")},
                                       {.match = DELETE, .kind = FAULT_HANG}};
    harness h;
    harness_start(&h, steps, 2, false);
    harness_client(&h);
    pomex_operation *op = cancel(&h);
    harness_arrived(&h, DELETE, 1);
    pomex_operation_cancel(op);
    assert_true(pomex_operation_done(op));
    const pomex_error *error = pomex_operation_error(op);
    assert_string_equal(error->type, "ambiguous_error");
    assert_string_equal(error->cause, "cancelled_error");
    assert_int_equal(error->billed, POMEX_BILLED_MAYBE);
    pomex_operation_release(op);
    harness_stop(&h);
}

TEST_CASE(send_by_holds_for_it)
{
    static const fault_step steps[] = {{LOOK(0, "queued")}, {.match = DELETE, .body = "{}"}};
    harness h;
    pomex_call_options options;
    pomex_call_options_init(&options);
    harness_start(&h, steps, 2, false);
    harness_stop_clock(&h);
    harness_client(&h);
    options.send_by = (double)h.options.clock(&h, POMEX_CLOCK_BOOTTIME) / 1e9 - 1;
    pomex_operation *op =
        pomex_client_call(h.client, POMEX_GENERATION_CANCEL, "cgt-1", 5, NULL, &options);
    harness_finish(&h, op);
    assert_string_equal(pomex_operation_error(op)->type, "late_error");
    assert_int_equal(count(&h, DELETE), 0);
    pomex_operation_release(op);
    harness_stop(&h);
}

TEST_CASE(an_id_that_leads_elsewhere_is_refused)
{
    harness h;
    harness_start(&h, NULL, 0, false);
    harness_client(&h);
    pomex_operation *op =
        pomex_client_call(h.client, POMEX_GENERATION_CANCEL, "..", 2, NULL, NULL);
    assert_true(pomex_operation_done(op));
    assert_string_equal(pomex_operation_error(op)->type, "invalid_request_error");
    assert_int_equal(fault_server_connections(h.server), 0);
    pomex_operation_release(op);
    harness_stop(&h);
}
