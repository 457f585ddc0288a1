/* A gateway that compresses without being asked: the answer counts all the same. Asked is for
 * `identity`. */
#include "cmocka_all.h"

#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define GZIP "Content-Encoding: gzip\r\n"

/* The server may still look at a body that the client has read: bodies are freed after it ended. */
static char *kept[16];
static size_t kept_count;

static void stop(harness *h)
{
    harness_stop(h);
    while (kept_count > 0)
        free(kept[--kept_count]);
}

/* The gzip of `length` bytes; *size of it. `stop` frees it. */
static char *compress_it(const char *text, size_t length, size_t *size)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY),
                     Z_OK);
    size_t room = deflateBound(&z, length);
    char *bytes = malloc(room);
    assert_non_null(bytes);
    z.next_in = (unsigned char *)(uintptr_t)text;
    z.avail_in = (unsigned)length;
    z.next_out = (unsigned char *)bytes;
    z.avail_out = (unsigned)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    *size = room - z.avail_out;
    deflateEnd(&z);
    assert_true(kept_count < sizeof kept / sizeof *kept);
    return kept[kept_count++] = bytes;
}

static pomex_operation *ask(harness *h, const fault_step *steps, size_t count,
                            enum pomex_effect effect)
{
    harness_script(h, steps, count);
    pomex_operation *op = harness_call(h, effect);
    harness_finish(h, op);
    return op;
}

static void is_good(pomex_operation *op, const char *body)
{
    const pomex_error *error = pomex_operation_error(op);
    if (error)
        fail_msg("%s: %s", error->type, error->message);
    assert_string_equal(pomex_operation_body(op, NULL), body);
    assert_int_equal(pomex_operation_status(op), 200);
    pomex_operation_release(op);
}

static void is_ambiguous(harness *h, pomex_operation *op, size_t at)
{
    if (!pomex_operation_error(op))
        fail_msg("byte %zu: %s", at, pomex_operation_body(op, NULL));
    const pomex_error *error = pomex_operation_error(op);
    assert_string_equal(error->type, "ambiguous_error");
    assert_true(error->maybe_billed);
    assert_int_equal(fault_server_count(h->server, "POST"), 1);
    pomex_operation_release(op);
}

TEST_CASE(a_whole_answer_counts)
{
    static const char *const labels[] = {GZIP, "content-encoding: x-gzip\r\n",
                                         "Content-Encoding:GZIP\r\nContent-Type: x/y\r\n"};
    static const enum pomex_effect effects[] = {POMEX_EFFECT_NONE, POMEX_EFFECT_SPARE,
                                                POMEX_EFFECT_ASSET, POMEX_EFFECT_BILLED};
    harness h;
    harness_start(&h, NULL, 0, false);
    harness_client(&h);
    for (size_t i = 0; i < sizeof effects / sizeof *effects; i++) {
        const char *good = harness_reply(effects[i]);
        size_t size;
        char *bytes = compress_it(good, strlen(good), &size);
        for (size_t k = 0; k < sizeof labels / sizeof *labels; k++) {
            const fault_step step = {.headers = labels[k], .body = bytes, .size = size};
            is_good(ask(&h, &step, 1, effects[i]), good);
        }
        /* Said to be, and plain. */
        const fault_step plain = {.headers = GZIP, .body = good};
        is_good(ask(&h, &plain, 1, effects[i]), good);
        /* Said to be plain. */
        const fault_step same = {.headers = "Content-Encoding: identity\r\n", .body = good};
        is_good(ask(&h, &same, 1, effects[i]), good);
        fault_request request;
        assert_true(fault_server_request(h.server, NULL, 0, &request));
        assert_non_null(strstr(request.headers, "Accept-Encoding: identity\r\n"));
        assert_null(strstr(request.headers, "gzip"));
    }
    stop(&h);
}

TEST_CASE(two_one_behind_the_other)
{
    const char *good = harness_reply(POMEX_EFFECT_BILLED);
    size_t half = strlen(good) / 2, first, second;
    char both[1024];
    char *a = compress_it(good, half, &first);
    char *b = compress_it(good + half, strlen(good) - half, &second);
    memcpy(both, a, first);
    memcpy(both + first, b, second);
    const fault_step step = {.headers = GZIP, .body = both, .size = first + second};
    harness h;
    harness_start(&h, NULL, 0, false);
    harness_client(&h);
    is_good(ask(&h, &step, 1, POMEX_EFFECT_BILLED), good);
    stop(&h);
}

