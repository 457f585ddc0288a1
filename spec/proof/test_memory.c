/* Every allocation of the core's own fails in turn: each operation still ends, once, and what
 * the caller is told of a request that costs money is true. */
#include "cmocka_all.h"

#include "harness.h"
#include "starve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void drive(harness *h, pomex_operation *op)
{
    unsigned news, done = 0;
    for (int i = 0; i < 3000 && !done; i++) {
        pomex_client_step(h->client, 0);
        for (pomex_operation *next; (next = pomex_client_next(h->client, &news));)
            done += next == op && (news & POMEX_NEWS_DONE);
        double until = pomex_client_timeout(h->client);
        if (inside_is_paused(op) && until > 0)
            harness_advance(h, until);
        else if (!done)
            pomex_client_poll(h->client, 0.01);
    }
    starve_end();
    assert_int_equal(done, 1);
    assert_true(pomex_operation_done(op));
}

static const struct {
    pomex_endpoint_id endpoint;
    const char *payload;
} calls[] = {
    [POMEX_EFFECT_NONE] = {POMEX_ASSET_GET, "{}"},
    [POMEX_EFFECT_SPARE] = {POMEX_SESSION_CREATE,
                            "{\"callback_url\": \"https://app.example/cb\", \"lang\": \"en\"}"},
    [POMEX_EFFECT_ASSET] = {POMEX_ASSET_CREATE,
                            "{\"url\": \"https://cdn.example/a.jpg\", \"asset_type\": "
                            "\"Image\", \"group_id\": \"group-1\"}"},
    [POMEX_EFFECT_BILLED] = {POMEX_GENERATION_CREATE,
                             "{\"model\": \"byteplus/seedance-2.0\", \"content\": "
                             "[{\"type\": \"text\", \"text\": \"She waves.\"}]}"},
};

/* NULL where there is no memory even for the operation. */
static pomex_operation *start(harness *h, enum pomex_effect effect)
{
    pomex_call_options options;
    pomex_call_options_init(&options);
    json_t *payload = json_loads(calls[effect].payload, 0, NULL);
    assert_non_null(payload);
    pomex_operation *op =
        pomex_client_call(h->client, calls[effect].endpoint, "asset-1", 7, payload, &options);
    json_decref(payload);
    return op;
}

/* What was told against what was sent: at most once, and never a "not sent" that was. */
static void is_true(harness *h, const pomex_operation *op, enum pomex_effect effect)
{
    const pomex_error *error = pomex_operation_error(op);
    size_t sent = fault_server_count(h->server, harness_line(effect));
    if (!error) {
        assert_int_equal(sent, 1);
    } else if (effect == POMEX_EFFECT_BILLED || effect == POMEX_EFFECT_ASSET) {
        assert_true(sent <= 1);
        assert_int_equal(sent == 1, strcmp(error->type, "ambiguous_error") == 0);
        bool maybe = sent == 1 && effect == POMEX_EFFECT_BILLED;
        assert_int_equal(error->billed, maybe ? POMEX_BILLED_MAYBE : POMEX_BILLED_NO);
    }
}

/* Whether an allocation number `n` was there to fail. */
static bool run(enum pomex_effect effect, long n, bool from_then_on)
{
    harness h;
    pomex_error *error = NULL;
    fault_step good = {.body = harness_reply(effect)};
    harness_start(&h, &good, 1, false);
    h.options.events = true;
    starve_begin(n, from_then_on, STARVE_OWN);
    h.client = pomex_client_new(&h.options, &error);
    pomex_operation *op = h.client ? start(&h, effect) : NULL;
    if (op)
        drive(&h, op);
    bool failed = starve_end();
    if (!h.client)
        assert_string_equal(error->type, "memory_error");
    pomex_error_free(error);
    if (op) {
        is_true(&h, op, effect);
        if (!failed)
            assert_null(pomex_operation_error(op));
    } else {
        assert_true(failed);
        assert_int_equal(fault_server_count(h.server, NULL), 0);
    }
    pomex_operation_release(op);
    harness_stop(&h);
    assert_int_equal(starve_mappings(), 0);
    return failed;
}

static void all_fail_in_turn(enum pomex_effect effect)
{
    for (int from_then_on = 0; from_then_on < 2; from_then_on++) {
        long n = 1;
        while (run(effect, n, from_then_on))
            n++;
        assert_true(n > 10);
    }
}

