/* 12: an operation ends within 0.1 s after its deadline while somebody steps, however little a
 * step may do and however many sockets are always ready; and what lies in its socket by then is
 * read before it is given up. */
#include "cmocka_all.h"

#include "harness.h"

#include <time.h>

#define BUSY   60
#define LATEST (POMEX_SECOND / 10)
#define GRACE  (POMEX_SECOND / 20) /* the loop's, in which it reads whatever comes first */

/* A clock that goes on by a fifth of a millisecond whenever it is read: what a step does within
 * its budget, and how long that takes, is a matter of counting. */
static int64_t ticking(void *user, enum pomex_clock_kind kind)
{
    harness *h = user;
    h->ahead += POMEX_SECOND / 5000;
    return (kind == POMEX_CLOCK_WALL ? 1800000000 : 1000) * POMEX_SECOND + h->ahead;
}

static int64_t recent(const harness *h)
{
    return inside_recent(h->client);
}

/* A step of the least budget, with bytes in every busy socket before it. */
static void small_step(harness *h)
{
    static const struct timespec between = {.tv_nsec = 2000000};
    unsigned news;
    nanosleep(&between, NULL);
    pomex_client_step(h->client, 1e-6);
    while (pomex_client_next(h->client, &news)) {
    }
}

static void open_client(harness *h, pomex_operation *busy[BUSY])
{
    h->options.clock = ticking;
    h->options.clock_user = h;
    h->options.request_timeout = h->options.budget = 1e6;
    harness_client(h);
    for (size_t i = 0; i < BUSY; i++)
        busy[i] = harness_call(h, POMEX_EFFECT_SPARE);
    harness_arrived(h, "POST", BUSY);
}

static void close_client(harness *h, pomex_operation *busy[BUSY])
{
    for (size_t i = 0; i < BUSY; i++) {
        assert_false(pomex_operation_done(busy[i]));
        pomex_operation_cancel(busy[i]);
        pomex_operation_release(busy[i]);
    }
    harness_stop(h);
}

static pomex_operation *get(harness *h, double timeout)
{
    pomex_call_options options;
    pomex_call_options_init(&options);
    options.timeout = timeout;
    return pomex_client_call(h->client, POMEX_ASSET_GET, "asset-1", 7, NULL, &options);
}

TEST_CASE(a_deadline_beside_sockets_that_are_always_ready)
{
    static const fault_step steps[] = {
        {.match = "POST", .kind = FAULT_DRIP, .size = 1u << 22, .delay = 0.001},
        {.kind = FAULT_HANG}};
    pomex_operation *busy[BUSY], *ops[3];
    pomex_call_options options;
    harness h;
    harness_start(&h, steps, 2, false);
    open_client(&h, busy);
    pomex_call_options_init(&options);
    options.timeout = 20;
    ops[0] = get(&h, 20);
    ops[1] = pomex_client_wait(h.client, POMEX_ASSET_GET, "asset-1", 7, &options);
    ops[2] = pomex_client_wait(h.client, POMEX_GENERATION_GET, "cgt-1", 5, &options);
    harness_arrived(&h, "GET", 3);
    /* Up to the deadline in steps that are not far apart, and then in the smallest. */
    while (recent(&h) < inside_deadline(ops[0]) - POMEX_SECOND / 20) {
        harness_advance(&h, 0.02);
        small_step(&h);
    }
    for (size_t i = 0; i < 3; i++)
        while (!pomex_operation_done(ops[i])) {
            int64_t late = recent(&h) - inside_deadline(ops[i]);
            if (late > LATEST)
                fail_msg("%zu is not done %.3f s after its deadline", i,
                         pomex_clock_seconds(late));
            small_step(&h);
        }
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(pomex_operation_error(ops[i])->type, "timeout_error");
        pomex_operation_release(ops[i]);
    }
    close_client(&h, busy);
}

/* The answer came before the host went on, and lies behind all the others. */
TEST_CASE(an_answer_that_lies_ready_is_read)
{
    static const fault_step steps[] = {
        {.match = "POST", .kind = FAULT_DRIP, .size = 1u << 22, .delay = 0.001},
        {.body = "{\"id\":\"asset-1\",\"status\":\"active\"}", .delay = 0.2}};
    pomex_operation *busy[BUSY], *op;
    harness h;
    harness_start(&h, steps, 2, false);
    open_client(&h, busy);
    for (size_t i = 0; i < 5; i++) {
        harness_script(&h, steps, 2);
        op = get(&h, 20);
        while (fault_server_count(h.server, "GET") < 1)
            small_step(&h);
        assert_false(pomex_operation_done(op));
        harness_answered(&h, "GET", 1);
        h.ahead += inside_deadline(op) - recent(&h) + GRACE;
        while (!pomex_operation_done(op))
            small_step(&h);
        assert_null(pomex_operation_error(op));
        pomex_operation_release(op);
    }
    close_client(&h, busy);
}
