/* What keeps a POST from being sent twice by libcurl itself: HTTP/1.1 alone, a fresh connection
 * that no other request joins, and a prereq callback that refuses its second call. Each is
 * taken away here, between the core
 * and libcurl, to see what the others still hold, and that the faults bite where none is left.
 *
 * With the HTTP versions that libcurl 7.88 knows, a fresh HTTP/1.1 connection is enough, and
 * the callback is there for what it may do in another version: alone, it holds against all of
 * them. */
#include "cmocka_all.h"

#include "harness.h"

#include <stdbool.h>

/* curl_easy_setopt is a macro that would check types that are not known here. */
#undef curl_easy_setopt

static struct {
    bool pin, fresh, prereq; /* what is left in place */
} kept;

static int let_pass(void *user, char *remote_ip, char *local_ip, int remote_port,
                    int local_port)
{
    pomex_transfer *t = user;
    (void)remote_ip;
    (void)local_ip;
    (void)remote_port;
    (void)local_port;
    t->sent = true;
    return CURL_PREREQFUNC_OK;
}

CURLMcode __real_curl_multi_add_handle(CURLM *multi, CURL *easy);
CURLMcode __wrap_curl_multi_add_handle(CURLM *multi, CURL *easy);

CURLMcode __wrap_curl_multi_add_handle(CURLM *multi, CURL *easy)
{
    pomex_transfer *t = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&t);
    if (t->once) {
        if (!kept.pin) {
            curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
            curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_DEFAULT);
        }
        if (!kept.fresh) {
            curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 0L);
            curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 0L);
        }
        if (!kept.prereq)
            curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, let_pass);
    }
    return __real_curl_multi_add_handle(multi, easy);
}

static const struct {
    const char *name;
    enum fault_kind kind;
    bool http2;
    bool shared; /* strikes a GET that has joined the POST on its connection */
    bool bites;  /* makes libcurl repeat a POST that nothing protects */
} faults[] = {
    {"a kept-alive connection closes", FAULT_CLOSE, false, false, true},
    {"a kept-alive connection is reset", FAULT_RESET, false, false, true},
    {"REFUSED_STREAM", FAULT_REFUSE_STREAM, true, false, true},
    {"HTTP_1_1_REQUIRED", FAULT_HTTP_1_1, true, false, true},
    {"GOAWAY", FAULT_GO_AWAY, true, false, false},
    {"a reset under a GET that shares the connection", FAULT_RESET, true, true, false},
    {"GOAWAY to a GET that shares the connection", FAULT_GO_AWAY, true, true, false},
};

/* A POST that each time meets the fault, on a connection that another like it has warmed. */
static pomex_operation *strike(harness *h, enum fault_kind kind, enum pomex_effect effect)
{
    const fault_step good = {.body = harness_reply(effect)};
    const fault_step steps[] = {
        {.match = "POST", .kind = kind},
        {.match = "GET /v1/video/assets?", .body = "{\"items\":[]}"},
    };
    harness_script(h, &good, 1);
    pomex_operation *first = harness_call(h, effect);
    harness_finish(h, first);
    assert_null(pomex_operation_error(first));
    pomex_operation_release(first);
    harness_script(h, steps, 2);
    pomex_operation *post = harness_call(h, effect);
    harness_finish(h, post);
    assert_string_equal(pomex_operation_error(post)->cause, "connection_error");
    return post;
}

/* A POST that hangs while a GET comes, is struck, and ends well. */
static pomex_operation *strike_beside(harness *h, enum fault_kind kind,
                                      enum pomex_effect effect)
{
    const fault_step steps[] = {
        {.match = "POST", .kind = FAULT_HANG, .times = 1},
        {.match = "GET /v1/video/assets?", .body = "{\"items\":[]}"},
        {.match = "GET", .kind = kind, .times = 1},
        {.match = "GET", .body = harness_reply(POMEX_EFFECT_NONE)},
        {.match = "POST", .kind = FAULT_CLOSE},
    };
    harness_script(h, steps, 5);
    pomex_operation *post = harness_call(h, effect);
    harness_arrived(h, "POST", 1);
    pomex_operation *get = harness_call(h, POMEX_EFFECT_NONE);
    harness_finish(h, get);
    assert_null(pomex_operation_error(get));
    pomex_operation_release(get);
    harness_rest(h, 0.05); /* for a second POST, if there is to be one */
    pomex_operation_cancel(post);
    return post;
}

/* How often the server saw the POST. */
static size_t sends(size_t fault, enum pomex_effect effect)
{
    harness h;
    harness_start(&h, NULL, 0, true);
    if (faults[fault].http2)
        fault_server_speak_http2(h.server);
    harness_client(&h);
    pomex_operation *post = faults[fault].shared ? strike_beside(&h, faults[fault].kind, effect)
                                                 : strike(&h, faults[fault].kind, effect);
    assert_string_equal(pomex_operation_error(post)->type, "ambiguous_error");
    size_t count = fault_server_count(h.server, "POST");
    pomex_operation_release(post);
    harness_stop(&h);
    return count;
}

/* With what is kept: no fault makes a second send, or some do. */
static void check(bool holds)
{
    bool repeated = false;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        for (int effect = POMEX_EFFECT_ASSET; effect <= POMEX_EFFECT_BILLED; effect++) {
            size_t count = sends(i, (enum pomex_effect)effect);
            print_message("  %s, %s: sent %zu times\n", faults[i].name,
                          harness_line((enum pomex_effect)effect), count);
            if (holds)
                assert_int_equal(count, 1);
            if (!kept.prereq && !kept.fresh && !kept.pin && faults[i].bites)
                assert_true(count > 1);
            repeated |= count > 1;
        }
    }
    assert_int_equal(repeated, !holds);
}

static void with_none_a_post_is_repeated(void **state)
{
    (void)state;
    kept.pin = kept.fresh = kept.prereq = false;
    check(false);
}

static void the_prereq_abort_alone_is_enough(void **state)
{
    (void)state;
    kept.pin = kept.fresh = false;
    kept.prereq = true;
    check(true);
}

static void a_fresh_connection_of_http_1_is_enough(void **state)
{
    (void)state;
    kept.pin = kept.fresh = true;
    kept.prereq = false;
    check(true);
}

static void neither_of_those_two_is(void **state)
{
    (void)state;
    kept.prereq = false;
    kept.fresh = true;
    kept.pin = false;
    check(false);
    kept.fresh = false;
    kept.pin = true;
    check(false);
}

static void all_three_hold(void **state)
{
    (void)state;
    kept.pin = kept.fresh = kept.prereq = true;
    check(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_none_a_post_is_repeated),
        cmocka_unit_test(the_prereq_abort_alone_is_enough),
        cmocka_unit_test(a_fresh_connection_of_http_1_is_enough),
        cmocka_unit_test(neither_of_those_two_is),
        cmocka_unit_test(all_three_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
