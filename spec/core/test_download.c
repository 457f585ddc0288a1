/* Downloads: from the link to a whole file, over connections that break. */
#include "cmocka_all.h"

#include "scene.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const fault_step whole = SCENE_WHOLE;

TEST_CASE(the_key_goes_to_the_service_alone)
{
    fault_request r;
    scene s;
    scene_start(&s, NULL, 0);
    const fault_step steps[] = {{.match = "GET /v1/video/generations/cgt-1", .body = s.task},
                                whole};
    harness_script(&s.h, steps, 2);
    scene_is_saved(&s, scene_download(&s, NULL));
    assert_true(fault_server_request(s.h.server, "GET /v1", 0, &r));
    assert_non_null(strstr(r.headers, "Authorization: Bearer sk-test-key"));
    assert_true(fault_server_request(s.h.server, "GET /v.mp4", 0, &r));
    assert_string_equal(r.line, "GET /v.mp4?X-Sig=a%2Fb");
    assert_null(strstr(r.headers, "Authorization"));
    assert_null(strstr(r.headers, "sk-test-key"));
    assert_non_null(strstr(r.headers, "Accept-Encoding: identity\r\n"));
    assert_null(strstr(r.headers, "Range"));
    assert_true(s.h.news & POMEX_NEWS_PROGRESS);
    scene_stop(&s);
}

/* Each way to break off, and the answer that goes on from there. */
TEST_CASE(a_broken_download_goes_on)
{
    fault_request r;
    scene s;
    const fault_step steps[] = {SCENE_CUT, SCENE_REST};
    scene_start(&s, steps, 2);
    scene_is_saved(&s, scene_download(&s, s.link));
    assert_int_equal(fault_server_count(s.h.server, NULL), 2);
    assert_true(fault_server_request(s.h.server, NULL, 1, &r));
    assert_non_null(strstr(r.headers, "Range: bytes=10-\r\n"));
    assert_non_null(strstr(r.headers, "If-Range: \"v1\""));
    assert_null(strstr(r.headers, "sk-test-key"));
    scene_stop(&s);
}

/* Answers to a Range that are not the rest of the same file. */
TEST_CASE(what_does_not_fit_starts_anew)
{
    static const fault_step second[] = {
        {.headers = SCENE_ETAG, .body = SCENE_VIDEO},
        {.headers = "ETag: \"v2\"\r\n", .body = SCENE_VIDEO},
        {.status = 206,
         .headers = "ETag: \"v2\"\r\nContent-Range: bytes 10-19/20\r\n",
         .body = "XXXXXXXXXX"},
        {.status = 206,
         .headers = SCENE_ETAG "Content-Range: bytes 9-19/20\r\n",
         .body = "XXXXXXXXXXX"},
        {.status = 206,
         .headers = SCENE_ETAG "Content-Range: bytes 10-20/21\r\n",
         .body = "XXXXXXXXXXX"},
        {.status = 206, .headers = SCENE_ETAG, .body = "XXXXXXXXXX"},
        {.status = 416, .headers = "Content-Range: bytes */5\r\n"},
    };
    for (size_t i = 0; i < sizeof second / sizeof *second; i++) {
        fault_step steps[] = {SCENE_CUT, second[i], whole};
        steps[1].times = 1;
        scene s;
        scene_start(&s, steps, 3);
        scene_is_saved(&s, scene_download(&s, s.link));
        assert_int_equal(fault_server_count(s.h.server, NULL), i < 2 ? 2 : 3);
        scene_stop(&s);
    }
}

TEST_CASE(a_weak_etag_resumes_nothing)
{
    fault_request r;
    scene s;
    const fault_step steps[] = {{.times = 1,
                                 .kind = FAULT_TRUNCATE,
                                 .headers = "ETag: W/\"v1\"\r\n",
                                 .body = SCENE_VIDEO,
                                 .cut = 10},
                                whole};
    scene_start(&s, steps, 2);
    scene_is_saved(&s, scene_download(&s, s.link));
    assert_true(fault_server_request(s.h.server, NULL, 1, &r));
    assert_null(strstr(r.headers, "Range"));
    scene_stop(&s);
}

TEST_CASE(octets_in_chunks_are_a_video)
{
    static const fault_step step = {.kind = FAULT_RAW,
                                    .body = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
                                            "Content-Type: binary/octet-stream\r\n\r\n"
                                            "14\r\n" SCENE_VIDEO "\r\n0\r\n\r\n"};
    static const fault_step cut = {.kind = FAULT_RAW,
                                   .body =
                                       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                       "14\r\n" SCENE_VIDEO "\r\n"};
    scene s;
    scene_start(&s, &step, 1);
    scene_is_saved(&s, scene_download(&s, s.link));
    unlink(s.path);
    harness_script(&s.h, &cut, 1);
    scene_is_error(&s, scene_download(&s, s.link), "connection_error", "");
    scene_stop(&s);
}

