/* Connections that hang hold up the others of their kind for one second, and not until they end;
 * and the limit is kept when they come to life. */
#include "cmocka_all.h"

#include "harness.h"

#include <stdio.h>
#include <string.h>

TEST_CASE(three_hung_sessions)
{
    static const fault_step good = {.body = "{\"h5_link\":\"https://h5.example/\"}"};
    char url[64];
    pomex_operation *hung[3];
    harness h;
    harness_start(&h, &good, 1, true);
    const fault_step way[] = {{.kind = FAULT_HANG, .times = 3},
                              {.kind = FAULT_TUNNEL, .port = fault_server_port(h.server)}};
    fault_server *proxy = fault_server_start(way, 2, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", fault_server_port(proxy));
    h.options.clock = NULL;
    h.options.proxy = url;
    h.options.rate_limits[POMEX_SESSION_CREATE] = 3;
    h.options.connect_timeout = h.options.request_timeout = 60;
    harness_client(&h);
    for (int i = 0; i < 3; i++)
        hung[i] = harness_call(&h, POMEX_EFFECT_SPARE);
    while (fault_server_count(proxy, NULL) < 3)
        harness_rest(&h, 0.005);
    double start = harness_now();
    pomex_operation *op = harness_call(&h, POMEX_EFFECT_SPARE);
    while (!pomex_operation_done(op) && harness_now() < start + 20)
        harness_rest(&h, 0.005);
    assert_true(pomex_operation_done(op));
    assert_null(pomex_operation_error(op));
    pomex_operation_release(op);
    for (int i = 0; i < 3; i++) {
        assert_false(pomex_operation_done(hung[i]));
        pomex_operation_cancel(hung[i]);
        pomex_operation_release(hung[i]);
    }
    fault_server_stop(proxy);
    harness_stop(&h);
}

static int64_t at(double seconds)
{
    return (int64_t)((1000 + seconds) * POMEX_SECOND);
}

/* One a second: `a` connects for long, and `b` is given its slot. */
TEST_CASE(a_slot_that_is_held_for_long)
{
    const double rates[POMEX_ENDPOINTS] = {[POMEX_SESSION_CREATE] = 1};
    const pomex_endpoint_id kind = POMEX_SESSION_CREATE;
    pomex_slot a, b, c;
    int64_t again;
    pomex_limiter *limiter = pomex_limiter_new(rates);
    assert_true(pomex_limiter_take(limiter, kind, at(0), &a, &again));
    assert_false(pomex_limiter_take(limiter, kind, at(0.5), &b, &again));
    assert_true(pomex_limiter_take(limiter, kind, at(1.1), &b, &again));
    assert_true(pomex_limiter_sent(limiter, &a, at(1.2))); /* nobody else has sent yet */
    assert_false(pomex_limiter_sent(limiter, &b, at(1.3)));
    pomex_limiter_give_back(limiter, &b); /* it has none, and gives back none of a's */
    assert_false(pomex_limiter_take(limiter, kind, at(1.4), &c, &again));
    assert_true(pomex_limiter_take(limiter, kind, at(2.5), &c, &again));
    assert_true(pomex_limiter_sent(limiter, &c, at(2.5)));
    pomex_limiter_free(limiter);
}
