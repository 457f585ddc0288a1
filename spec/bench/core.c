/* What the C core costs without Lua. Base URL and key from the environment.
 *   core waits N        bytes a wait at rest, and CPU seconds of 2 s of rest
 *   core pending N M    CPU µs a GET with M pending, N in all
 *   core step N         milliseconds of the worst step with N calls queued */
#include "measure.h"
#include "pomex.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char id[] = "asset-bench";

static const char *asset(void)
{
    const char *name = getenv("POMEX_BENCH_ASSET");
    return name ? name : id;
}

static size_t failed;

/* Takes the news of one step; how many operations were done. */
static size_t take(pomex_client *client)
{
    unsigned news;
    size_t done = 0;
    pomex_operation *op;
    while ((op = pomex_client_next(client, &news)))
        if (news & POMEX_NEWS_DONE) {
            failed += pomex_operation_error(op) != NULL;
            done++;
        }
    return done;
}

static void get(pomex_client *client, const pomex_call_options *options)
{
    pomex_operation_release(
        pomex_client_call(client, POMEX_ASSET_GET, asset(), strlen(asset()), NULL, options));
}

static void run_waits(pomex_client *client, const pomex_call_options *options, long count)
{
    pomex_client_step(client, 0);
    size_t before = mallinfo2().uordblks;
    for (long i = 0; i < count; i++)
        pomex_operation_release(
            pomex_client_wait(client, POMEX_ASSET_GET, asset(), strlen(asset()), options));
    double until = measure_now() + 60; /* each looks once, and then rests */
    while (measure_now() < until && pomex_client_timeout(client) < 5)
        if (pomex_client_step(client, 0.005) && pomex_client_poll(client, 1) < 0)
            break;
    double used = measure_cpu();
    pomex_client_poll(client, 2);
    printf("%.0f %.4f\n", (double)(mallinfo2().uordblks - before) / (double)count,
           measure_cpu() - used);
}

static void run_pending(pomex_client *client, const pomex_call_options *options, long count,
                        long pending)
{
    long started = 0, ended = 0;
    double used = measure_cpu();
    while (ended < count) {
        for (; started < count && started - ended < pending; started++)
            get(client, options);
        pomex_client_step(client, 0.005);
        size_t done = take(client);
        ended += (long)done;
        if (!done)
            pomex_client_poll(client, 1);
    }
    printf("%.2f\n", (measure_cpu() - used) * 1e6 / (double)count);
}

static void run_step(pomex_client *client, const pomex_call_options *options, long count)
{
    double worst = 0;
    size_t ended = 0;
    for (long i = 0; i < count; i++)
        get(client, options);
    while (ended < (size_t)count) {
        double begin = measure_now();
        pomex_client_step(client, 0.004);
        double took = measure_now() - begin;
        worst = took > worst ? took : worst;
        ended += take(client);
        pomex_client_poll(client, 1);
    }
    printf("%.2f\n", worst * 1e3);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    pomex_options options;
    pomex_call_options call;
    pomex_error *error;
    long count = atol(argv[2]);
    pomex_options_init(&options);
    pomex_call_options_init(&call);
    memset(options.rate_limits, 0, sizeof options.rate_limits);
    options.budget = 600;
    if (strcmp(argv[1], "waits") == 0)
        options.poll_asset = (pomex_schedule){300, 1, 300};
    pomex_client *client = pomex_client_new(&options, &error);
    if (!client) {
        fprintf(stderr, "%s\n", error->message);
        return 1;
    }
    if (strcmp(argv[1], "waits") == 0)
        run_waits(client, &call, count);
    else if (strcmp(argv[1], "pending") == 0)
        run_pending(client, &call, count, argc > 3 ? atol(argv[3]) : 64);
    else
        run_step(client, &call, count);
    pomex_client_free(client);
    return failed ? 1 : 0;
}