/* As of a daemon, whose umask is 0: a video is of a person, and nobody else may write it. */
TEST_CASE(whatever_the_umask_others_cannot_write_it)
{
    static const struct {
        mode_t umask, mode;
    } cases[] = {{0, 0644}, {022, 0644}, {077, 0600}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scene s;
        struct stat at;
        scene_start(&s, &whole, 1);
        mode_t before = umask(cases[i].umask);
        scene_is_saved(&s, scene_download(&s, s.link));
        umask(before);
        assert_int_equal(stat(s.path, &at), 0);
        assert_int_equal(at.st_mode & 0777, cases[i].mode);
        scene_stop(&s);
    }
}

/* Fewer bytes than announced, every time. */
TEST_CASE(half_a_file_never_takes_the_name)
{
    static const fault_step step = {
        .kind = FAULT_TRUNCATE, .headers = SCENE_ETAG, .body = SCENE_VIDEO, .cut = 10};
    scene s;
    scene_start(&s, &step, 1);
    scene_is_error(&s, scene_download(&s, s.link), "connection_error", "");
    assert_true(scene_exists(s.part));
    assert_int_equal(fault_server_count(s.h.server, NULL), 3);
    scene_stop(&s);
}

/* A transfer that crawls is broken off, and goes on from where it was. */
TEST_CASE(a_halt_is_noticed)
{
    static const fault_step steps[] = {{.times = 1,
                                        .kind = FAULT_DRIP,
                                        .headers = SCENE_ETAG,
                                        .body = SCENE_VIDEO,
                                        .delay = 20},
                                       {.headers = SCENE_ETAG, .body = SCENE_VIDEO}};
    scene s;
    scene_start(&s, steps, 2);
    pomex_operation *op = scene_download(&s, s.link);
    harness_arrived(&s.h, NULL, 1);
    harness_rest(&s.h, 0.05);
    harness_advance(&s.h, 25);
    harness_rest(&s.h, 0.02);
    assert_int_equal(fault_server_count(s.h.server, NULL), 1);
    assert_true(inside_is_flying(op));
    harness_advance(&s.h, 6);
    scene_is_saved(&s, op);
    assert_int_equal(fault_server_count(s.h.server, NULL), 2);
    scene_stop(&s);
}

/* Nobody stepped for an hour: the first attempt has its whole time all the same. */
TEST_CASE(of_a_client_that_was_idle)
{
    scene s;
    scene_start(&s, NULL, 0);
    pomex_client_free(s.h.client);
    s.h.options.max_retries = 0;
    harness_client(&s.h);
    fault_step steps[] = {{.match = "GET /v1", .body = s.task, .delay = 0.05}, whole};
    steps[1].delay = 0.05; /* more than a step */
    harness_script(&s.h, steps, 2);
    for (int i = 0; i < 3; i++) {
        scene_is_saved(&s, scene_download(&s, i == 1 ? NULL : s.link));
        unlink(s.path);
        harness_advance(&s.h, 3600);
    }
    assert_int_equal(fault_server_count(s.h.server, NULL), 4);
    scene_stop(&s);
}

TEST_CASE(a_full_disk)
{
    struct rlimit old;
    scene s;
    const fault_step step = {.headers = SCENE_ETAG, .size = 100000};
    scene_start(&s, &step, 1);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    struct rlimit small = {50000, old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    pomex_operation *op = scene_download(&s, s.link);
    harness_finish(&s.h, op);
    setrlimit(RLIMIT_FSIZE, &old);
    scene_is_error(&s, op, "file_error", s.part);
    assert_int_equal(fault_server_count(s.h.server, NULL), 1);
    scene_stop(&s);
}

TEST_CASE(a_cancel_leaves_what_can_be_resumed)
{
    scene s;
    scene_start(&s, NULL, 0);
    const fault_step slow = {
        .kind = FAULT_DRIP, .headers = SCENE_ETAG, .size = 100000, .delay = 0.01};
    harness_script(&s.h, &slow, 1);
    int64_t done = 0, total = 0;
    pomex_operation *op = scene_download(&s, s.link);
    while (done < 5) {
        harness_rest(&s.h, 0.01);
        pomex_operation_progress(op, &done, &total);
    }
    pomex_operation_cancel(op);
    scene_is_error(&s, op, "cancelled_error", "");
    assert_true(scene_exists(s.part) && scene_exists(s.note));
    scene_stop(&s);
}