TEST_CASE(of_a_get)
{
    all_fail_in_turn(POMEX_EFFECT_NONE);
}

TEST_CASE(of_a_session)
{
    all_fail_in_turn(POMEX_EFFECT_SPARE);
}

TEST_CASE(of_an_upload)
{
    all_fail_in_turn(POMEX_EFFECT_ASSET);
}

TEST_CASE(of_a_generation)
{
    all_fail_in_turn(POMEX_EFFECT_BILLED);
}

/* An attempt that could not be made takes nobody's turn. */
TEST_CASE(of_a_limited_start)
{
    const fault_step good = {.body = harness_reply(POMEX_EFFECT_NONE)};
    bool failed = true;
    int without_memory = 0;
    harness h;
    harness_start(&h, &good, 1, false);
    h.options.rate_limits[POMEX_ASSET_GET] = 1;
    harness_client(&h);
    for (long n = 1; failed; n++) {
        starve_begin(n, false, STARVE_OWN);
        pomex_operation *op = start(&h, POMEX_EFFECT_NONE);
        failed = starve_end();
        if (op && pomex_operation_attempts(op) == 0) {
            assert_string_equal(pomex_operation_error(op)->type, "memory_error");
            without_memory++;
            pomex_operation_release(op);
            op = start(&h, POMEX_EFFECT_NONE);
            assert_int_equal(pomex_operation_attempts(op), 1); /* at once */
        }
        if (op)
            harness_finish(&h, op);
        pomex_operation_release(op);
        harness_advance(&h, 2);
    }
    assert_true(without_memory > 0);
    harness_stop(&h);
}

TEST_CASE(of_a_key_in_a_file)
{
    char path[] = "/tmp/pomex-key-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "sk-test-key\n", 12), 12);
    close(fd);
    harness h;
    harness_start(&h, NULL, 0, false);
    h.options.api_key = NULL;
    h.options.api_key_file = path;
    long n = 0;
    while (!h.client) {
        pomex_error *error = NULL;
        starve_begin(++n, false, STARVE_OWN);
        h.client = pomex_client_new(&h.options, &error);
        assert_int_equal(starve_end(), !h.client);
        if (!h.client) {
            assert_string_equal(error->type, "memory_error");
            assert_int_equal(starve_mappings(), 0);
        }
        pomex_error_free(error);
    }
    assert_true(n > 3); /* the file's page, the key's, the limiter's */
    harness_stop(&h);
    unlink(path);
}

/* What there is no memory to say is still said. */
TEST_CASE(the_error_itself)
{
    harness h;
    harness_start(&h, NULL, 0, false);
    pomex_error *error = NULL;
    starve_begin(1, true, STARVE_OWN);
    assert_null(pomex_client_new(&h.options, &error));
    starve_end();
    assert_string_equal(error->type, "memory_error");
    assert_string_equal(error->message, "not enough memory");
    assert_true(error->retryable);
    pomex_error_free(error);
    harness_stop(&h);
}

/* Where memory runs out, a wait's error still says that the task is there. */
TEST_CASE(what_a_wait_says_of_the_money)
{
    static const fault_step step = {.body = "{\"id\":\"asset-1\",\"status\":\"failed\"}"};
    size_t errors = 0;
    for (long n = 1; n < 200; n++) {
        harness h;
        pomex_call_options options;
        harness_start(&h, &step, 1, false);
        harness_client(&h);
        pomex_call_options_init(&options);
        starve_begin(n, true, STARVE_OWN);
        pomex_operation *op =
            pomex_client_wait(h.client, POMEX_GENERATION_GET, "asset-1", 7, &options);
        for (int i = 0; op && i < 50 && !pomex_operation_done(op); i++) {
            pomex_client_step(h.client, 0);
            pomex_client_poll(h.client, 0.01);
        }
        bool struck = starve_end();
        if (op && !pomex_operation_done(op))
            harness_finish(&h, op);
        if (op) {
            const pomex_error *error = pomex_operation_error(op);
            bool memory = strcmp(error->type, "memory_error") == 0;
            assert_int_equal(error->billed, memory ? POMEX_BILLED_YES : POMEX_BILLED_MAYBE);
            assert_true(error->maybe_billed);
            errors += memory;
        }
        pomex_operation_release(op);
        harness_stop(&h);
        if (!struck)
            break;
    }
    assert_true(errors > 0);
}
