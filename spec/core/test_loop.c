/* The one descriptor: readable when there is work, silent when there is none. */
#include "cmocka_all.h"

#include "harness.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#define GOOD "{\"id\":\"asset-1\",\"status\":\"active\"}"

static bool readable(pomex_client *client, double seconds)
{
    struct pollfd fd = {.fd = pomex_client_pollfd(client), .events = POLLIN};
    assert_true(fd.fd >= 0);
    return poll(&fd, 1, (int)(seconds * 1000)) == 1;
}

static void use_real_time(harness *h)
{
    h->options.clock = NULL;
    harness_client(h);
}

/* Waiting for the descriptor alone is enough, from the first byte to the last pause. */
TEST_CASE(the_descriptor_is_all_a_host_needs)
{
    static const fault_step steps[] = {{.times = 1, .status = 503},
                                       {.times = 1, .body = GOOD, .delay = 0.2},
                                       {.times = 1, .kind = FAULT_CLOSE},
                                       {.body = GOOD}};
    unsigned news;
    harness h;
    harness_start(&h, steps, 4, false);
    use_real_time(&h);
    for (int i = 0; i < 3; i++) {
        pomex_operation *op = harness_call(&h, POMEX_EFFECT_NONE);
        for (int wakes = 0; !pomex_operation_done(op); wakes++) {
            assert_true(wakes < 100);
            assert_true(readable(h.client, 10));
            pomex_client_step(h.client, 0);
        }
        assert_null(pomex_operation_error(op));
        assert_ptr_equal(pomex_client_next(h.client, &news), op);
        assert_int_equal(news, POMEX_NEWS_DONE);
        assert_null(pomex_client_next(h.client, &news));
        pomex_operation_release(op);
    }
    harness_stop(&h);
}

/* The timer alone: nothing arrives, and the deadline is still kept. */
TEST_CASE(deadlines_wake_it)
{
    static const fault_step step = {.kind = FAULT_HANG};
    harness h;
    harness_start(&h, &step, 1, false);
    h.options.request_timeout = 0.3;
    h.options.max_retries = 0;
    use_real_time(&h);
    double start = harness_now();
    pomex_operation *op = harness_call(&h, POMEX_EFFECT_NONE);
    while (!pomex_operation_done(op)) {
        assert_true(readable(h.client, 10));
        pomex_client_step(h.client, 0);
    }
    double took = harness_now() - start;
    assert_true(took >= 0.3 && took < 5);
    assert_string_equal(pomex_operation_error(op)->type, "timeout_error");
    pomex_operation_release(op);
    harness_stop(&h);
}

TEST_CASE(rest_costs_no_wake_up)
{
    static const fault_step step = {.body = "{\"status\":\"processing\"}"};
    pomex_call_options options;
    unsigned news;
    harness h;
    harness_start(&h, &step, 1, false);
    use_real_time(&h);
    pomex_call_options_init(&options);
    options.first = options.max = 60;
    pomex_operation *op = pomex_client_wait(h.client, POMEX_ASSET_GET, "a", 1, &options);
    while (!inside_is_paused(op))
        harness_rest(&h, 0.01);
    harness_rest(&h, 0.1);
    while (pomex_client_next(h.client, &news)) {
    }
    /* A timer armed for what is no longer awaited may fire once. */
    int wakes = 0;
    for (; wakes < 5 && readable(h.client, 0.5); wakes++)
        pomex_client_step(h.client, 0);
    assert_true(wakes <= 2);
    assert_true(pomex_client_timeout(h.client) > 40);
    pomex_operation_cancel(op);
    pomex_operation_release(op);
    harness_stop(&h);
}

/* A server that hangs up on an idle connection leaves nothing that spins. */
TEST_CASE(an_idle_connection_that_ends_is_quiet)
{
    static const fault_step step = {.body = GOOD};
    unsigned news;
    int wakes = 0;
    harness h;
    harness_start(&h, &step, 1, false);
    use_real_time(&h);
    pomex_operation *op = harness_call(&h, POMEX_EFFECT_NONE);
    harness_finish(&h, op);
    pomex_operation_release(op);
    fault_server_stop(h.server);
    h.server = NULL;
    for (; wakes < 50 && readable(h.client, 0.2); wakes++) {
        pomex_client_step(h.client, 0);
        while (pomex_client_next(h.client, &news)) {
        }
    }
    assert_true(wakes < 10);
    harness_stop(&h);
}

/* What ended outside of a step still wakes whoever waits. */
TEST_CASE(news_outside_a_step_is_news)
{
    static const fault_step step = {.kind = FAULT_HANG};
    pomex_call_options options;
    unsigned news = 0;
    harness h;
    harness_start(&h, &step, 1, false);
    use_real_time(&h);
    pomex_operation *op = harness_call(&h, POMEX_EFFECT_NONE);
    harness_arrived(&h, NULL, 1);
    harness_rest(&h, 0.05);
    pomex_operation_cancel(op);
    assert_true(readable(h.client, 0));
    assert_true(pomex_client_timeout(h.client) <= 0);
    assert_ptr_equal(pomex_client_next(h.client, &news), op);
    assert_int_equal(news, POMEX_NEWS_DONE);
    pomex_operation_release(op);
    pomex_call_options_init(&options);
    op = pomex_client_call(h.client, POMEX_ASSET_GET, "..", 2, NULL, &options);
    assert_true(pomex_operation_done(op));
    assert_true(pomex_operation_error(op)->client);
    assert_true(readable(h.client, 0));
    assert_int_equal(pomex_client_poll(h.client, 5), 1);
    assert_ptr_equal(pomex_client_next(h.client, &news), op);
    pomex_operation_release(op);
    harness_stop(&h);
}

