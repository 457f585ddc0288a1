/* What takes time: silence, servers that go and come back, callers that stop or forget to step,
 * proxies on the way. What is told, against what the service did. */
#include "cmocka_all.h"

#include "service.h"

#include <stdio.h>
#include <string.h>

#define EFFECTS 4

static bool leaves_a_trace(enum pomex_effect effect)
{
    return effect == POMEX_EFFECT_ASSET || effect == POMEX_EFFECT_BILLED;
}

static const char *line_of(enum pomex_effect effect)
{
    return effect == POMEX_EFFECT_NONE ? "GET /v1/video/assets/" : harness_line(effect);
}

static size_t made(service *s, enum pomex_effect effect)
{
    char id[64];
    return service_made(s, effect, id);
}

/* Good, with the id of the one thing that the service made. */
static void is_good(service *s, pomex_operation *op, enum pomex_effect effect)
{
    char id[64];
    const char *given = service_reply_id(op);
    if (leaves_a_trace(effect)) {
        assert_int_equal(service_made(s, effect, id), 1);
        assert_string_equal(given, id);
    }
    pomex_operation_release(op);
}

static void is_error(service *s, pomex_operation *op, enum pomex_effect effect,
                     const char *type, const char *cause, size_t count)
{
    const pomex_error *error = pomex_operation_error(op);
    assert_non_null(error);
    assert_string_equal(error->type, type);
    if (cause)
        assert_string_equal(error->cause, cause);
    assert_int_equal(error->maybe_billed, cause && effect == POMEX_EFFECT_BILLED);
    assert_int_equal(made(s, effect), count);
    pomex_operation_release(op);
}

/* Steps until the service has done what was asked. */
static void await_made(service *s, enum pomex_effect effect)
{
    double end = harness_now() + 10;
    while (leaves_a_trace(effect) && made(s, effect) == 0 && harness_now() < end)
        harness_rest(&s->h, 0.002);
}

static void step_until_paused(service *s, const pomex_operation *op)
{
    double end = harness_now() + 10;
    while (!inside_is_paused(op) && harness_now() < end)
        harness_rest(&s->h, 0.002);
    assert_true(inside_is_paused(op));
}

TEST_CASE(silence)
{
    service s;
    service_start(&s, false);
    service_client(&s);
    for (int n = 0; n < 2 * EFFECTS; n++) {
        enum pomex_effect effect = (enum pomex_effect)(n % EFFECTS);
        bool done = n >= EFFECTS;
        const fault_step hang = {.kind = FAULT_HANG, .times = 1, .forward = done};
        service_network(&s, &hang, 1);
        pomex_operation *op = service_call(&s, effect);
        harness_arrived(&s.h, line_of(effect), 1);
        if (done)
            await_made(&s, effect);
        harness_advance(&s.h, effect == POMEX_EFFECT_BILLED ? 121 : 31);
        harness_finish(&s.h, op);
        /* An upload that was carried out is found; the others are as the table says. */
        if (effect == POMEX_EFFECT_BILLED || (effect == POMEX_EFFECT_ASSET && !done))
            is_error(&s, op, effect, "ambiguous_error", "timeout_error", done);
        else
            is_good(&s, op, effect);
    }
    service_stop(&s);
}

/* The answer lies in the socket while the deadline passes, and nobody looks. */
TEST_CASE(a_caller_that_forgets_to_step)
{
    service s;
    for (int tls = 0; tls < 2; tls++) {
        service_start(&s, tls);
        service_client(&s);
        for (int n = 0; n < EFFECTS; n++) {
            enum pomex_effect effect = (enum pomex_effect)n;
            service_network(&s, NULL, 0);
            pomex_operation *op = service_call(&s, effect);
            harness_arrived(&s.h, line_of(effect), 1);
            harness_answered(&s.h, line_of(effect), 1);
            harness_advance(&s.h, 5000);
            harness_finish(&s.h, op);
            assert_int_equal(pomex_operation_attempts(op), 1);
            is_good(&s, op, effect);
        }
        service_stop(&s);
    }
}

TEST_CASE(a_server_that_is_away)
{
    service s;
    service_start(&s, false);
    for (int n = 0; n < EFFECTS; n++) {
        enum pomex_effect effect = (enum pomex_effect)n;
        service_client(&s);
        fault_server_leave(s.h.server); /* for good */
        pomex_operation *op = service_call(&s, effect);
        harness_finish(&s.h, op);
        assert_int_equal(pomex_operation_attempts(op), 3);
        is_error(&s, op, effect, "connection_error", NULL, 0);
        op = service_call(&s, effect); /* and comes back */
        step_until_paused(&s, op);
        assert_true(fault_server_return(s.h.server));
        harness_finish(&s.h, op);
        assert_int_equal(pomex_operation_attempts(op), 2);
        is_good(&s, op, effect);
    }
    service_stop(&s);
}

/* … while it has the request, with what was asked done or not. */
TEST_CASE(a_server_that_goes)
{
    service s;
    service_start(&s, false);
    for (int n = 0; n < 2 * EFFECTS; n++) {
        enum pomex_effect effect = (enum pomex_effect)(n % EFFECTS);
        bool done = n >= EFFECTS;
        const fault_step hang = {.kind = FAULT_HANG, .times = 1, .forward = done};
        service_network(&s, &hang, 1);
        service_client(&s);
        pomex_operation *op = service_call(&s, effect);
        harness_arrived(&s.h, line_of(effect), 1);
        if (done)
            await_made(&s, effect);
        fault_server_leave(s.h.server);
        if (effect != POMEX_EFFECT_BILLED)
            step_until_paused(&s, op);
        assert_true(fault_server_return(s.h.server));
        harness_finish(&s.h, op);
        if (effect == POMEX_EFFECT_BILLED || (effect == POMEX_EFFECT_ASSET && !done))
            is_error(&s, op, effect, "ambiguous_error", "connection_error", done);
        else
            is_good(&s, op, effect);
    }
    service_stop(&s);
}

