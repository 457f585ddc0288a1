/* Clients in threads of their own, which share libcurl's beginning and, here, a limiter as the
 * children of a fork do. ThreadSanitizer says more than the assertions: spec/run.sh, stage
 * tsan. */
#include "cmocka_all.h"

#include "harness.h"
#include "net/account.h"

#include <pthread.h>

#define THREADS 2
#define CALLS   100

typedef struct worker {
    harness h;
    pthread_t thread;
    int good;
} worker;

static pthread_barrier_t start;
static pomex_limiter *limiter;

static void *make_calls(void *user)
{
    worker *w = user;
    pomex_error *error = NULL;
    pthread_barrier_wait(&start);
    w->h.client = pomex_client_new(&w->h.options, &error);
    pomex_error_free(error);
    if (!w->h.client)
        return NULL;
    pomex_account_release(inside_swap_limiter(w->h.client, limiter));
    for (int i = 0; i < CALLS; i++) {
        pomex_operation *op = harness_call(&w->h, (enum pomex_effect)(i % 4));
        harness_finish(&w->h, op);
        w->good += !pomex_operation_error(op);
        pomex_operation_release(op);
    }
    inside_swap_limiter(w->h.client, NULL);
    pomex_client_free(w->h.client);
    return NULL;
}

TEST_CASE(each_has_a_client)
{
    static const double rates[POMEX_ENDPOINTS] = {
        [POMEX_SESSION_CREATE] = 10000, [POMEX_ASSET_GET] = 10000};
    fault_step steps[4];
    worker workers[THREADS];
    harness h;
    for (int i = 0; i < 4; i++) {
        const enum pomex_effect effects[] = {POMEX_EFFECT_SPARE, POMEX_EFFECT_ASSET,
                                             POMEX_EFFECT_BILLED, POMEX_EFFECT_NONE};
        steps[i] =
            (fault_step){.match = harness_line(effects[i]), .body = harness_reply(effects[i])};
    }
    harness_start(&h, steps, 4, false);
    limiter = pomex_limiter_new(rates);
    assert_non_null(limiter);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker){.h = h};
        workers[i].h.options.clock_user = &workers[i].h;
        assert_int_equal(pthread_create(&workers[i].thread, NULL, make_calls, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        assert_int_equal(workers[i].good, CALLS);
    }
    assert_int_equal(fault_server_count(h.server, NULL), THREADS * CALLS);
    pomex_limiter_free(limiter);
    harness_stop(&h);
}

int main(void)
{
    pthread_barrier_init(&start, NULL, THREADS);
    return tests_run(NULL, NULL);
}
