/* A name that takes its time to be looked up must not hold up a cancel, a deadline or a close.
 * libcurl looks names up in a thread of its own; here getaddrinfo is slow. */
#include "cmocka_all.h"

#include "harness.h"

#include <dlfcn.h>
#include <netdb.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define LOOKUP_SECONDS 3

static atomic_bool outage = true; /* names that end in .test take that long */

typedef int lookup_function(const char *, const char *, const struct addrinfo *,
                            struct addrinfo **);

/* Stands before libc's for libcurl too: the program's symbols come first. */
__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **result)
{
    lookup_function *real;
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&real, &symbol, sizeof real);
    if (name && strstr(name, ".test")) {
        if (atomic_load(&outage))
            sleep(LOOKUP_SECONDS);
        return EAI_NONAME;
    }
    return real(name, service, hints, result);
}

static void begin(harness *h, pomex_operation **op, double budget)
{
    harness_start(h, NULL, 0, false);
    h->options.base_url = "https://slow.test";
    h->options.clock = NULL;
    h->options.max_retries = 0;
    h->options.budget = budget;
    harness_client(h);
    *op = harness_call(h, POMEX_EFFECT_BILLED);
    harness_rest(h, 0.1);
}

static void is_quick(double start)
{
    double took = harness_now() - start;
    if (took > 2)
        fail_msg("it took %.2f s", took);
}

TEST_CASE(a_cancel_returns_at_once)
{
    pomex_operation *op;
    harness h;
    begin(&h, &op, 30);
    assert_true(inside_is_flying(op));
    double start = harness_now();
    pomex_operation_cancel(op);
    is_quick(start);
    /* Nothing had left: no reason to fear a bill. */
    assert_string_equal(pomex_operation_error(op)->type, "cancelled_error");
    assert_false(pomex_operation_error(op)->maybe_billed);
    pomex_operation_release(op);
    harness_stop(&h);
    is_quick(start);
}

TEST_CASE(a_close_returns_at_once)
{
    pomex_operation *op;
    harness h;
    begin(&h, &op, 30);
    assert_true(inside_is_flying(op));
    double start = harness_now();
    pomex_client_close(h.client);
    is_quick(start);
    assert_string_equal(pomex_operation_error(op)->type, "cancelled_error");
    pomex_operation_release(op);
    harness_stop(&h);
    is_quick(start);
}

TEST_CASE(a_deadline_is_kept)
{
    pomex_operation *op;
    harness h;
    begin(&h, &op, 0.3);
    double start = harness_now();
    while (!pomex_operation_done(op) && harness_now() < start + 10)
        harness_rest(&h, 0.01);
    is_quick(start);
    assert_string_equal(pomex_operation_error(op)->type, "timeout_error");
    assert_false(pomex_operation_error(op)->maybe_billed);
    pomex_operation_release(op);
    harness_stop(&h);
    is_quick(start);
}

TEST_CASE(a_name_that_is_not_there)
{
    pomex_operation *op;
    harness h;
    harness_start(&h, NULL, 0, false);
    h.options.base_url = "https://slow.test";
    h.options.clock = NULL;
    h.options.max_retries = 0;
    harness_client(&h);
    double start = harness_now();
    op = harness_call(&h, POMEX_EFFECT_BILLED);
    while (!pomex_operation_done(op) && harness_now() < start + 20)
        harness_rest(&h, 0.01);
    assert_true(harness_now() - start >= LOOKUP_SECONDS - 0.1);
    const pomex_error *error = pomex_operation_error(op);
    assert_string_equal(error->type, "connection_error");
    assert_non_null(strstr(error->message, "slow.test"));
    assert_false(error->maybe_billed);
    pomex_operation_release(op);
    harness_stop(&h);
}

/* From libcurl 8.20 on lookups share the threads of the multi handle: here those of twenty
 * lookups that were given up still hang. */
TEST_CASE(lookups_that_were_given_up_hold_up_nothing)
{
    pomex_operation *given_up[20];
    harness h;
    begin(&h, &given_up[0], 0.3);
    for (int i = 1; i < 20; i++)
        given_up[i] = harness_call(&h, POMEX_EFFECT_BILLED);
    for (int i = 0; i < 20; i++) {
        harness_finish(&h, given_up[i]);
        assert_string_equal(pomex_operation_error(given_up[i])->type, "timeout_error");
        pomex_operation_release(given_up[i]);
    }
    atomic_store(&outage, false);
    pomex_call_options options;
    pomex_call_options_init(&options);
    options.timeout = 30;
    double start = harness_now();
    pomex_operation *op =
        pomex_client_call(h.client, POMEX_ASSET_GET, "asset-1", 7, NULL, &options);
    harness_finish(&h, op);
    is_quick(start);
    assert_string_equal(pomex_operation_error(op)->type, "connection_error");
    pomex_operation_release(op);
    harness_stop(&h);
    atomic_store(&outage, true);
}

int main(void)
{
    int failed = tests_run(NULL, NULL);
    sleep(LOOKUP_SECONDS); /* lookups that nobody waits for end before the process does */
    return failed;
}
