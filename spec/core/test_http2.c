/* HTTP/2: the GETs share a connection, and survive what is peculiar to it; what goes out once
 * never rides on it. */
#include "cmocka_all.h"

#include "harness.h"

#include <string.h>

#define MANY 12

static void start(harness *h)
{
    harness_start(h, NULL, 0, true);
    fault_server_speak_http2(h->server);
    harness_client(h);
}

/* One whole GET, so that there is a connection to ride on. */
static void warm(harness *h)
{
    const fault_step good = {.body = harness_reply(POMEX_EFFECT_NONE)};
    harness_script(h, &good, 1);
    pomex_operation *op = harness_call(h, POMEX_EFFECT_NONE);
    harness_finish(h, op);
    assert_null(pomex_operation_error(op));
    pomex_operation_release(op);
}

static void finish_well(harness *h, pomex_operation *op)
{
    harness_finish(h, op);
    const pomex_error *error = pomex_operation_error(op);
    if (error)
        fail_msg("%s: %s", error->type, error->message);
    assert_string_equal(pomex_operation_body(op, NULL), harness_reply(POMEX_EFFECT_NONE));
    pomex_operation_release(op);
}

static void gets_share_a_connection(void **state)
{
    (void)state;
    const fault_step good = {.body = harness_reply(POMEX_EFFECT_NONE)};
    pomex_operation *ops[MANY];
    fault_request r;
    harness h;
    start(&h);
    harness_script(&h, &good, 1);
    for (size_t i = 0; i < MANY; i++) /* while the first connection is still being made */
        ops[i] = harness_call(&h, POMEX_EFFECT_NONE);
    for (size_t i = 0; i < MANY; i++)
        finish_well(&h, ops[i]);
    assert_int_equal(fault_server_count(h.server, NULL), MANY);
    for (size_t i = 0; i < MANY; i++) {
        assert_true(fault_server_request(h.server, "GET /v1/video/assets/asset-1", i, &r));
        assert_true(r.http2);
        assert_int_equal(r.connection, 1);
        assert_string_equal(r.offered, "h2,http/1.1");
        assert_non_null(strstr(r.headers, "authorization: Bearer sk-test-key"));
    }
    harness_stop(&h);
}

/* All streams are open at once when the last one brings the fault upon them. */
static void gets_survive_what_ends_the_connection(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum fault_kind kind;
    } rows[] = {{"GOAWAY", FAULT_GO_AWAY}, {"reset", FAULT_RESET}, {"close", FAULT_CLOSE}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const fault_step steps[] = {{.kind = FAULT_HANG, .times = MANY - 1},
                                    {.kind = rows[i].kind, .times = 1},
                                    {.body = harness_reply(POMEX_EFFECT_NONE)}};
        pomex_operation *ops[MANY];
        fault_request r;
        harness h;
        start(&h);
        warm(&h);
        harness_script(&h, steps, 3);
        for (size_t k = 0; k < MANY; k++)
            ops[k] = harness_call(&h, POMEX_EFFECT_NONE);
        for (size_t k = 0; k < MANY; k++)
            finish_well(&h, ops[k]);
        print_message("  %s: %zu requests for %d GETs\n", rows[i].name,
                      fault_server_count(h.server, NULL), MANY);
        assert_int_equal(fault_server_count(h.server, NULL), 2 * MANY);
        for (size_t k = 0; k < 2 * MANY; k++) {
            assert_true(fault_server_request(h.server, NULL, k, &r));
            assert_int_equal(r.connection == 1, k < MANY);
        }
        harness_stop(&h);
    }
}

