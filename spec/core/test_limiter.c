/* How many requests reach the wire, and when: in real time, on real connections. */
#include "cmocka_all.h"

#include "harness.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define GOOD "{\"id\":\"asset-1\",\"status\":\"active\"}"

/* Arrivals lie behind departures by what the machine is busy with, so not the whole of a second
 * is looked at; how long all of them took tells the rest. */
#define JITTER 0.5

/* The most requests in any window of one second at the server, less the jitter. */
static size_t busiest_second(fault_server *server, const char *match)
{
    fault_request first, last;
    size_t most = 0, begin = 0;
    for (size_t end = 0; fault_server_request(server, match, end, &last); end++) {
        while (fault_server_request(server, match, begin, &first) &&
               last.at - first.at >= (int64_t)((1 - JITTER) * 1e9))
            begin++;
        most = end - begin + 1 > most ? end - begin + 1 : most;
    }
    return most;
}

static void use_real_time(harness *h, pomex_endpoint_id kind, double rate)
{
    h->options.clock = NULL;
    h->options.rate_limits[kind] = rate;
    h->options.max_retries = 0;
}

static void finish_all(harness *h, pomex_operation **ops, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double end = harness_now() + 30;
        while (!pomex_operation_done(ops[i]) && harness_now() < end)
            harness_rest(h, 0.002);
        assert_true(pomex_operation_done(ops[i]));
        assert_null(pomex_operation_error(ops[i]));
        pomex_operation_release(ops[i]);
    }
}

TEST_CASE(no_second_sees_more_than_the_limit)
{
    static const fault_step step = {.body = GOOD};
    pomex_operation *ops[14];
    harness h;
    harness_start(&h, &step, 1, false);
    use_real_time(&h, POMEX_ASSET_GET, 5);
    harness_client(&h);
    double start = harness_now();
    for (size_t i = 0; i < 14; i++)
        ops[i] = harness_call(&h, POMEX_EFFECT_NONE);
    harness_arrived(&h, NULL, 5); /* the first five at once, and no more in that second */
    harness_rest(&h, 0.2);
    size_t count = fault_server_count(h.server, NULL);
    assert_true(count == 5 || harness_now() - start >= 1);
    finish_all(&h, ops, 14);
    double took = harness_now() - start;
    assert_true(took >= 2 && took < 10);
    assert_int_equal(busiest_second(h.server, NULL), 5);
    harness_stop(&h);
}

