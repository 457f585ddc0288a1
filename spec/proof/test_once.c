/* What keeps a POST from being sent twice by libcurl itself: a fresh connection that no other
 * request joins, and a prereq callback that refuses its second call. Each is taken away here,
 * between the core and libcurl, to see what the other still holds, and that the faults bite
 * where none is left: every libcurl up to 8.23 repeats an unprotected POST. */
#include "cmocka_all.h"

#include "harness.h"

#include <curl/curl.h>
#include <stdbool.h>

/* curl_easy_setopt is a macro that would check types that are not known here. */
#undef curl_easy_setopt

static struct {
    bool fresh, prereq; /* what is left in place */
} kept;

static int let_pass(void *user, char *remote_ip, char *local_ip, int remote_port,
                    int local_port)
{
    (void)remote_ip;
    (void)local_ip;
    (void)remote_port;
    (void)local_port;
    inside_note_sent(user);
    return CURL_PREREQFUNC_OK;
}

CURLMcode __real_curl_multi_add_handle(CURLM *multi, CURL *easy);
CURLMcode __wrap_curl_multi_add_handle(CURLM *multi, CURL *easy);

CURLMcode __wrap_curl_multi_add_handle(CURLM *multi, CURL *easy)
{
    void *transfer = NULL;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
    if (inside_goes_out_once(transfer)) {
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
} faults[] = {
    {"a kept-alive connection closes", FAULT_CLOSE},
    {"a kept-alive connection is reset", FAULT_RESET},
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

/* How often the server saw the POST. */
static size_t sends(size_t fault, enum pomex_effect effect)
{
    harness h;
    harness_start(&h, NULL, 0, true);
    harness_client(&h);
    pomex_operation *post = strike(&h, faults[fault].kind, effect);
    assert_string_equal(pomex_operation_error(post)->type, "ambiguous_error");
    size_t count = fault_server_count(h.server, "POST");
    pomex_operation_release(post);
    harness_stop(&h);
    return count;
}

/* How often every fault makes libcurl send a POST, with what is kept. Unhindered it sends it
 * twice, or, from 8.14 on, up to six times. */
static void check(size_t least, size_t most)
{
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        for (int effect = POMEX_EFFECT_ASSET; effect <= POMEX_EFFECT_BILLED; effect++) {
            size_t count = sends(i, (enum pomex_effect)effect);
            print_message("  %s, %s: sent %zu times\n", faults[i].name,
                          harness_line((enum pomex_effect)effect), count);
            assert_true(count >= least && count <= most);
        }
    }
}

TEST_CASE(with_none_a_post_is_repeated)
{
    kept.fresh = kept.prereq = false;
    check(2, SIZE_MAX);
}

TEST_CASE(the_prereq_abort_alone_is_enough)
{
    kept.fresh = false;
    kept.prereq = true;
    check(1, 1);
}

TEST_CASE(a_fresh_connection_alone_is_enough)
{
    kept.fresh = true;
    kept.prereq = false;
    check(1, 1);
}

TEST_CASE(both_hold)
{
    kept.fresh = kept.prereq = true;
    check(1, 1);
}
