/* Waits: when they look, what they outlive, and what ends them. */
#include "cmocka_all.h"

#include "harness.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROCESSING "{\"id\":\"asset-1\",\"object\":\"video.asset\",\"status\":\"processing\"}"
#define ACTIVE     "{\"id\":\"asset-1\",\"object\":\"video.asset\",\"status\":\"active\"}"

static pomex_operation *begin(harness *h, pomex_endpoint_id endpoint, double timeout)
{
    pomex_call_options options;
    pomex_call_options_init(&options);
    options.timeout = timeout;
    options.updates = true;
    pomex_operation *op = pomex_client_wait(h->client, endpoint, "asset-1", 7, &options);
    assert_non_null(op);
    return op;
}

static const pomex_error *finished(harness *h, pomex_operation *op)
{
    harness_finish(h, op);
    return pomex_operation_error(op);
}

static void set_up(harness *h, const fault_step *steps, size_t count)
{
    harness_start(h, steps, count, false);
    harness_stop_clock(h);
    harness_client(h);
}

static void tear_down(harness *h, pomex_operation *op)
{
    pomex_operation_release(op);
    harness_stop(h);
}

/* Steps until the wait rests, and says for how long it will; -1: it is done. */
static double next_pause(harness *h, pomex_operation *op)
{
    while (!pomex_operation_done(op)) {
        harness_rest(h, 0.001);
        if (inside_is_paused(op))
            return pomex_client_timeout(h->client);
    }
    return -1;
}

TEST_CASE(looks_come_by_the_schedule)
{
    static const double whole[] = {1, 1.5, 2.25, 3.375, 5, 5, 5};
    static const fault_step steps[] = {{.times = 7, .body = PROCESSING}, {.body = ACTIVE}};
    harness h;
    bool varied = false;
    set_up(&h, steps, 2);
    pomex_operation *op = begin(&h, POMEX_ASSET_GET, -1);
    harness_arrived(&h, NULL, 1); /* one that is known from before is looked at now */
    for (size_t i = 0; i < 7; i++) {
        double pause = next_pause(&h, op);
        if (pause < 0.799 * whole[i] || pause > 1.201 * whole[i])
            fail_msg("pause %zu is %g and not about %g", i, pause, whole[i]);
        varied = varied || pause < 0.99 * whole[i] || pause > 1.01 * whole[i];
        assert_int_equal(fault_server_count(h.server, NULL), i + 1);
        harness_advance(&h, pause + 0.01);
    }
    assert_null(finished(&h, op));
    assert_true(varied);
    assert_string_equal(pomex_operation_body(op, NULL), ACTIVE);
    assert_int_equal(pomex_operation_attempts(op), 8);
    assert_true(h.news & POMEX_NEWS_UPDATE);
    tear_down(&h, op);
}

#define OF_TASK(status) "{\"id\":\"asset-1\",\"object\":\"video\",\"status\":\"" status "\"}"

/* Answers that are as long as the one before them, and say something else; or the same again,
 * after one that was no answer. */
TEST_CASE(an_answer_that_differs_is_read)
{
    static const char *const bodies[] = {
        OF_TASK("queued"), OF_TASK("queued"), OF_TASK("run---"), "{\"id\":\"asset-1\"}",
        OF_TASK("run---"), OF_TASK("queued"), OF_TASK("failed")};
    static const char *const said[] = {"queued", "queued", "run---",
                                       "run---", "queued", "failed"};
    enum { LOOKS = sizeof bodies / sizeof *bodies, SAID = sizeof said / sizeof *said };
    fault_step steps[LOOKS];
    pomex_event event;
    size_t looks = 0;
    harness h;
    for (size_t i = 0; i < LOOKS; i++)
        steps[i] = (fault_step){.times = 1, .body = bodies[i]};
    harness_start(&h, steps, LOOKS, false);
    harness_stop_clock(&h);
    h.options.events = true;
    harness_client(&h);
    pomex_operation *op = begin(&h, POMEX_GENERATION_GET, -1);
    const pomex_error *error = finished(&h, op);
    assert_string_equal(error->type, "generation_failed");
    assert_string_equal(error->last_status, "failed");
    assert_int_equal(pomex_operation_attempts(op), LOOKS);
    while (pomex_client_next_event(h.client, &event))
        if (strcmp(event.name, "update") == 0 && looks < SAID)
            assert_string_equal(event.detail, said[looks++]);
    assert_int_equal(looks, SAID);
    tear_down(&h, op);
}

/* One just made is not asked for before it can be ready. */
TEST_CASE(a_new_task_is_left_alone_at_first)
{
    static const fault_step steps[] = {
        {.match = "POST", .body = "{\"id\":\"asset-1\",\"status\":\"queued\"}"},
        {.body = "{\"id\":\"asset-1\",\"status\":\"succeeded\"}"}};
    harness h;
    set_up(&h, steps, 2);
    pomex_operation *made = harness_call(&h, POMEX_EFFECT_BILLED);
    assert_null(finished(&h, made));
    pomex_operation *op = begin(&h, POMEX_GENERATION_GET, -1);
    double pause = next_pause(&h, op);
    assert_true(pause > 4.5 && pause <= 6);
    assert_int_equal(fault_server_count(h.server, "GET"), 0);
    assert_null(finished(&h, op));
    pomex_operation_release(made);
    tear_down(&h, op);
}

