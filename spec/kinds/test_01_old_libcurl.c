/* The libcurl that a program has at run time may be older than the one that pomex was built with.
 * Such a one is refused by name; and a setting that libcurl does not take ends the attempt before
 * anything is sent. Runs itself again with old_libcurl.c preloaded. */
#include "cmocka_all.h"

#include "harness.h"
#include "itself.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Without it answers are as good, and come in other pieces. */
#define BUFFER_SIZE ((int)CURLOPT_BUFFERSIZE)

static unsigned *version;
static int *newest, *refused, *refused_multi;
static unsigned char *seen;
static const unsigned char *seen_multi;

TEST_CASE(one_that_is_too_old_is_refused)
{
    static const struct {
        unsigned number;
        const char *name; /* NULL: it is new enough */
    } rows[] = {{0x074f00, "7.79.0"},   {0x074a00, "7.74.0"}, {0x0757ff, "7.87.255"},
                {0x063fff, "6.63.255"}, {0x075800, NULL},     {0x075801, NULL},
                {0x080000, NULL},       {0x081400, NULL},     {0, NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pomex_options options;
        pomex_error *error = NULL;
        pomex_options_init(&options);
        options.api_key = "sk-test-key";
        *version = rows[i].number;
        pomex_client *client = pomex_client_new(&options, &error);
        assert_int_equal(client == NULL, rows[i].name != NULL);
        if (error) {
            assert_true(error->client);
            assert_non_null(strstr(error->message, rows[i].name));
            assert_non_null(strstr(error->message, "7.88"));
            assert_non_null(strstr(error->message, OLD_LIBCURL));
            assert_non_null(strstr(error->hint, LIBCURL_VERSION));
        }
        pomex_error_free(error);
        pomex_client_free(client);
    }
    *version = 0;
}

static void is_not_sent(const harness *h, pomex_operation *op, const char *what, int number)
{
    const pomex_error *error = pomex_operation_error(op);
    if (!error || fault_server_count(h->server, NULL))
        fail_msg("%s without option %d", what, number);
    assert_string_equal(error->type, "connection_error");
    assert_non_null(strstr(error->message, "libcurl"));
    assert_false(error->maybe_billed);
    pomex_operation_release(op);
}

/* Each setting in turn, of every kind of request. */
TEST_CASE(none_is_done_without)
{
    static const enum pomex_effect effects[] = {POMEX_EFFECT_BILLED, POMEX_EFFECT_ASSET,
                                                POMEX_EFFECT_NONE};
    for (size_t i = 0; i < sizeof effects / sizeof *effects; i++) {
        const fault_step good = {.body = harness_reply(effects[i])};
        harness h;
        harness_start(&h, &good, 1, true);
        int known = 0;
        memset(seen, 0, 10000);
        for (int number = 0; number < 10000; number++) {
            *refused = number; /* 0: none, to see which there are */
            if (number && (!seen[number] || number == BUFFER_SIZE))
                continue;
            fault_server_script(h.server, &good, 1);
            harness_client(&h);
            pomex_operation *op = harness_call(&h, effects[i]);
            harness_finish(&h, op);
            if (number) {
                known++;
                is_not_sent(&h, op, harness_line(effects[i]), number);
            } else {
                assert_null(pomex_operation_error(op));
                pomex_operation_release(op);
            }
            pomex_client_free(h.client);
            h.client = NULL;
        }
        *refused = 0;
        assert_true(known > 25);
        harness_stop(&h);
    }
}

/* It says that it is new enough, and is not. */
TEST_CASE(what_came_later)
{
    const fault_step good = {.body = harness_reply(POMEX_EFFECT_BILLED)};
    harness h;
    harness_start(&h, &good, 1, true);
    harness_client(&h);
    *newest = 310;
    pomex_operation *op = harness_call(&h, POMEX_EFFECT_BILLED);
    harness_finish(&h, op);
    is_not_sent(&h, op, "a generation", 311);
    *newest = 10000;
    harness_stop(&h);
}

/* CURLMOPT_RESOLVE_THREADS_MAX and CURLMOPT_QUICK_EXIT, which came with 8.20. */
static bool is_from_later(int number)
{
    return number == 20 || number == 21;
}

/* Those of all requests: no answer would be heard of. */
TEST_CASE(nor_of_the_loop)
{
    const fault_step good = {.body = harness_reply(POMEX_EFFECT_BILLED)};
    pomex_call_options options;
    pomex_call_options_init(&options);
    harness h;
    harness_start(&h, &good, 1, true);
    int known = 0;
    for (int number = 0; number < 1000; number++) {
        *refused_multi = number;
        if (!seen_multi[number] || is_from_later(number))
            continue;
        known++;
        harness_client(&h);
        assert_null(
            pomex_client_request(h.client, "POST", "/v1/own", NULL, NULL, NULL, &options));
        pomex_client_free(h.client);
        h.client = NULL;
    }
    assert_true(known >= 5);
    assert_int_equal(fault_server_count(h.server, NULL), 0);
    for (*refused_multi = 20; *refused_multi <= 21; ++*refused_multi) {
        harness_client(&h);
        pomex_operation *op = harness_call(&h, POMEX_EFFECT_BILLED);
        harness_finish(&h, op);
        assert_null(pomex_operation_error(op));
        pomex_operation_release(op);
        pomex_client_free(h.client);
        h.client = NULL;
    }
    *refused_multi = 0;
    harness_stop(&h);
}

/* Once more, with the old one before the real one. */
static int again(void)
{
    char list[1024];
    const char *before = getenv("LD_PRELOAD");
    if (getenv("OLD_LIBCURL_TRIED"))
        return 1;
    snprintf(list, sizeof list, "%s:%s:%s", SANITIZER, before ? before : "", OLD_LIBCURL);
    setenv("LD_PRELOAD", list, 1);
    setenv("OLD_LIBCURL_TRIED", "1", 1);
    itself_become((const char *const[]){NULL});
    return 1;
}

int main(void)
{
    version = dlsym(RTLD_DEFAULT, "old_libcurl_version");
    if (!version)
        return again();
    newest = dlsym(RTLD_DEFAULT, "old_libcurl_newest");
    refused = dlsym(RTLD_DEFAULT, "old_libcurl_refused");
    refused_multi = dlsym(RTLD_DEFAULT, "old_libcurl_refused_multi");
    seen = dlsym(RTLD_DEFAULT, "old_libcurl_seen");
    seen_multi = dlsym(RTLD_DEFAULT, "old_libcurl_seen_multi");
    return tests_run(NULL, NULL);
}
