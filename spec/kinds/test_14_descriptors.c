/* Descriptors used up: the error names RLIMIT_NOFILE and its value; while attempts of ours run, or
 * idle connections can be closed, nothing fails at all. The service is a process of its own. */
#include "cmocka_all.h"

#include "harness.h"
#include "sandbox.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static sandbox service;
static struct rlimit usual;

/* Leaves this process `count` descriptors. */
static int leave(int count)
{
    struct rlimit tight = usual;
    int next = dup(0); /* the lowest that is free: all below it are taken */
    assert_true(next >= 0);
    close(next);
    tight.rlim_cur = (rlim_t)(next + count);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
    return next + count;
}

static void leave_all(void)
{
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
}

static void start(harness *h)
{
    memset(h, 0, sizeof *h);
    snprintf(h->base_url, sizeof h->base_url, "http://127.0.0.1:%d", service.port);
    pomex_options_init(&h->options);
    h->options.api_key = service.key;
    h->options.base_url = h->base_url;
    h->options.proxy = "";
    for (int i = 0; i < POMEX_ENDPOINTS; i++)
        h->options.rate_limits[i] = 0;
    harness_client(h);
}

static void says_the_limit(const pomex_error *error, int limit)
{
    char words[64];
    snprintf(words, sizeof words, "RLIMIT_NOFILE is %d", limit);
    assert_non_null(error);
    assert_string_equal(error->type, "connection_error");
    if (!strstr(error->message, words))
        fail_msg("%s, and not: %s", error->message, words);
    assert_true(error->retryable);
}

static pomex_operation *list(harness *h)
{
    pomex_call_options options;
    pomex_call_options_init(&options);
    return pomex_client_call(h->client, POMEX_ASSET_LIST, NULL, 0, NULL, &options);
}

static void is_good(harness *h, pomex_operation *op)
{
    harness_finish(h, op);
    const pomex_error *error = pomex_operation_error(op);
    if (error)
        fail_msg("%s: %s", error->type, error->message);
    assert_int_equal(pomex_operation_attempts(op), 1);
    pomex_operation_release(op);
}

/* The client's own three, one after another. */
TEST_CASE(the_first_use)
{
    harness h;
    for (int count = 0; count < 3; count++) {
        start(&h);
        int limit = leave(count);
        assert_null(list(&h));
        pomex_error *error = pomex_client_failure(h.client);
        leave_all();
        says_the_limit(error, limit);
        pomex_error_free(error);
        is_good(&h, list(&h)); /* it was not spoilt by that */
        pomex_client_free(h.client);
    }
}

TEST_CASE(with_nothing_to_wait_for)
{
    pomex_call_options options;
    pomex_call_options_init(&options);
    harness h;
    start(&h);
    assert_true(pomex_client_pollfd(h.client) >= 0);
    pomex_operation *ops[3];
    int limit = leave(0);
    ops[0] = list(&h);
    ops[1] = harness_call(&h, POMEX_EFFECT_BILLED);
    ops[2] = pomex_client_wait(h.client, POMEX_GENERATION_GET, "cgt-1", 5, &options);
    for (int i = 0; i < 3; i++) {
        harness_finish(&h, ops[i]);
        says_the_limit(pomex_operation_error(ops[i]), limit);
        assert_int_equal(pomex_operation_error(ops[i])->attempts, 1);
        /* Nothing was sent; the task that is waited for was paid for before. */
        assert_int_equal(pomex_operation_error(ops[i])->billed,
                         i == 2 ? POMEX_BILLED_YES : POMEX_BILLED_NO);
        pomex_operation_release(ops[i]);
    }
    leave_all();
    is_good(&h, list(&h));
    pomex_client_free(h.client);
}

/* With room for one connection, what finds none waits for it, uncounted. */
TEST_CASE(with_room_for_one)
{
    pomex_operation *ops[12];
    harness h;
    start(&h);
    assert_true(pomex_client_pollfd(h.client) >= 0);
    leave(1);
    for (int i = 0; i < 12; i++)
        ops[i] = i % 3 == 2
                     ? list(&h)
                     : harness_call(&h, i % 3 ? POMEX_EFFECT_SPARE : POMEX_EFFECT_BILLED);
    for (int i = 0; i < 12; i++)
        is_good(&h, ops[i]);
    leave_all();
    pomex_client_free(h.client);
}

/* A kept-alive connection holds the only one. */
TEST_CASE(with_an_idle_connection)
{
    harness h;
    start(&h);
    assert_true(pomex_client_pollfd(h.client) >= 0);
    leave(1);
    for (int i = 0; i < 3; i++) {
        is_good(&h, list(&h));
        is_good(&h, harness_call(&h, POMEX_EFFECT_BILLED));
    }
    leave_all();
    pomex_client_free(h.client);
}

/* In a process of its own: whether a create over TLS with so few descriptors is good or names the
 * limit, which no certificate that could not be opened hides. */
static bool is_told(harness *h, int count)
{
    char words[64];
    harness_client(h);
    pomex_client_pollfd(h->client);
    snprintf(words, sizeof words, "RLIMIT_NOFILE is %d", leave(count));
    pomex_operation *op = harness_call(h, POMEX_EFFECT_BILLED);
    for (double end_at = harness_now() + 20;
         !pomex_operation_done(op) && harness_now() < end_at;)
        harness_rest(h, 0.002);
    leave_all();
    const pomex_error *error = pomex_operation_error(op);
    if (!pomex_operation_done(op) || (error && !strstr(error->message, words))) {
        fprintf(stderr, "%d left: %s\n", count, error ? error->message : "not done");
        return false;
    }
    return true;
}

/* A server for each: a fork beside the thread that ends an earlier connection could copy a lock
 * of OpenSSL's which that thread holds, and the child would wait for it for ever. */
TEST_CASE(over_tls)
{
    const fault_step good = {.body = harness_reply(POMEX_EFFECT_BILLED)};
    size_t made = 0;
    harness h;
    for (int count = 0; count < 5; count++) {
        int status = 1;
        harness_start(&h, &good, 1, true);
        pid_t child = fork();
        if (child == 0)
            harness_leave(is_told(&h, count));
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(WEXITSTATUS(status), HARNESS_WELL);
        made += fault_server_count(h.server, "POST");
        harness_stop(&h);
    }
    assert_true(made > 0); /* with as many as it takes */
}

static int begin(void **state)
{
    (void)state;
    return getrlimit(RLIMIT_NOFILE, &usual) || !sandbox_start(&service, NULL);
}

static int end(void **state)
{
    (void)state;
    return !sandbox_stop(&service);
}

int main(void)
{
    return tests_run(begin, end);
}
