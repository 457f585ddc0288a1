/* What spoils a download while its bytes come as fast as they can, and what does not. */
#include "cmocka_all.h"

#include "scene.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* The disk is full for the very bytes that had to wait for their turn, which they do after half
 * a MiB: somewhere in this range, wherever libcurl's reads happen to end. No timer of libcurl's
 * helps: that of its two address families is over after 0.2 s. */
TEST_CASE(a_full_disk_is_noticed_at_once)
{
    static const fault_step step = {.headers = SCENE_ETAG, .size = 4 << 20, .delay = 0.3};
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t limit = 550000; limit < 630000; limit += 20000) {
        const struct rlimit full = {limit, before.rlim_max};
        scene s;
        scene_prepare(&s, &step, 1, false);
        s.h.options.connect_timeout = 1000;
        harness_client(&s.h);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
        pomex_operation *op = scene_download(&s, s.link);
        harness_finish(&s.h, op);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(pomex_operation_attempts(op), 1);
        scene_is_error(&s, op, "file_error", "File too large");
        scene_stop(&s);
    }
}

/* Its own time-out ends it, however fast it is, and says so. */
TEST_CASE(its_own_deadline_is_no_halt)
{
    static const fault_step step = {
        .kind = FAULT_DRIP, .headers = SCENE_ETAG, .size = 1 << 20, .delay = 0.001};
    pomex_call_options options;
    scene s;
    scene_start(&s, &step, 1);
    pomex_call_options_init(&options);
    options.timeout = 20;
    pomex_operation *op =
        pomex_client_download(s.h.client, "cgt-1", 5, s.link, s.path, &options);
    harness_arrived(&s.h, NULL, 1);
    while (!inside_has_received(op))
        harness_rest(&s.h, 0.002);
    harness_advance(&s.h, 21);
    harness_finish(&s.h, op);
    const pomex_error *error = pomex_operation_error(op);
    assert_null(error->hint);
    assert_true(error->retryable);
    assert_int_equal(error->attempts, 1);
    scene_is_error(&s, op, "timeout_error", "did not end in the time given");
    scene_stop(&s);
}

/* A host that says 429 does not speak for the hosts of other links. */
TEST_CASE(a_busy_host_holds_up_no_other)
{
    static const fault_step steps[] = {
        {.match = "GET /busy", .status = 429, .headers = "Retry-After: 100\r\n"}, SCENE_WHOLE};
    char link[96], path[80];
    pomex_call_options options;
    scene s;
    scene_start(&s, steps, 2);
    snprintf(link, sizeof link, "%s/busy", s.h.base_url);
    snprintf(path, sizeof path, "%s/busy.mp4", s.folder);
    pomex_call_options_init(&options);
    pomex_operation *busy = pomex_client_download(s.h.client, "cgt-2", 5, link, path, &options);
    harness_arrived(&s.h, "GET /busy", 1);
    while (!inside_is_paused(busy))
        harness_rest(&s.h, 0.002);
    scene_is_saved(&s, scene_download(&s, s.link));
    assert_true(inside_is_paused(busy));
    assert_int_equal(fault_server_count(s.h.server, "GET /busy"), 1);
    pomex_operation_cancel(busy);
    pomex_operation_release(busy);
    scene_stop(&s);
}

/* An error page under a 200, whatever its type drags along. */
TEST_CASE(a_page_of_a_long_type_is_no_video)
{
    static const fault_step step = {
        .headers =
            "ETag: \"v1\"\r\nContent-Type: text/html; charset=utf-8; profile=\""
            "https://a.profile.example/that/makes/it/longer/than/what/is/kept/of/it\"\r\n",
        .body = "<html>sorry</html>"};
    scene s;
    scene_start(&s, &step, 1);
    scene_is_error(&s, scene_download(&s, s.link), "decode_error", "text and not a video");
    scene_stop(&s);
}