/* Three connections that take `delay`, and then others: how long all nine calls took. */
static double through_cold_connections(double delay)
{
    static const fault_step good = {.body = GOOD};
    char url[64];
    pomex_operation *ops[9];
    harness h;
    harness_start(&h, &good, 1, true);
    const int port = fault_server_port(h.server);
    const fault_step slow[] = {{.kind = FAULT_TUNNEL, .port = port, .times = 3, .delay = delay},
                               {.kind = FAULT_TUNNEL, .port = port}};
    fault_server *proxy = fault_server_start(slow, 2, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", fault_server_port(proxy));
    use_real_time(&h, POMEX_GENERATION_CREATE, 3);
    h.options.proxy = url;
    harness_client(&h);
    const fault_step reply = {.body = harness_reply(POMEX_EFFECT_BILLED)};
    harness_script(&h, &reply, 1);
    for (size_t i = 0; i < 9; i++)
        ops[i] = harness_call(&h, POMEX_EFFECT_BILLED);
    double start = harness_now();
    finish_all(&h, ops, 9);
    double took = harness_now() - start;
    assert_int_equal(fault_server_count(h.server, NULL), 9);
    assert_int_equal(busiest_second(h.server, NULL), 3);
    fault_server_stop(proxy);
    harness_stop(&h);
    return took;
}

/* Counted from the call, connections that are slow to come would put two seconds' worth of
 * requests into one of the service's. What hangs holds up the others for one second. */
TEST_CASE(cold_connections_do_not_bunch)
{
    assert_true(through_cold_connections(0.8) >= 2.8);
    assert_true(through_cold_connections(1.3) >= 3);
}

/* The children of a fork are one account to the service. */
TEST_CASE(a_limit_is_shared_over_a_fork)
{
    static const fault_step step = {.body = GOOD};
    pomex_operation *ops[6];
    harness h;
    harness_start(&h, &step, 1, false);
    use_real_time(&h, POMEX_ASSET_GET, 4);
    harness_client(&h);
    double start = harness_now();
    pid_t child = fork();
    for (size_t i = 0; i < 6; i++)
        ops[i] = harness_call(&h, POMEX_EFFECT_NONE);
    finish_all(&h, ops, 6);
    if (child == 0)
        harness_leave(true);
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(harness_now() - start >= 2);
    assert_int_equal(WEXITSTATUS(status), HARNESS_WELL);
    assert_int_equal(fault_server_count(h.server, NULL), 12);
    assert_int_equal(busiest_second(h.server, NULL), 4);
    harness_stop(&h);
}

/* One that is killed while it connects cannot give back what it holds of the limit. */
TEST_CASE(what_a_killed_child_held_is_free)
{
    static const fault_step silence = {.kind = FAULT_HANG};
    char url[64];
    harness h;
    harness_start(&h, NULL, 0, true);
    fault_server *proxy = fault_server_start(&silence, 1, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", fault_server_port(proxy));
    use_real_time(&h, POMEX_GENERATION_CREATE, 3);
    h.options.proxy = url;
    harness_client(&h);
    double start = harness_now();
    pid_t child = fork();
    if (child == 0) {
        for (size_t i = 0; i < 3; i++)
            harness_call(&h, POMEX_EFFECT_BILLED);
        harness_rest(&h, 60);
        harness_leave(false);
    }
    double end = harness_now() + 30;
    while (fault_server_count(proxy, NULL) < 3 && harness_now() < end)
        usleep(1000);
    pomex_operation *op = harness_call(&h, POMEX_EFFECT_BILLED);
    harness_rest(&h, 0.2);
    size_t seen = fault_server_count(proxy, NULL);
    assert_true(seen == 3 || harness_now() - start >= 1); /* the holder is alive */
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    end = harness_now() + 30;
    while (fault_server_count(proxy, NULL) < 4 && harness_now() < end)
        harness_rest(&h, 0.002);
    assert_int_equal(fault_server_count(proxy, NULL), 4);
    pomex_operation_cancel(op);
    pomex_operation_release(op);
    fault_server_stop(proxy);
    harness_stop(&h);
}

/* An attempt that failed before its request left has used nothing up. */
TEST_CASE(what_was_not_sent_does_not_count)
{
    char url[64];
    harness h;
    harness_start(&h, NULL, 0, false);
    use_real_time(&h, POMEX_ASSET_GET, 1);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", fault_server_refused_port());
    h.options.base_url = url;
    harness_client(&h);
    double start = harness_now();
    for (size_t i = 0; i < 5; i++) {
        pomex_operation *op = harness_call(&h, POMEX_EFFECT_NONE);
        while (!pomex_operation_done(op) && harness_now() < start + 10)
            harness_rest(&h, 0.002);
        assert_string_equal(pomex_operation_error(op)->type, "connection_error");
        pomex_operation_release(op);
    }
    assert_true(harness_now() - start < 3.5); /* one a second would take four */
    harness_stop(&h);
}

/* A 429 speaks for its whole kind, and for no other. */
TEST_CASE(a_429_shuts_the_gate_of_its_kind)
{
    static const fault_step steps[] = {
        {.match = "GET", .times = 1, .status = 429, .headers = "Retry-After: 1\r\n"},
        {.match = "GET", .body = GOOD},
        {.body = "{\"h5_link\":\"https://h5.example/\"}"}};
    pomex_operation *ops[4];
    harness h;
    harness_start(&h, steps, 3, false);
    use_real_time(&h, POMEX_ASSET_GET, 0);
    harness_client(&h);
    double start = harness_now();
    pomex_operation *refused = harness_call(&h, POMEX_EFFECT_NONE);
    while (!pomex_operation_done(refused))
        harness_rest(&h, 0.002);
    assert_string_equal(pomex_operation_error(refused)->type, "rate_limit_error");
    for (size_t i = 0; i < 3; i++)
        ops[i] = harness_call(&h, POMEX_EFFECT_NONE);
    ops[3] = harness_call(&h, POMEX_EFFECT_SPARE);
    harness_arrived(&h, "POST", 1);
    size_t gets = fault_server_count(h.server, "GET");
    assert_true(gets == 1 || harness_now() - start >= 1);
    finish_all(&h, ops, 4);
    fault_request first, second;
    assert_true(fault_server_request(h.server, "GET", 0, &first));
    assert_true(fault_server_request(h.server, "GET", 1, &second));
    assert_true(second.at - first.at >= (int64_t)9.9e8);
    pomex_operation_release(refused);
    harness_stop(&h);
}

/* Whoever asks now goes before whoever only looks whether it is ready. One at a time: of two
 * connections, either may be the first to be read. */
TEST_CASE(calls_go_before_polls)
{
    static const fault_step step = {.body = GOOD};
    pomex_call_options options;
    pomex_operation *ops[4];
    fault_request request;
    harness h;
    harness_start(&h, &step, 1, false);
    use_real_time(&h, POMEX_ASSET_GET, 2);
    h.options.max_in_flight = 1;
    harness_client(&h);
    pomex_call_options_init(&options);
    ops[0] = harness_call(&h, POMEX_EFFECT_NONE);
    ops[1] = harness_call(&h, POMEX_EFFECT_NONE);
    ops[2] = pomex_client_wait(h.client, POMEX_ASSET_GET, "polled", 6, &options);
    ops[3] = harness_call(&h, POMEX_EFFECT_NONE);
    finish_all(&h, ops, 4);
    assert_true(fault_server_request(h.server, NULL, 3, &request));
    assert_string_equal(request.line, "GET /v1/video/assets/polled");
    harness_stop(&h);
}

/* What waits for its turn spends its own time, and sends nothing once that is over. */
TEST_CASE(a_turn_that_does_not_come)
{
    static const fault_step step = {.status = 429, .headers = "Retry-After: 60\r\n"};
    for (int i = 0; i < 4; i++) {
        enum pomex_effect effect = (enum pomex_effect)i;
        harness h;
        harness_start(&h, &step, 1, false);
        h.options.max_retries = 0;
        h.options.budget = 20;
        harness_client(&h);
        pomex_operation *first = harness_call(&h, effect);
        harness_finish(&h, first);
        pomex_operation *op = harness_call(&h, effect);
        harness_rest(&h, 0.02);
        assert_true(inside_is_queued(op));
        harness_advance(&h, 21);
        harness_finish(&h, op);
        const pomex_error *error = pomex_operation_error(op);
        assert_string_equal(error->type, "timeout_error");
        assert_int_equal(error->attempts, 0);
        assert_false(error->maybe_billed);
        assert_int_equal(fault_server_count(h.server, NULL), 1);
        pomex_operation_release(first);
        pomex_operation_release(op);
        harness_stop(&h);
    }
}

/* 100 times 0.29 is a little less than 29. */
TEST_CASE(a_share_of_a_limit)
{
    static const fault_step step = {.body = GOOD};
    pomex_operation *ops[30];
    harness h;
    harness_start(&h, &step, 1, false);
    h.options.rate_limits[POMEX_ASSET_GET] = 100;
    h.options.rate_share = 0.29;
    harness_stop_clock(&h);
    harness_client(&h);
    for (size_t i = 0; i < 30; i++)
        ops[i] = harness_call(&h, POMEX_EFFECT_NONE);
    harness_arrived(&h, NULL, 29);
    harness_rest(&h, 0.05);
    assert_int_equal(fault_server_count(h.server, NULL), 29);
    harness_advance(&h, 1.06);
    finish_all(&h, ops, 30);
    assert_int_equal(fault_server_count(h.server, NULL), 30);
    harness_stop(&h);
}

TEST_CASE(a_step_starts_sixteen_at_most)
{
    static const fault_step step = {.kind = FAULT_HANG};
    pomex_operation *ops[100];
    harness h;
    harness_start(&h, &step, 1, false);
    h.options.max_in_flight = 64;
    harness_client(&h);
    for (size_t i = 0; i < 100; i++)
        ops[i] = harness_call(&h, POMEX_EFFECT_NONE);
    size_t before = inside_in_flight(h.client);
    assert_in_range(before, 1, 16);
    for (int i = 0; i < 10; i++) {
        pomex_client_step(h.client, 0);
        assert_true(inside_in_flight(h.client) - before <= 16);
        before = inside_in_flight(h.client);
    }
    assert_int_equal(before, 64);
    harness_arrived(&h, NULL, 64);
    harness_rest(&h, 0.05);
    assert_int_equal(fault_server_count(h.server, NULL), 64);
    for (size_t i = 0; i < 100; i++) {
        pomex_operation_cancel(ops[i]);
        pomex_operation_release(ops[i]);
    }
    harness_stop(&h);
}
