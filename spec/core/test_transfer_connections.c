/* HTTP/1.1 alone, over TLS: how many connections there are, who waits for one that hangs, and
 * that a server which offers more is not taken at its word. The fault server takes h2 where it
 * is offered, and harness_stop fails the test for it. */
#include "cmocka_all.h"

#include "scene.h"

#include <string.h>

#define GETS    5000
#define AT_ONCE 64
#define CALLS   6

static const fault_step good = {
    .body = "{\"id\":\"asset-1\",\"object\":\"video.asset\",\"status\":\"active\"}"};

static void finish_well(harness *h, pomex_operation *op)
{
    harness_finish(h, op);
    const pomex_error *error = pomex_operation_error(op);
    if (error)
        fail_msg("%s: %s", error->type, error->message);
    pomex_operation_release(op);
}

/* A connection whose answer has been read is used again, and not taken for one in use. */
TEST_CASE(no_more_connections_than_calls_at_once)
{
    pomex_operation *ops[AT_ONCE];
    harness h;
    harness_start(&h, &good, 1, true);
    h.options.max_in_flight = AT_ONCE;
    harness_client(&h);
    for (size_t i = 0; i < AT_ONCE; i++)
        ops[i] = harness_call(&h, POMEX_EFFECT_NONE);
    for (size_t i = AT_ONCE; i < GETS; i++) {
        finish_well(&h, ops[i % AT_ONCE]);
        ops[i % AT_ONCE] = harness_call(&h, POMEX_EFFECT_NONE);
    }
    for (size_t i = 0; i < AT_ONCE; i++)
        finish_well(&h, ops[i]);
    assert_int_equal(fault_server_count(h.server, NULL), GETS);
    assert_in_range(fault_server_connections(h.server), 1, AT_ONCE);
    harness_stop(&h);
}

static size_t count_done(pomex_operation **ops, size_t count)
{
    size_t done = 0;
    for (size_t i = 0; i < count; i++)
        done += pomex_operation_done(ops[i]);
    return done;
}

/* The clock stands still, so that no handshake is ever given up: all calls but the one whose
 * connection hangs are done all the same. */
TEST_CASE(a_handshake_that_hangs_delays_no_other_call)
{
    const fault_step steps[] = {{.kind = FAULT_HANG_AT_ONCE, .times = 1}, good};
    pomex_operation *ops[CALLS];
    size_t hung = 0;
    harness h;
    harness_start(&h, steps, 2, true);
    harness_stop_clock(&h);
    harness_client(&h);
    ops[0] = harness_call(&h, POMEX_EFFECT_NONE);
    while (fault_server_connections(h.server) == 0)
        harness_rest(&h, 0.002);
    for (size_t i = 1; i < CALLS; i++)
        ops[i] = harness_call(&h, POMEX_EFFECT_NONE);
    harness_arrived(&h, NULL, CALLS - 1);
    for (double end = harness_now() + 20; count_done(ops, CALLS) < CALLS - 1;) {
        assert_true(harness_now() < end);
        harness_rest(&h, 0.002);
    }
    while (pomex_operation_done(ops[hung]))
        hung++;
    assert_true(inside_is_flying(ops[hung]));
    assert_int_equal(pomex_operation_attempts(ops[hung]), 1);
    pomex_operation_cancel(ops[hung]);
    for (size_t i = 0; i < CALLS; i++) {
        assert_int_equal(pomex_operation_error(ops[i]) != NULL, i == hung);
        pomex_operation_release(ops[i]);
    }
    harness_stop(&h);
}

/* A content network sends a video in chunks, and would speak h2. */
TEST_CASE(a_video_without_a_length_is_saved)
{
    static const fault_step step = {.match = "GET /v.mp4",
                                    .kind = FAULT_RAW,
                                    .body = "HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\n"
                                            "Transfer-Encoding: chunked\r\n\r\n"
                                            "a\r\n0123456789\r\na\r\nabcdefghij\r\n"
                                            "0\r\n\r\n"};
    fault_request r;
    scene s;
    scene_prepare(&s, &step, 1, true);
    harness_client(&s.h);
    scene_is_saved(&s, scene_download(&s, s.link));
    assert_true(fault_server_request(s.h.server, NULL, 0, &r));
    assert_string_equal(r.offered, "http/1.1");
    scene_stop(&s);
}

/* Every kind of call offers the one protocol, whatever the handle was used for before. */
TEST_CASE(nothing_offers_more)
{
    static const enum pomex_effect effects[] = {POMEX_EFFECT_NONE,  POMEX_EFFECT_SPARE,
                                                POMEX_EFFECT_ASSET, POMEX_EFFECT_BILLED,
                                                POMEX_EFFECT_NONE,  POMEX_EFFECT_BILLED};
    fault_request r;
    harness h;
    harness_start(&h, NULL, 0, true);
    harness_client(&h);
    for (size_t i = 0; i < sizeof effects / sizeof *effects; i++) {
        const fault_step step = {.body = harness_reply(effects[i]), .close = true};
        harness_script(&h, &step, 1);
        finish_well(&h, harness_call(&h, effects[i]));
        assert_true(fault_server_request(h.server, harness_line(effects[i]), 0, &r));
        assert_string_equal(r.offered, "http/1.1");
    }
    harness_stop(&h);
}