enum stop { CANCEL, CLOSE, COLLECT };

/* Ends the operation; what became of it is told once. Collected, the client is gone with all
 * that it held, and who still has the operation reads it there. */
static void stop(service *s, pomex_operation *op, enum stop how)
{
    unsigned news, told = 0;
    pomex_operation *next;
    if (how == COLLECT) {
        pomex_client_free(s->h.client);
        s->h.client = NULL;
        assert_true(pomex_operation_done(op));
        return;
    }
    if (how == CANCEL)
        pomex_operation_cancel(op);
    else
        pomex_client_close(s->h.client);
    while ((next = pomex_client_next(s->h.client, &news)))
        told += next == op && news & POMEX_NEWS_DONE;
    assert_true(pomex_operation_done(op));
    assert_int_equal(told, 1);
}

/* Cancelled, closed or collected while the service has the request, or while half of the answer
 * has been read. */
TEST_CASE(callers_that_stop)
{
    static const fault_step steps[] = {
        {.kind = FAULT_HANG, .times = 1},
        {.kind = FAULT_HANG, .times = 1, .forward = true},
        {.kind = FAULT_DRIP, .times = 1, .forward = true, .delay = 0.05},
    };
    service s;
    service_start(&s, false);
    for (size_t i = 0; i < 3 * 3 * EFFECTS; i++) {
        const fault_step *step = &steps[i / EFFECTS / 3];
        enum pomex_effect effect = (enum pomex_effect)(i % EFFECTS);
        service_network(&s, step, 1);
        service_client(&s);
        pomex_operation *op = service_call(&s, effect);
        harness_arrived(&s.h, line_of(effect), 1);
        if (step->forward)
            await_made(&s, effect);
        if (step->kind == FAULT_DRIP)
            harness_rest(&s.h, 0.07);
        assert_true(inside_is_flying(op));
        stop(&s, op, (enum stop)(i / EFFECTS % 3));
        if (leaves_a_trace(effect))
            is_error(&s, op, effect, "ambiguous_error", "cancelled_error", step->forward);
        else
            is_error(&s, op, effect, "cancelled_error", NULL, 0);
    }
    service_stop(&s);
}

/* The same before anything can have left: nothing is ambiguous. */
TEST_CASE(callers_that_stop_in_time)
{
    static const fault_step hang = {.kind = FAULT_HANG_AT_ONCE};
    service s;
    service_start(&s, true);
    for (size_t i = 0; i < 3 * EFFECTS; i++) {
        enum pomex_effect effect = (enum pomex_effect)(i % EFFECTS);
        service_network(&s, &hang, 1);
        service_client(&s);
        int before = fault_server_connections(s.h.server);
        pomex_operation *op = service_call(&s, effect);
        while (fault_server_connections(s.h.server) == before)
            harness_rest(&s.h, 0.002);
        assert_true(inside_is_flying(op));
        stop(&s, op, (enum stop)(i / EFFECTS));
        is_error(&s, op, effect, "cancelled_error", NULL, 0);
    }
    service_stop(&s);
}

/* A CONNECT is not the request, whatever libcurl counts as sent. */
TEST_CASE(proxies)
{
    static const fault_step ways[] = {
        {.status = 503, .headers = "Retry-After: 1\r\n"},
        {.status = 502, .body = "<html>"},
        {.kind = FAULT_HANG},
        {.kind = FAULT_CLOSE},
        {.kind = FAULT_RAW, .body = "HTTP/1.1 200 OK\r\n\r\n"}, /* to dead TLS */
    };
    char url[64];
    service s;
    service_start(&s, true);
    s.h.options.proxy = url;
    for (size_t i = 0; i < 2 * sizeof ways / sizeof *ways; i++) {
        for (int n = 0; n < EFFECTS; n++) {
            enum pomex_effect effect = (enum pomex_effect)n;
            fault_step way[] = {
                ways[i / 2],
                {.kind = FAULT_TUNNEL, .port = fault_server_port(s.h.server)},
            };
            bool once = i % 2, silent = way[0].kind == FAULT_HANG;
            way[0].times = once ? 1 : 0;
            /* Of what is tried again on a short time-out, some may take too long once more. */
            s.h.options.connect_timeout = !silent ? 10 : once ? 0.5 : 0.2;
            s.h.options.max_retries = silent && once ? 10 : 2;
            /* One each: a thread that comes late must not take the next one's step. */
            fault_server *proxy = fault_server_start(way, 2, NULL);
            snprintf(url, sizeof url, "http://127.0.0.1:%d", fault_server_port(proxy));
            service_client(&s);
            pomex_operation *op = service_call(&s, effect);
            harness_finish(&s.h, op);
            assert_in_range(pomex_operation_attempts(op), once ? 2 : 3,
                            s.h.options.max_retries + (once && !silent ? 0 : 1));
            if (once)
                is_good(&s, op, effect);
            else
                is_error(&s, op, effect, silent ? "timeout_error" : "connection_error", NULL,
                         0);
            pomex_client_free(s.h.client);
            s.h.client = NULL;
            fault_server_stop(proxy);
        }
    }
    service_stop(&s);
}