TEST_CASE(a_create_that_is_cut_or_spoilt_is_ambiguous)
{
    const char *good = harness_reply(POMEX_EFFECT_BILLED);
    size_t size;
    char *bytes = compress_it(good, strlen(good), &size);
    harness h;
    harness_start(&h, NULL, 0, false);
    harness_client(&h);
    for (size_t cut = 1; cut < size; cut++) {
        const fault_step step = {.headers = GZIP, .body = bytes, .size = cut};
        is_ambiguous(&h, ask(&h, &step, 1, POMEX_EFFECT_BILLED), cut);
    }
    for (size_t at = 10; at < size; at++) {
        bytes[at] = (char)~bytes[at]; /* the checksum tells, if nothing else does */
        const fault_step step = {.headers = GZIP, .body = bytes, .size = size};
        is_ambiguous(&h, ask(&h, &step, 1, POMEX_EFFECT_BILLED), at);
        bytes[at] = (char)~bytes[at];
    }
    const fault_step other = {.headers = "Content-Encoding: br\r\n", .body = "\x0b\x02\x80"};
    is_ambiguous(&h, ask(&h, &other, 1, POMEX_EFFECT_BILLED), 0);
    stop(&h);
}

/* 8 MiB are counted when they are opened. */
TEST_CASE(a_bomb)
{
    const char *good = harness_reply(POMEX_EFFECT_BILLED);
    size_t size, length = 8u << 20;
    char *text = malloc(length + 1);
    assert_non_null(text);
    harness h;
    harness_start(&h, NULL, 0, false);
    harness_client(&h);
    for (size_t more = 0; more < 2; more++) {
        memset(text, ' ', length + 1);
        memcpy(text, good, strlen(good));
        char *bytes = compress_it(text, length + more, &size);
        const fault_step step = {.headers = GZIP, .body = bytes, .size = size};
        pomex_operation *op = ask(&h, &step, 1, POMEX_EFFECT_BILLED);
        if (more) {
            assert_non_null(pomex_operation_error(op));
            assert_non_null(strstr(pomex_operation_error(op)->message, "8 MiB"));
            is_ambiguous(&h, op, more);
        } else {
            assert_null(pomex_operation_error(op));
            pomex_operation_release(op);
        }
    }
    free(text);
    stop(&h);
}

TEST_CASE(errors_too)
{
    static const char envelope[] = "{\"error\":{\"message\":\"no such model\"}}";
    size_t size;
    char *bytes = compress_it(envelope, sizeof envelope - 1, &size);
    const fault_step refusal = {.status = 400, .headers = GZIP, .body = bytes, .size = size};
    const fault_step cut = {.status = 400, .headers = GZIP, .body = bytes, .size = size - 9};
    const fault_step busy = {.status = 503, .headers = GZIP, .body = bytes, .size = size};
    harness h;
    harness_start(&h, NULL, 0, false);
    harness_client(&h);
    pomex_operation *op = ask(&h, &refusal, 1, POMEX_EFFECT_BILLED);
    assert_string_equal(pomex_operation_error(op)->type, "invalid_request_error");
    assert_string_equal(pomex_operation_error(op)->message, "no such model");
    pomex_operation_release(op);
    op = ask(&h, &cut, 1, POMEX_EFFECT_BILLED); /* its status says enough */
    assert_string_equal(pomex_operation_error(op)->type, "invalid_request_error");
    assert_null(pomex_operation_error(op)->body);
    pomex_operation_release(op);
    op = ask(&h, &busy, 1, POMEX_EFFECT_BILLED); /* the envelope makes it a clear refusal */
    assert_string_equal(pomex_operation_error(op)->type, "unavailable_error");
    assert_int_equal(pomex_operation_error(op)->attempts, 3);
    pomex_operation_release(op);
    stop(&h);
}

TEST_CASE(a_get_that_is_spoilt_is_asked_again)
{
    const char *good = harness_reply(POMEX_EFFECT_NONE);
    size_t size;
    char *bytes = compress_it(good, strlen(good), &size);
    const fault_step steps[] = {
        {.times = 1, .headers = GZIP, .body = bytes, .size = size - 1},
        {.headers = GZIP, .body = bytes, .size = size},
    };
    pomex_call_options options;
    pomex_call_options_init(&options);
    harness h;
    harness_start(&h, NULL, 0, false);
    harness_client(&h);
    is_good(ask(&h, steps, 2, POMEX_EFFECT_NONE), good);
    harness_script(&h, steps, 2);
    pomex_operation *op = pomex_client_wait(h.client, POMEX_ASSET_GET, "asset-1", 7, &options);
    harness_finish(&h, op);
    is_good(op, good);
    assert_int_equal(fault_server_count(h.server, NULL), 2);
    stop(&h);
}
