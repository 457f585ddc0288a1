/* 10: videos that can be fetched are saved: where the content network does not have them yet, where
 * the target of a redirect has expired, and where links, lengths and ids are not as they usually
 * are. (What ranges bring is 8's.) */
#include "cmocka_all.h"

#include "scene.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINK "GET /v.mp4"
#define TYPE "Content-Type: video/mp4\r\n"

static const fault_step whole = SCENE_WHOLE;

/* So often is the link asked; `asked`: so often the service, for a new one. */
static void is_saved_after(const fault_step *steps, size_t count, size_t links, size_t asked)
{
    fault_step all[6];
    scene s;
    scene_start(&s, NULL, 0);
    memcpy(all, steps, count * sizeof *steps);
    all[count] = (fault_step){.match = "GET /v1", .body = s.task};
    harness_script(&s.h, all, count + 1);
    scene_is_saved(&s, scene_download(&s, s.link));
    assert_int_equal(fault_server_count(s.h.server, LINK), links);
    assert_int_equal(fault_server_count(s.h.server, "GET /v1"), asked);
    scene_stop(&s);
}

TEST_CASE(what_is_not_there_yet_is_looked_for)
{
    const fault_step rows[] = {
        {.match = LINK, .times = 6, .status = 404},
        {.match = LINK, .times = 6, .headers = TYPE, .body = ""},
        {.match = LINK, .times = 6, .status = 202, .headers = "Retry-After: 3\r\n"},
        {.match = LINK, .times = 6, .status = 204},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const fault_step steps[] = {rows[i], whole};
        is_saved_after(steps, 2, 7, i == 0);
    }
}

/* Seconds of the test's clock until the download ends, without a video. */
static double looked_for(const fault_step *step, double timeout, const char *type)
{
    pomex_call_options options;
    scene s;
    scene_start(&s, NULL, 0);
    const fault_step steps[] = {*step, {.match = "GET /v1", .body = s.task}};
    harness_script(&s.h, steps, 2);
    pomex_call_options_init(&options);
    options.timeout = timeout;
    pomex_operation *op =
        pomex_client_download(s.h.client, "cgt-1", 5, s.link, s.path, &options);
    int64_t before = s.h.ahead;
    scene_is_error(&s, op, type, "");
    double took = pomex_clock_seconds(s.h.ahead - before);
    scene_stop(&s);
    return took;
}

TEST_CASE(it_is_looked_for_as_long_as_is_usual)
{
    static const fault_step missing = {.match = LINK, .status = 404};
    static const fault_step empty = {.match = LINK, .headers = TYPE, .body = ""};
    static const fault_step refused = {.match = LINK, .status = 403};
    double took = looked_for(&missing, -1, "not_found_error");
    assert_true(took > 580 && took <= 601);
    took = looked_for(&empty, -1, "decode_error");
    assert_true(took > 580 && took <= 601);
    assert_true(looked_for(&empty, 30, "decode_error") <= 31);
    took = looked_for(&empty, 900, "decode_error");
    assert_true(took > 880 && took <= 901);
    assert_true(looked_for(&refused, -1, "api_error") < 60);
}

#define TO(target) "Location: " target "\r\n"

TEST_CASE(a_target_that_expires)
{
    static const fault_step at_first[] = {
        {.match = LINK, .times = 1, .status = 302, .headers = TO("/t1.mp4")},
        {.match = "GET /t1.mp4", .status = 403, .body = "<Expired/>"},
        {.match = LINK, .status = 302, .headers = TO("/t2.mp4")},
        {.match = "GET /t2.mp4", .headers = SCENE_ETAG, .body = SCENE_VIDEO}};
    static const fault_step midway[] = {
        {.match = LINK, .times = 1, .status = 302, .headers = TO("/t1.mp4")},
        {.match = "GET /t1.mp4",
         .times = 1,
         .kind = FAULT_TRUNCATE,
         .headers = SCENE_ETAG,
         .body = SCENE_VIDEO,
         .cut = 10},
        {.match = LINK, .status = 302, .headers = TO("/t2.mp4")},
        {.match = "GET /t2.mp4",
         .status = 206,
         .headers = SCENE_ETAG "Content-Range: bytes 10-19/20\r\n",
         .body = "abcdefghij"}};
    is_saved_after(at_first, 4, 2, 0);
    is_saved_after(midway, 4, 2, 0);
}

