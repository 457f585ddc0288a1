/* Connections that are ready whenever they are asked: they starve neither each other nor what
 * is silent. */
#include "cmocka_all.h"

#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define GOOD   "{\"id\":\"asset-1\",\"status\":\"active\"}"
#define VIDEOS 4

static void take_news(pomex_client *client)
{
    unsigned news;
    while (pomex_client_next(client, &news)) {
    }
}

/* Downloads of which more bytes come while one step is gone. */
typedef struct fleet {
    harness h;
    char folder[48], link[80];
    char paths[VIDEOS][64];
    pomex_operation *ops[VIDEOS];
} fleet;

static void launch(fleet *f)
{
    pomex_call_options options;
    pomex_call_options_init(&options);
    harness_client(&f->h);
    strcpy(f->folder, "/tmp/pomex-fleet-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->link, sizeof f->link, "%s/v.mp4", f->h.base_url);
    for (int i = 0; i < VIDEOS; i++) {
        snprintf(f->paths[i], sizeof f->paths[i], "%s/%d.mp4", f->folder, i);
        f->ops[i] =
            pomex_client_download(f->h.client, "cgt-1", 5, f->link, f->paths[i], &options);
    }
    harness_arrived(&f->h, "GET /v.mp4", VIDEOS);
}

static void land(fleet *f)
{
    for (int i = 0; i < VIDEOS; i++) {
        assert_false(pomex_operation_done(f->ops[i]));
        pomex_operation_cancel(f->ops[i]);
        pomex_operation_release(f->ops[i]);
    }
    harness_stop(&f->h);
    assert_int_equal(rmdir(f->folder), 0); /* parts that cannot be resumed are gone */
}

static int64_t saved(const fleet *f, int i)
{
    int64_t done, total;
    pomex_operation_progress(f->ops[i], &done, &total);
    return done;
}

/* Steps that never get through what is ready: each goes on where the last one stopped, and the
 * deadline of a silent connection rings all the same. */
TEST_CASE(a_small_budget_starves_nobody)
{
    static const struct timespec between = {.tv_nsec = 3000000};
    static const fault_step steps[] = {
        {.match = "GET /v.mp4", .kind = FAULT_DRIP, .size = 1u << 30, .delay = 0.001},
        {.match = "GET /v1", .kind = FAULT_HANG}};
    int64_t before[VIDEOS], least = INT64_MAX, most = 0;
    fleet f;
    harness_start(&f.h, steps, 2, false);
    f.h.options.clock = NULL;
    f.h.options.request_timeout = 0.5;
    f.h.options.max_retries = 0;
    launch(&f);
    double start = harness_now(), took = 0;
    pomex_operation *silent = harness_call(&f.h, POMEX_EFFECT_NONE);
    harness_arrived(&f.h, "GET /v1", 1);
    for (int i = 0; i < VIDEOS; i++)
        before[i] = saved(&f, i);
    while (!pomex_operation_done(silent) && took < 10) {
        pomex_client_step(f.h.client, 1e-6);
        take_news(f.h.client);
        nanosleep(&between, NULL);
        took = harness_now() - start;
    }
    assert_true(pomex_operation_done(silent));
    assert_string_equal(pomex_operation_error(silent)->type, "timeout_error");
    assert_true(took >= 0.5);
    for (int i = 0; i < VIDEOS; i++) {
        int64_t gained = saved(&f, i) - before[i];
        least = gained < least ? gained : least;
        most = gained > most ? gained : most;
    }
    if (most == 0 || least < most / 3)
        fail_msg("one advanced by %lld bytes, another by %lld", (long long)least,
                 (long long)most);
    pomex_operation_release(silent);
    land(&f);
}

/* A server that is quicker than we are: libcurl alone would read one connection for as long as
 * bytes are there, and no step would come to its end. */
static const fault_step quick[] = {{.match = "GET /v.mp4", .size = 1u << 30},
                                   {.match = "GET /v1", .body = GOOD}};

TEST_CASE(no_step_is_as_long_as_a_download)
{
    static const struct timespec between = {.tv_nsec = 5000000};
    int64_t before[VIDEOS], least = INT64_MAX, most = 0, longest = 0;
    fleet f;
    harness_start(&f.h, quick, 2, false);
    f.h.options.clock = NULL;
    launch(&f);
    for (int i = 0; i < VIDEOS; i++)
        before[i] = saved(&f, i);
    int64_t sum = 0, now = 0;
    for (int i = 0; i < 100; i++) {
        pomex_client_step(f.h.client, 1e-6);
        take_news(f.h.client);
        nanosleep(&between, NULL); /* whatever the kernel can hold lies ready */
        now = 0;
        for (int k = 0; k < VIDEOS; k++)
            now += saved(&f, k);
        if (i > 0 && now - sum > longest)
            longest = now - sum;
        sum = now;
    }
    for (int i = 0; i < VIDEOS; i++) {
        int64_t gained = saved(&f, i) - before[i];
        least = gained < least ? gained : least;
        most = gained > most ? gained : most;
    }
    assert_in_range(longest, 1, 4 << 20);
    if (least < most / 3)
        fail_msg("one advanced by %lld bytes, another by %lld", (long long)least,
                 (long long)most);
    double start = harness_now();
    pomex_operation *op = harness_call(&f.h, POMEX_EFFECT_NONE);
    while (!pomex_operation_done(op) && harness_now() - start < 10)
        pomex_client_step(f.h.client, 0);
    assert_true(pomex_operation_done(op));
    assert_null(pomex_operation_error(op));
    pomex_operation_release(op);
    land(&f);
}