static void gets_survive_what_ends_their_stream(void **state)
{
    (void)state;
    static const fault_step rows[] = {
        {.kind = FAULT_REFUSE_STREAM, .times = 3},
        {.kind = FAULT_HTTP_1_1, .times = 1},
        {.kind = FAULT_TRUNCATE, .body = "{\"id\":\"asset-1\"}", .cut = 6, .times = 3},
        {.status = 502, .times = 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const fault_step steps[] = {rows[i], {.body = harness_reply(POMEX_EFFECT_NONE)}};
        pomex_operation *ops[MANY];
        fault_request r;
        harness h;
        start(&h);
        warm(&h);
        harness_script(&h, steps, 2);
        for (size_t k = 0; k < MANY; k++)
            ops[k] = harness_call(&h, POMEX_EFFECT_NONE);
        for (size_t k = 0; k < MANY; k++)
            finish_well(&h, ops[k]);
        size_t count = fault_server_count(h.server, NULL), least = MANY + (size_t)rows[i].times;
        /* One connection speaks HTTP/1.1 now, and others that libcurl puts onto it go again. */
        if (rows[i].kind == FAULT_HTTP_1_1)
            assert_in_range(count, least, 3 * MANY);
        else
            assert_int_equal(count, least);
        assert_true(fault_server_request(h.server, NULL, 0, &r));
        assert_true(r.http2);
        harness_stop(&h);
    }
}

static void a_server_that_refuses_for_ever(void **state)
{
    (void)state;
    static const fault_step refuse = {.kind = FAULT_REFUSE_STREAM};
    harness h;
    start(&h);
    harness_script(&h, &refuse, 1);
    pomex_operation *op = harness_call(&h, POMEX_EFFECT_NONE);
    harness_finish(&h, op);
    assert_string_equal(pomex_operation_error(op)->type, "connection_error");
    assert_int_equal(pomex_operation_attempts(op), 3);
    assert_true(fault_server_count(h.server, NULL) <= 18); /* libcurl: five more an attempt */
    pomex_operation_release(op);
    harness_stop(&h);
}

/* Whatever HTTP/2 connections there are, and whatever comes over them meanwhile: a POST that
 * leaves a trace goes alone, by HTTP/1.1, once. */
static void what_goes_out_once_keeps_off_it(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        fault_step step;
        const char *type; /* of the cause; NULL: it succeeds */
    } rows[] = {
        {"answered", {.kind = FAULT_ANSWER}, NULL},
        {"REFUSED_STREAM", {.kind = FAULT_REFUSE_STREAM}, "connection_error"},
        {"GOAWAY", {.kind = FAULT_GO_AWAY}, "connection_error"},
        {"HTTP_1_1_REQUIRED", {.kind = FAULT_HTTP_1_1}, "connection_error"},
        {"reset", {.kind = FAULT_RESET}, "connection_error"},
        {"close", {.kind = FAULT_CLOSE}, "connection_error"},
    };
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        enum pomex_effect effect = i % 2 ? POMEX_EFFECT_BILLED : POMEX_EFFECT_ASSET;
        const char *type = rows[i / 2].type;
        fault_step steps[] = {rows[i / 2].step,
                              {.match = "GET /v1/video/assets?", .body = "{\"items\":[]}"},
                              {.body = harness_reply(POMEX_EFFECT_NONE)}};
        steps[0].match = "POST";
        steps[0].body = harness_reply(effect);
        fault_request r;
        harness h;
        start(&h);
        warm(&h);
        harness_script(&h, steps, 3);
        pomex_operation *post = harness_call(&h, effect);
        for (size_t k = 0; k < MANY; k++) /* one of them would take its connection */
            finish_well(&h, harness_call(&h, POMEX_EFFECT_NONE));
        harness_finish(&h, post);
        const pomex_error *error = pomex_operation_error(post);
        print_message("  %s %s: %s\n", harness_line(effect), rows[i / 2].name,
                      error ? error->type : "ok");
        assert_int_equal(error == NULL, type == NULL);
        if (error) {
            assert_string_equal(error->type, "ambiguous_error");
            assert_string_equal(error->cause, type);
        }
        assert_int_equal(fault_server_count(h.server, "POST"), 1);
        assert_true(fault_server_request(h.server, "POST", 0, &r));
        assert_string_equal(r.offered, "http/1.1");
        assert_false(r.http2);
        int connection = r.connection;
        for (size_t k = 0; fault_server_request(h.server, "GET", k, &r); k++)
            assert_int_not_equal(r.connection, connection);
        pomex_operation_release(post);
        harness_stop(&h);
    }
}

