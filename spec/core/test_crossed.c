/* libcurl 7.88 takes every connection to a host for one that carries many, once one of them
 * spoke HTTP/2 (curl #4885): where others of that host speak HTTP/1.1, it puts a GET on one
 * that waits for another's answer, and each may be given the other's. Nobody is. */
#include "cmocka_all.h"

#include "harness.h"

#include <stdio.h>
#include <string.h>

#define MANY 8

static pomex_operation *get(harness *h, int number)
{
    pomex_call_options options;
    char id[16];
    pomex_call_options_init(&options);
    snprintf(id, sizeof id, "a-%d", number);
    return pomex_client_call(h->client, POMEX_ASSET_GET, id, strlen(id), NULL, &options);
}

/* Each has its own answer, or an error of the network's. */
static size_t count_good(harness *h, pomex_operation **ops)
{
    size_t good = 0;
    for (int i = 0; i < MANY; i++) {
        char body[32];
        snprintf(body, sizeof body, "{\"id\":\"a-%d\"}", i);
        harness_finish(h, ops[i]);
        const pomex_error *error = pomex_operation_error(ops[i]);
        if (error) {
            print_message("a-%d: %s: %s\n", i, error->type, error->message);
            assert_string_equal(error->type, "connection_error");
        } else {
            assert_string_equal(pomex_operation_body(ops[i], NULL), body);
        }
        good += error == NULL;
        pomex_operation_release(ops[i]);
    }
    return good;
}

/* Steps that answer each with its own, after a while; `first` steps stand before them. */
static void answers(fault_step *steps, double delay)
{
    static char lines[MANY][48], bodies[MANY][32];
    for (int i = 0; i < MANY; i++) {
        snprintf(lines[i], sizeof lines[i], "GET /v1/video/assets/a-%d", i);
        snprintf(bodies[i], sizeof bodies[i], "{\"id\":\"a-%d\"}", i);
        steps[i] = (fault_step){.match = lines[i], .body = bodies[i], .delay = delay};
    }
}

/* The first connection speaks HTTP/1.1, and the next HTTP/2: as behind a balancer whose servers
 * are not all the same. */
static void servers_that_disagree(void **state)
{
    (void)state;
    fault_step steps[MANY];
    pomex_operation *ops[MANY];
    harness h;
    harness_start(&h, NULL, 0, true);
    h.options.max_retries = 10; /* one call may be hit by more than one of these */
    harness_client(&h);
    answers(steps, 0.1);
    harness_script(&h, steps, MANY);
    ops[0] = get(&h, 0);
    harness_arrived(&h, "GET /v1/video/assets/a-0", 1);
    fault_server_speak_http2(h.server);
    for (int i = 1; i < MANY; i++) {
        ops[i] = get(&h, i);
        harness_rest(&h, 0.01);
    }
    assert_int_equal(count_good(&h, ops), MANY);
    harness_stop(&h);
}

/* A server of HTTP/2 that wants HTTP/1.1 for one request, and closes under another. */
static void a_request_that_is_sent_back(void **state)
{
    (void)state;
    fault_step steps[MANY + 2];
    pomex_operation *ops[MANY];
    harness h;
    harness_start(&h, NULL, 0, true);
    fault_server_speak_http2(h.server);
    h.options.max_retries = 10;
    harness_client(&h);
    answers(steps + 2, 0.1);
    steps[0] = (fault_step){.match = "GET /v1/video/assets/a-0", .kind = FAULT_HTTP_1_1};
    steps[1] = (fault_step){.match = "GET /v1/video/assets/a-1", .kind = FAULT_CLOSE};
    steps[0].times = steps[1].times = 1;
    harness_script(&h, steps, MANY + 2);
    ops[0] = get(&h, 0);
    harness_arrived(&h, "GET /v1/video/assets/a-0", 2);
    for (int i = 1; i < MANY; i++) {
        ops[i] = get(&h, i);
        harness_rest(&h, 0.01);
    }
    assert_int_equal(count_good(&h, ops), MANY);
    harness_stop(&h);
}

/* The other way about: where there is but one kind, nothing is suspected. */
static void servers_that_agree(void **state)
{
    (void)state;
    fault_step steps[MANY];
    pomex_operation *ops[MANY];
    for (int http2 = 0; http2 < 2; http2++) {
        harness h;
        harness_start(&h, NULL, 0, true);
        if (http2)
            fault_server_speak_http2(h.server);
        h.options.max_retries = 0;
        harness_client(&h);
        answers(steps, http2 ? 0 : 0.01);
        harness_script(&h, steps, MANY);
        for (int round = 0; round < 20; round++) {
            for (int i = 0; i < MANY; i++)
                ops[i] = get(&h, i);
            assert_int_equal(count_good(&h, ops), MANY);
        }
        assert_int_equal(fault_server_count(h.server, NULL), 20 * MANY);
        /* Not one a request; one may be left as a_connection_that_has_just_been_left is. */
        assert_true(fault_server_connections(h.server) <= (http2 ? 1 : 2 * MANY));
        harness_stop(&h);
    }
}

/* libcurl may read an answer to its end and put the next request on the same connection before
 * it has told us of either. Then that goes again, and is none the worse for it. Here a timer of
 * libcurl's own, left over from the connecting, looks at the first in the call that starts the
 * second. */
static void a_connection_that_has_just_been_left(void **state)
{
    (void)state;
    fault_step steps[MANY];
    harness h;
    harness_start(&h, NULL, 0, true);
    h.options.max_retries = 0;
    harness_client(&h);
    answers(steps, 0.3);
    harness_script(&h, steps, MANY);
    pomex_operation *ops[2] = {get(&h, 0)};
    harness_arrived(&h, NULL, 1);
    harness_answered(&h, NULL, 1);
    ops[1] = get(&h, 1);
    for (int i = 0; i < 2; i++) {
        harness_finish(&h, ops[i]);
        assert_null(pomex_operation_error(ops[i]));
        pomex_operation_release(ops[i]);
    }
    harness_stop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_that_disagree),
        cmocka_unit_test(a_request_that_is_sent_back),
        cmocka_unit_test(servers_that_agree),
        cmocka_unit_test(a_connection_that_has_just_been_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
