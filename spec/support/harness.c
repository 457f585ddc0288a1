#include "harness.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 30.0

static int64_t clock_of_test(void *user, enum pomex_clock_kind kind)
{
    static const clockid_t ids[] = {
        [POMEX_CLOCK_MONOTONIC] = CLOCK_MONOTONIC,
        [POMEX_CLOCK_BOOTTIME] = CLOCK_BOOTTIME,
        [POMEX_CLOCK_WALL] = CLOCK_REALTIME,
    };
    const harness *h = user;
    struct timespec at;
    clock_gettime(ids[kind], &at);
    return (int64_t)at.tv_sec * POMEX_SECOND + at.tv_nsec + h->ahead;
}

static int64_t stopped_clock(void *user, enum pomex_clock_kind kind)
{
    const harness *h = user;
    return (kind == POMEX_CLOCK_WALL ? 1800000000 : 1000) * POMEX_SECOND + h->ahead;
}

void harness_stop_clock(harness *h)
{
    h->options.clock = stopped_clock;
}

double harness_now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

void harness_start(harness *h, const fault_step *steps, size_t count, bool tls)
{
    memset(h, 0, sizeof *h);
    if (tls) {
        strcpy(h->ca_file, "/tmp/pomex-ca-XXXXXX");
        int fd = mkstemp(h->ca_file);
        assert_true(fd >= 0);
        close(fd);
    }
    h->server = fault_server_start(steps, count, tls ? h->ca_file : NULL);
    assert_non_null(h->server);
    snprintf(h->base_url, sizeof h->base_url, "%s://127.0.0.1:%d", tls ? "https" : "http",
             fault_server_port(h->server));
    pomex_options_init(&h->options);
    h->options.api_key = "sk-test-key";
    h->options.base_url = h->base_url;
    h->options.proxy = "";
    h->options.ca_file = tls ? h->ca_file : NULL;
    h->options.clock = clock_of_test;
    h->options.clock_user = h;
    for (int i = 0; i < POMEX_ENDPOINTS; i++)
        h->options.rate_limits[i] = 0;
}

void harness_script(harness *h, const fault_step *steps, size_t count)
{
    fault_server_script(h->server, steps, count);
}

void harness_client(harness *h)
{
    pomex_error *error = NULL;
    h->client = pomex_client_new(&h->options, &error);
    if (!h->client)
        fail_msg("%s", error->message);
}

void harness_stop(harness *h)
{
    pomex_client_free(h->client);
    int lost_to_h2 = h->server ? fault_server_lost_to_h2(h->server) : 0;
    fault_server_stop(h->server);
    if (h->ca_file[0])
        unlink(h->ca_file);
    memset(h, 0, sizeof *h);
    assert_int_equal(lost_to_h2, 0);
}

void harness_advance(harness *h, double seconds)
{
    h->ahead += (int64_t)(seconds * 1e9);
}

/* News is taken at once, as hosts do: what is left untaken keeps the descriptor readable. */
static void step(harness *h)
{
    unsigned news;
    pomex_client_step(h->client, 0);
    while (pomex_client_next(h->client, &news))
        h->news |= news;
}

void harness_finish(harness *h, pomex_operation *op)
{
    double end = harness_now() + PATIENCE;
    assert_non_null(op);
    while (!pomex_operation_done(op)) {
        step(h);
        double until = pomex_client_timeout(h->client);
        if (inside_is_paused(op) && until > 0)
            harness_advance(h, until);
        else if (!pomex_operation_done(op))
            pomex_client_poll(h->client, 0.002);
        if (harness_now() > end)
            fail_msg("%s was not done in time: it %s", inside_endpoint(op)->name,
                     inside_is_queued(op)   ? "waits for its turn"
                     : inside_is_flying(op) ? "flies"
                                            : "sleeps");
    }
}

void harness_arrived(harness *h, const char *match, size_t count)
{
    double end = harness_now() + PATIENCE;
    while (fault_server_count(h->server, match) < count) {
        step(h);
        pomex_client_poll(h->client, 0.002);
        if (harness_now() > end)
            fail_msg("%zu requests and not %zu", fault_server_count(h->server, match), count);
    }
}

void harness_answered(harness *h, const char *match, size_t count)
{
    double end = harness_now() + PATIENCE;
    while (fault_server_answered(h->server, match) < count && harness_now() < end)
        usleep(1000);
    assert_true(fault_server_answered(h->server, match) >= count);
    usleep(1000); /* what was written is now with the other end of the loopback */
}

void harness_rest(harness *h, double seconds)
{
    double end = harness_now() + seconds;
    while (harness_now() < end) {
        step(h);
        pomex_client_poll(h->client, 0.002);
    }
}

_Noreturn void harness_leave(bool well)
{
    execl("/bin/sh", "sh", "-c", well ? "exit 7" : "exit 1", (char *)NULL);
    _exit(1);
}

static const struct {
    const char *line;
    const char *reply;
    const char *payload;
    pomex_endpoint_id endpoint;
} rows[] = {
    [POMEX_EFFECT_NONE] = {"GET /v1/video/assets/asset-1",
                           "{\"id\":\"asset-1\",\"object\":\"video.asset\","
                           "\"status\":\"active\"}",
                           NULL, POMEX_ASSET_GET},
    [POMEX_EFFECT_SPARE] = {"POST /v1/video/assets/sessions",
                            "{\"object\":\"video.asset_session\",\"status\":\"pending\","
                            "\"h5_link\":\"https://h5.example/?a=b\"}",
                            "{\"callback_url\":\"https://app.example/cb\"}",
                            POMEX_SESSION_CREATE},
    [POMEX_EFFECT_ASSET] = {"POST /v1/video/assets",
                            "{\"id\":\"asset-1\",\"object\":\"video.asset\","
                            "\"status\":\"processing\"}",
                            "{\"url\":\"https://cdn.example/a.jpg\",\"asset_type\":\"Image\","
                            "\"group_id\":\"group-1\",\"name\":\"front\"}",
                            POMEX_ASSET_CREATE},
    [POMEX_EFFECT_BILLED] = {"POST /v1/video/generations",
                             "{\"id\":\"cgt-1\",\"object\":\"video.generation.task\","
                             "\"status\":\"queued\"}",
                             "{\"model\":\"byteplus/seedance-2.0\",\"content\":["
                             "{\"type\":\"text\",\"text\":\"a wave\"}]}",
                             POMEX_GENERATION_CREATE},
};

const char *harness_line(enum pomex_effect effect)
{
    return rows[effect].line;
}

const char *harness_reply(enum pomex_effect effect)
{
    return rows[effect].reply;
}

pomex_operation *harness_call(harness *h, enum pomex_effect effect)
{
    pomex_call_options options;
    pomex_call_options_init(&options);
    bool get = effect == POMEX_EFFECT_NONE;
    json_t *payload = get ? NULL : json_loads(rows[effect].payload, 0, NULL);
    pomex_operation *op =
        pomex_client_call(h->client, rows[effect].endpoint, get ? "asset-1" : NULL,
                          get ? strlen("asset-1") : 0, payload, &options);
    json_decref(payload);
    assert_non_null(op);
    return op;
}