/* libcurl 7.88 takes any connection to a host for one that can carry many, once one of them
 * was: a GET then joins the HTTP/1.1 connection of a POST that waits for its answer, and each
 * may be given the other's (curl #4885). A POST that believed a GET's answer would lose its
 * task. */
static void no_get_joins_the_connection_of_a_post(void **state)
{
    (void)state;
    for (int n = POMEX_EFFECT_ASSET; n <= POMEX_EFFECT_BILLED; n++) {
        enum pomex_effect effect = (enum pomex_effect)n;
        const fault_step steps[] = {
            {.match = "POST", .body = harness_reply(effect), .delay = 0.2},
            {.match = "GET", .kind = FAULT_RESET, .times = 1},
            {.match = "GET", .body = "{\"id\":\"of a GET\"}"},
        };
        fault_request post_request, r;
        harness h;
        start(&h);
        harness_script(&h, steps, 3);
        pomex_operation *post = harness_call(&h, effect);
        harness_arrived(&h, "POST", 1);
        pomex_operation *get = harness_call(&h, POMEX_EFFECT_NONE);
        harness_arrived(&h, "GET", 1);
        while (get->state != POMEX_PAUSED && !pomex_operation_done(get))
            harness_rest(&h, 0.002);
        harness_advance(&h, 1); /* its pause is over, while the POST waits */
        harness_finish(&h, post);
        assert_null(pomex_operation_error(post));
        assert_string_equal(pomex_operation_body(post, NULL), harness_reply(effect));
        harness_finish(&h, get);
        assert_null(pomex_operation_error(get));
        assert_string_equal(pomex_operation_body(get, NULL), "{\"id\":\"of a GET\"}");
        assert_true(fault_server_request(h.server, "POST", 0, &post_request));
        for (size_t k = 0; fault_server_request(h.server, "GET", k, &r); k++)
            assert_int_not_equal(r.connection, post_request.connection);
        pomex_operation_release(post);
        pomex_operation_release(get);
        harness_stop(&h);
    }
}

/* A session may ride, since to have one to spare costs nothing. */
static void a_session_may_ride(void **state)
{
    (void)state;
    const fault_step steps[] = {{.kind = FAULT_REFUSE_STREAM, .times = 1},
                                {.kind = FAULT_RESET, .times = 1},
                                {.body = harness_reply(POMEX_EFFECT_SPARE)}};
    fault_request r;
    harness h;
    start(&h);
    warm(&h);
    harness_script(&h, steps, 3);
    pomex_operation *op = harness_call(&h, POMEX_EFFECT_SPARE);
    harness_finish(&h, op);
    assert_null(pomex_operation_error(op));
    assert_int_equal(fault_server_count(h.server, "POST"), 3);
    assert_true(fault_server_request(h.server, "POST", 0, &r));
    assert_true(r.http2);
    assert_int_equal(r.body_length, strlen("{\"callback_url\":\"https://app.example/cb\"}"));
    assert_string_equal(r.body, "{\"callback_url\":\"https://app.example/cb\"}");
    pomex_operation_release(op);
    harness_stop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gets_share_a_connection),
        cmocka_unit_test(gets_survive_what_ends_the_connection),
        cmocka_unit_test(gets_survive_what_ends_their_stream),
        cmocka_unit_test(a_server_that_refuses_for_ever),
        cmocka_unit_test(what_goes_out_once_keeps_off_it),
        cmocka_unit_test(no_get_joins_the_connection_of_a_post),
        cmocka_unit_test(a_session_may_ride),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