TEST_CASE(lengths_that_stand_twice)
{
    static const fault_step rows[] = {
        {.match = LINK,
         .kind = FAULT_RAW,
         .body = "HTTP/1.1 200 OK\r\n" TYPE "Content-Length: 20, 20\r\n\r\n" SCENE_VIDEO},
        {.match = LINK,
         .kind = FAULT_RAW,
         .body = "HTTP/1.1 200 OK\r\n" TYPE
                 "Content-Length: 20\r\nContent-Length: 20\r\n\r\n" SCENE_VIDEO},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        is_saved_after(&rows[i], 1, 1, 0);
}

TEST_CASE(a_location_of_six_kilobytes)
{
    char header[6300];
    size_t used = (size_t)snprintf(header, sizeof header, "Location: /long.mp4?sig=");
    memset(header + used, 'a', 6000);
    strcpy(header + used + 6000, "\r\n");
    const fault_step steps[] = {
        {.match = LINK, .status = 302, .headers = header},
        {.match = "GET /long.mp4?sig=aaaa", .headers = SCENE_ETAG, .body = SCENE_VIDEO}};
    is_saved_after(steps, 2, 1, 0);
}

/* Spaces, and letters beyond ASCII: as a browser would ask for them. */
TEST_CASE(links_that_need_escapes)
{
    static const struct {
        const char *path, *line, *newer; /* libcurl 8.15 and later write escapes in capitals */
    } rows[] = {{"/my video.mp4", "GET /my%20video.mp4", NULL},
                {"/v.mp4?name=my video", "GET /v.mp4?name=my+video", NULL},
                {"/b\xc3\xbc.mp4", "GET /b%c3%bc.mp4", "GET /b%C3%BC.mp4"},
                {"/a%20b%2Fc.mp4", "GET /a%20b%2Fc.mp4", NULL},
                {"/a/../b.mp4", "GET /a/../b.mp4", NULL}};
    static const fault_step good = {.headers = SCENE_ETAG, .body = SCENE_VIDEO};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        scene s;
        char link[160];
        scene_start(&s, &good, 1);
        snprintf(link, sizeof link, "%s%s", s.h.base_url, rows[i].path);
        scene_is_saved(&s, scene_download(&s, link));
        size_t newer = rows[i].newer ? fault_server_count(s.h.server, rows[i].newer) : 0;
        assert_int_equal(fault_server_count(s.h.server, rows[i].line) + newer, 1);
        scene_stop(&s);
    }
}

/* The proxy is told the name as it is looked up, in every locale. */
TEST_CASE(a_host_beyond_ascii)
{
    static const char *const locales[] = {"C", "C.UTF-8", ""};
    static const fault_step refuse = {.status = 403};
    for (size_t i = 0; i < sizeof locales / sizeof *locales; i++) {
        char url[64];
        fault_request r;
        scene s;
        fault_server *proxy = fault_server_start(&refuse, 1, NULL);
        snprintf(url, sizeof url, "http://127.0.0.1:%d", fault_server_port(proxy));
        setlocale(LC_ALL, locales[i]);
        scene_prepare(&s, NULL, 0, false);
        s.h.options.proxy = url;
        harness_client(&s.h);
        scene_is_error(&s,
                       scene_download(&s, "https://b\xc3\xbc"
                                          "cher.example/v.mp4"),
                       "connection_error", "");
        assert_true(fault_server_request(proxy, NULL, 0, &r));
        assert_string_equal(r.line, "CONNECT xn--bcher-kva.example:443");
        fault_server_stop(proxy);
        scene_stop(&s);
        setlocale(LC_ALL, "C");
    }
}

/* An id is whatever the service gave: it reaches the service again, escaped. */
TEST_CASE(ids_with_slashes)
{
    static const char id[] = "cgt/a%b c";
    static const char line[] = "GET /v1/video/generations/cgt%2Fa%25b%20c";
    pomex_call_options options;
    scene s;
    scene_start(&s, NULL, 0);
    const fault_step steps[] = {{.match = line, .body = s.task}, whole};
    harness_script(&s.h, steps, 2);
    pomex_call_options_init(&options);
    pomex_operation *ops[] = {
        pomex_client_call(s.h.client, POMEX_GENERATION_GET, id, strlen(id), NULL, &options),
        pomex_client_wait(s.h.client, POMEX_GENERATION_GET, id, strlen(id), &options)};
    for (size_t i = 0; i < 2; i++) {
        harness_finish(&s.h, ops[i]);
        assert_null(pomex_operation_error(ops[i]));
        pomex_operation_release(ops[i]);
    }
    options.progress = true;
    scene_is_saved(&s,
                   pomex_client_download(s.h.client, id, strlen(id), NULL, s.path, &options));
    assert_int_equal(fault_server_count(s.h.server, line), 3);
    scene_stop(&s);
}