TEST_CASE(what_a_wait_outlives)
{
    static const fault_step steps[] = {
        {.times = 1, .status = 500},
        {.times = 1, .status = 502, .body = "{\"error\":{\"message\":\"x\"}}"},
        {.times = 1, .status = 503},
        {.times = 1, .status = 504},
        {.times = 1, .status = 408},
        {.times = 1, .status = 429, .headers = "Retry-After: 1\r\n"},
        {.times = 1, .kind = FAULT_RESET},
        {.times = 1, .kind = FAULT_CLOSE},
        {.times = 1, .kind = FAULT_TRUNCATE, .body = ACTIVE, .cut = 20},
        {.times = 1, .kind = FAULT_RAW, .body = "nonsense\r\n\r\n"},
        {.times = 1, .body = "<html>"},
        {.times = 1, .body = "{\"id\":\"asset-1\"}"},
        {.times = 1, .body = "{\"id\":\"asset-1\",\"status\":\"rendering\"}"},
        {.body = ACTIVE},
    };
    size_t count = sizeof steps / sizeof *steps;
    harness h;
    set_up(&h, steps, count);
    pomex_operation *op = begin(&h, POMEX_ASSET_GET, -1);
    const pomex_error *error = finished(&h, op);
    if (error)
        fail_msg("%s: %s", error->type, error->message);
    assert_true(fault_server_count(h.server, NULL) >= count);
    tear_down(&h, op);
}