TEST_CASE(the_host_is_woken_when_it_says)
{
    static const fault_step step = {.kind = FAULT_HANG};
    unsigned news;
    harness h;
    harness_start(&h, &step, 1, false);
    use_real_time(&h);
    double start = harness_now();
    pomex_client_wake_in(h.client, 60);
    pomex_client_wake_in(h.client, 0.2); /* before there is a descriptor */
    assert_true(readable(h.client, 10));
    assert_true(harness_now() - start >= 0.2);
    pomex_client_step(h.client, 0);
    assert_false(readable(h.client, 0.05));
    pomex_client_wake_in(h.client, 0);
    assert_true(readable(h.client, 0));
    pomex_client_wake_in(h.client, -1); /* a wake-up on its way may still come */
    pomex_client_step(h.client, 0);
    assert_false(readable(h.client, 0.05));
    assert_true(pomex_client_timeout(h.client) < 0);
    /* News in between wakes the host, too, and takes nothing of its own time. */
    pomex_operation *op = harness_call(&h, POMEX_EFFECT_NONE);
    harness_arrived(&h, NULL, 1);
    start = harness_now();
    pomex_client_wake_in(h.client, 0.5);
    pomex_operation_cancel(op);
    assert_true(readable(h.client, 0));
    pomex_client_step(h.client, 0);
    assert_ptr_equal(pomex_client_next(h.client, &news), op);
    double left = pomex_client_timeout(h.client);
    if (harness_now() - start < 0.5) { /* or else that step has seen to it */
        assert_true(left > 0 && left <= 0.5);
        assert_true(readable(h.client, 10));
    }
    pomex_operation_release(op);
    harness_stop(&h);
}

/* A step that ran out of its budget says so, and nothing is lost. */
TEST_CASE(a_budget_is_kept)
{
    static const fault_step step = {.body = GOOD};
    pomex_operation *ops[200];
    unsigned news;
    size_t done = 0;
    harness h;
    harness_start(&h, &step, 1, false);
    use_real_time(&h);
    for (size_t i = 0; i < 200; i++)
        ops[i] = harness_call(&h, POMEX_EFFECT_NONE);
    for (int steps = 0; done < 200; steps++) {
        assert_true(steps < 100000);
        assert_true(readable(h.client, 10));
        pomex_client_step(h.client, 1e-6);
        while (pomex_client_next(h.client, &news))
            done += (news & POMEX_NEWS_DONE) != 0;
    }
    for (size_t i = 0; i < 200; i++) {
        assert_null(pomex_operation_error(ops[i]));
        pomex_operation_release(ops[i]);
    }
    assert_int_equal(pomex_client_step(h.client, 0), 0);
    harness_stop(&h);
}

/* Operations outlive their client, and say what became of them. */
TEST_CASE(a_freed_client_leaves_its_operations)
{
    static const fault_step step = {.kind = FAULT_HANG};
    pomex_call_options options;
    harness h;
    harness_start(&h, &step, 1, false);
    harness_client(&h);
    pomex_call_options_init(&options);
    pomex_operation *flying = harness_call(&h, POMEX_EFFECT_BILLED);
    harness_arrived(&h, NULL, 1);
    pomex_operation *waiting =
        pomex_client_wait(h.client, POMEX_GENERATION_GET, "cgt-1", 5, &options);
    pomex_client_free(h.client);
    h.client = NULL;
    assert_string_equal(pomex_operation_error(flying)->type, "ambiguous_error");
    assert_true(pomex_operation_error(flying)->maybe_billed);
    assert_string_equal(pomex_operation_error(waiting)->type, "cancelled_error");
    pomex_operation_cancel(flying);
    pomex_operation_release(flying);
    pomex_operation_release(waiting);
    harness_stop(&h);
}

TEST_CASE(a_closed_client_refuses)
{
    pomex_call_options options;
    unsigned news;
    harness h;
    harness_start(&h, NULL, 0, false);
    harness_client(&h);
    pomex_client_close(h.client);
    pomex_client_close(h.client);
    pomex_call_options_init(&options);
    assert_string_equal(pomex_client_unusable(h.client), "closed");
    assert_null(pomex_client_call(h.client, POMEX_ASSET_GET, "a", 1, NULL, &options));
    assert_int_equal(pomex_client_pollfd(h.client), -1);
    assert_int_equal(pomex_client_step(h.client, 0), 0);
    assert_null(pomex_client_next(h.client, &news));
    harness_stop(&h);
}