TEST_CASE(what_ends_a_wait_at_once)
{
    static const struct {
        int status;
        const char *type;
    } rows[] = {{400, "invalid_request_error"},
                {401, "authentication_error"},
                {403, "api_error"},
                {404, "not_found_error"},
                {302, "api_error"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const fault_step steps[] = {{.times = 1, .body = PROCESSING},
                                    {.times = 1, .status = rows[i].status},
                                    {.body = ACTIVE}};
        harness h;
        set_up(&h, steps, 3);
        pomex_operation *op = begin(&h, POMEX_ASSET_GET, -1);
        const pomex_error *error = finished(&h, op);
        assert_non_null(error);
        assert_string_equal(error->type, rows[i].type);
        assert_string_equal(error->last_status, "processing");
        assert_string_equal(error->id, "asset-1");
        assert_int_equal(fault_server_count(h.server, NULL), 2);
        tear_down(&h, op);
    }
}

/* A 404 is believed of every id but one that this client was given less than 30 s ago, and has
 * not seen yet. */
TEST_CASE(a_404_of_a_new_id)
{
    static const struct {
        int not_found;
        double before; /* seconds between the creation and the wait */
        bool created, ends;
    } rows[] = {
        {3, 0, true, false}, {30, 0, true, true}, {1, 31, true, true}, {1, 0, false, true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const fault_step steps[] = {{.match = "POST", .body = PROCESSING},
                                    {.times = rows[i].not_found, .status = 404},
                                    {.body = ACTIVE}};
        harness h;
        set_up(&h, steps, 3);
        if (rows[i].created) {
            pomex_operation *made = harness_call(&h, POMEX_EFFECT_ASSET);
            assert_null(finished(&h, made));
            pomex_operation_release(made);
        }
        harness_advance(&h, rows[i].before);
        int64_t start = h.ahead;
        pomex_operation *op = begin(&h, POMEX_ASSET_GET, -1);
        const pomex_error *error = finished(&h, op);
        assert_int_equal(error != NULL, rows[i].ends);
        if (error)
            assert_string_equal(error->type, "not_found_error");
        assert_true(h.ahead - start < 40 * POMEX_SECOND);
        tear_down(&h, op);
    }
}

TEST_CASE(a_404_after_it_was_seen)
{
    static const fault_step steps[] = {{.match = "POST", .body = PROCESSING},
                                       {.times = 1, .body = PROCESSING},
                                       {.times = 1, .status = 404},
                                       {.body = ACTIVE}};
    harness h;
    set_up(&h, steps, 4);
    pomex_operation *made = harness_call(&h, POMEX_EFFECT_ASSET);
    assert_null(finished(&h, made));
    pomex_operation_release(made);
    pomex_operation *op = begin(&h, POMEX_ASSET_GET, -1);
    assert_non_null(finished(&h, op));
    assert_string_equal(pomex_operation_error(op)->type, "not_found_error");
    tear_down(&h, op);
}

TEST_CASE(statuses_that_end_it)
{
    static const struct {
        pomex_endpoint_id endpoint;
        const char *body, *type;
    } rows[] = {
        {POMEX_ASSET_GET, "{\"status\":\"failed\",\"error\":{\"message\":\"no face\"}}",
         "asset_failed"},
        {POMEX_GENERATION_GET, "{\"status\":\"failed\"}", "generation_failed"},
        {POMEX_GENERATION_GET, "{\"status\":\"cancelled\"}", "generation_failed"},
        {POMEX_GENERATION_GET, "{\"status\":\"expired\"}", "generation_failed"},
        {POMEX_GENERATION_GET, "{\"status\":\"succeeded\"}", NULL},
        {POMEX_ASSET_GET, "{\"status\":\"active\"}", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const fault_step steps[] = {{.times = 1, .body = "{\"status\":\"queued\"}"},
                                    {.body = rows[i].body}};
        harness h;
        set_up(&h, steps, 2);
        pomex_operation *op = begin(&h, rows[i].endpoint, -1);
        const pomex_error *error = finished(&h, op);
        assert_int_equal(error == NULL, rows[i].type == NULL);
        assert_string_equal(pomex_operation_body(op, NULL), rows[i].body);
        if (error) {
            assert_string_equal(error->type, rows[i].type);
            assert_string_equal(error->object, rows[i].body);
            assert_string_equal(error->id, "asset-1");
            assert_int_equal(strstr(error->message, "no face") != NULL, i == 0);
        }
        assert_int_equal(fault_server_count(h.server, NULL), 2);
        tear_down(&h, op);
    }
}

TEST_CASE(a_deadline_names_the_last_status)
{
    static const fault_step step = {.body = "{\"id\":\"asset-1\",\"status\":\"rendering\"}"};
    harness h;
    set_up(&h, &step, 1);
    pomex_operation *op = begin(&h, POMEX_ASSET_GET, -1);
    int64_t start = h.ahead;
    const pomex_error *error = finished(&h, op);
    assert_string_equal(error->type, "timeout_error");
    assert_string_equal(error->last_status, "rendering");
    assert_string_equal(error->id, "asset-1");
    assert_true(error->retryable);
    assert_non_null(error->hint);
    double took = (double)(h.ahead - start) / 1e9;
    assert_true(took > 590 && took < 606);
    tear_down(&h, op);
}

/* Whatever the schedule, there is one more look just before the deadline. */
TEST_CASE(the_last_look_is_just_before_the_deadline)
{
    static const fault_step steps[] = {{.times = 2, .body = PROCESSING}, {.body = ACTIVE}};
    harness h;
    harness_start(&h, steps, 2, false);
    h.options.poll_asset = (pomex_schedule){8, 4, 1000};
    harness_client(&h);
    pomex_operation *op = begin(&h, POMEX_ASSET_GET, 20);
    double first = next_pause(&h, op);
    assert_true(first > 6 && first < 9.7);
    harness_advance(&h, first + 0.01);
    harness_arrived(&h, NULL, 2);
    double second = next_pause(&h, op);
    assert_true(first + second > 17 && first + second < 20);
    assert_null(finished(&h, op));
    assert_int_equal(fault_server_count(h.server, NULL), 3);
    tear_down(&h, op);
}

/* Nobody stepped, or the machine slept, until after the deadline. */
TEST_CASE(a_sleeper_looks_once_before_giving_up)
{
    for (int active = 0; active < 2; active++) {
        const fault_step steps[] = {{.times = 1, .body = PROCESSING},
                                    {.body = active ? ACTIVE : PROCESSING}};
        harness h;
        set_up(&h, steps, 2);
        pomex_operation *op = begin(&h, POMEX_ASSET_GET, -1);
        assert_true(next_pause(&h, op) > 0);
        harness_advance(&h, 9000);
        const pomex_error *error = finished(&h, op);
        assert_int_equal(error == NULL, active);
        if (error)
            assert_string_equal(error->type, "timeout_error");
        assert_int_equal(fault_server_count(h.server, NULL), 2);
        tear_down(&h, op);
    }
}

TEST_CASE(a_retry_after_is_kept)
{
    static const fault_step steps[] = {
        {.times = 1, .status = 503, .headers = "Retry-After: 40\r\n"}, {.body = ACTIVE}};
    harness h;
    set_up(&h, steps, 2);
    pomex_operation *op = begin(&h, POMEX_ASSET_GET, -1);
    harness_arrived(&h, NULL, 1);
    double pause = next_pause(&h, op);
    assert_true(pause > 39 && pause <= 40);
    assert_null(finished(&h, op));
    tear_down(&h, op);
}

TEST_CASE(a_cancelled_wait_says_what_it_saw)
{
    static const fault_step step = {.body = PROCESSING};
    harness h;
    set_up(&h, &step, 1);
    pomex_operation *op = begin(&h, POMEX_ASSET_GET, -1);
    assert_true(next_pause(&h, op) > 0);
    pomex_operation_cancel(op);
    const pomex_error *error = pomex_operation_error(op);
    assert_string_equal(error->type, "cancelled_error");
    assert_string_equal(error->last_status, "processing");
    assert_string_equal(error->id, "asset-1");
    assert_false(error->maybe_billed);
    tear_down(&h, op);
}
