/* 8: a part is never saved as the whole. After a break at 10 of 20 bytes, or at once, servers and
 * gateways answer with the rest alone, with less than was asked for, or with ranges that they do
 * not describe: what is whole is saved, and nothing else. */
#include "cmocka_all.h"

#include "scene.h"

#include <stdio.h>
#include <string.h>

#define HEAD    "0123456789"
#define TAIL    "abcdefghij"
#define TYPE    "Content-Type: video/mp4\r\n"
#define WEAK    "ETag: W/\"v1\"\r\n" TYPE
#define OTHER   "ETag: \"v2\"\r\n" TYPE
#define CHUNKED "Transfer-Encoding: chunked\r\n\r\n"

static const fault_step whole = SCENE_WHOLE;

/* The first answer, which breaks off. */
static const fault_step broken = SCENE_CUT;

// clang-format off: its versions disagree
#define STATUS(number, lines, bytes)                                                           \
    {                                                                                          \
        .times = 1, .status = number, .headers = lines, .body = bytes                          \
    }
#define RAW(bytes)                                                                             \
    {                                                                                          \
        .times = 1, .kind = FAULT_RAW, .body = bytes                                           \
    }
// clang-format on

static const struct row {
    const char *name;
    fault_step steps[2];
    size_t requests; /* with the one that breaks off, and those without a range that follow */
} after_a_break[] = {
    {"206", {STATUS(206, SCENE_ETAG "Content-Range: bytes 10-19/20\r\n", TAIL)}, 2},
    {"200 with a Content-Range that goes on",
     {STATUS(200, SCENE_ETAG "Content-Range: bytes 10-19/20\r\n", TAIL)},
     2},
    {"two 206 that are shorter than asked",
     {STATUS(206, SCENE_ETAG "Content-Range: bytes 10-14/20\r\n", "abcde"),
      STATUS(206, SCENE_ETAG "Content-Range: bytes 15-19/20\r\n", "fghij")},
     3},
    {"206 with all",
     {STATUS(206, SCENE_ETAG "Content-Range: bytes 0-19/20\r\n", SCENE_VIDEO)},
     2},
    {"200 with all of another video", {STATUS(200, OTHER, SCENE_VIDEO)}, 2},
    {"200 with the rest", {STATUS(200, SCENE_ETAG, TAIL)}, 3},
    {"200 with the rest and no ETag", {STATUS(200, TYPE, TAIL)}, 3},
    {"200 with the rest and a weak ETag", {STATUS(200, WEAK, TAIL)}, 3},
    {"200 with less than the rest and a weak ETag", {STATUS(200, WEAK, "abcde")}, 3},
    {"200 with the rest and another ETag", {STATUS(200, OTHER, TAIL)}, 3},
    {"200 with the rest of no known length",
     {STATUS(200, OTHER "Content-Range: bytes 10-19/*\r\n", TAIL)},
     3},
    {"200 with the rest, counted wrongly",
     {STATUS(200, OTHER "Content-Range: bytes 10-20/20\r\n", TAIL)},
     3},
    {"200 with all, counted wrongly",
     {STATUS(200, OTHER "Content-Range: bytes 0-20/20\r\n", SCENE_VIDEO)},
     2},
    {"206 of no known length",
     {STATUS(206, SCENE_ETAG "Content-Range: bytes 10-19/*\r\n", TAIL)},
     2},
    {"206 of a shorter one with the same ETag",
     {STATUS(206, SCENE_ETAG "Content-Range: bytes 0-9/10\r\n", HEAD)},
     3},
    {"200 with the rest in chunks",
     {RAW("HTTP/1.1 200 OK\r\n" SCENE_ETAG CHUNKED "a\r\n" TAIL "\r\n0\r\n\r\n")},
     3},
    {"200 with the rest in chunks and no ETag",
     {RAW("HTTP/1.1 200 OK\r\n" TYPE CHUNKED "a\r\n" TAIL "\r\n0\r\n\r\n")},
     3},
    {"206 that does not say where", {STATUS(206, SCENE_ETAG, TAIL)}, 3},
    {"206 without an ETag", {STATUS(206, TYPE "Content-Range: bytes 10-19/20\r\n", TAIL)}, 3},
    {"206 of another video", {STATUS(206, OTHER "Content-Range: bytes 10-19/20\r\n", TAIL)}, 3},
    {"206 of a longer one",
     {STATUS(206, SCENE_ETAG "Content-Range: bytes 10-19/30\r\n", TAIL)},
     3},
    {"206 from elsewhere",
     {STATUS(206, SCENE_ETAG "Content-Range: bytes 5-19/20\r\n", "56789" TAIL)},
     3},
    {"206 whose length is not its range's",
     {STATUS(206, SCENE_ETAG "Content-Range: bytes 10-19/20\r\n", "abcde")},
     3},
    {"416", {STATUS(416, "Content-Range: bytes */20\r\n", "")}, 3},
};

/* By the client that was there at the break, or by one of another process. */
TEST_CASE(what_comes_after_a_break)
{
    fault_request r;
    for (size_t i = 0; i < 2 * sizeof after_a_break / sizeof *after_a_break; i++) {
        const struct row *row = &after_a_break[i / 2];
        fault_step steps[4] = {broken, row->steps[0], whole, whole};
        if (row->steps[1].times)
            steps[2] = row->steps[1];
        scene s;
        scene_prepare(&s, steps, 4, false);
        if (i % 2) {
            s.h.options.max_retries = 0;
            harness_client(&s.h);
            scene_is_error(&s, scene_download(&s, s.link), "connection_error", "");
            pomex_client_free(s.h.client);
        }
        harness_client(&s.h);
        print_message("  %s\n", row->name);
        scene_is_saved(&s, scene_download(&s, s.link));
        assert_int_equal(fault_server_count(s.h.server, NULL), row->requests);
        assert_true(fault_server_request(s.h.server, NULL, 1, &r));
        assert_non_null(strstr(r.headers, "Range: bytes=10-\r\n"));
        assert_true(fault_server_request(s.h.server, NULL, row->requests - 1, &r));
        bool range = row->requests == 2 || row->steps[1].times;
        assert_int_equal(strstr(r.headers, "Range: ") != NULL, range);
        scene_stop(&s);
    }
}

static const struct {
    const char *name;
    fault_step steps[2];
    size_t requests;
    const char *words; /* of the error; NULL: it is saved */
} at_first[] = {
    {"206 with all, unasked",
     {STATUS(206, TYPE "Content-Range: bytes 0-19/20\r\n", SCENE_VIDEO)},
     1,
     NULL},
    {"206 with the first half, unasked",
     {STATUS(206, SCENE_ETAG "Content-Range: bytes 0-9/20\r\n", HEAD),
      STATUS(206, SCENE_ETAG "Content-Range: bytes 10-19/20\r\n", TAIL)},
     2,
     NULL},
    {"200 with a slice from the start",
     {STATUS(200, SCENE_ETAG "Content-Range: bytes 0-9/20\r\n", HEAD),
      STATUS(206, SCENE_ETAG "Content-Range: bytes 10-19/20\r\n", TAIL)},
     2,
     NULL},
    {"200 with a slice from the middle, once",
     {STATUS(200, SCENE_ETAG "Content-Range: bytes 10-19/20\r\n", TAIL), SCENE_WHOLE},
     2,
     NULL},
    {"200 with a slice of no known length, once",
     {STATUS(200, SCENE_ETAG "Content-Range: bytes 10-19/*\r\n", TAIL), SCENE_WHOLE},
     2,
     NULL},
    {"200 with a slice in bytes of another case, once",
     {STATUS(200, SCENE_ETAG "Content-Range: Bytes 10-19/20\r\n", TAIL), SCENE_WHOLE},
     2,
     NULL},
    {"200 with a slice after an equals sign, once",
     {STATUS(200, SCENE_ETAG "Content-Range: bytes=10-19/20\r\n", TAIL), SCENE_WHOLE},
     2,
     NULL},
    {"200 with all, of no known length",
     {STATUS(200, SCENE_ETAG "Content-Range: bytes 0-19/*\r\n", SCENE_VIDEO)},
     1,
     NULL},
    {"200 with a slice from the middle, always",
     {{.headers = SCENE_ETAG "Content-Range: bytes 10-19/20\r\n", .body = TAIL}},
     2,
     "byte ranges"},
    {"200 with the rest alone, kept by a cache and given for all",
     {SCENE_CUT, {.headers = SCENE_ETAG, .body = TAIL}},
     3,
     "byte ranges"},
    {"206 without a range, always",
     {{.status = 206, .headers = SCENE_ETAG, .body = HEAD}},
     2,
     "byte ranges"},
};

TEST_CASE(what_comes_at_first)
{
    for (size_t i = 0; i < sizeof at_first / sizeof *at_first; i++) {
        scene s;
        scene_start(&s, at_first[i].steps, 2);
        print_message("  %s\n", at_first[i].name);
        if (at_first[i].words)
            scene_is_error(&s, scene_download(&s, s.link), "decode_error", at_first[i].words);
        else
            scene_is_saved(&s, scene_download(&s, s.link));
        assert_int_equal(fault_server_count(s.h.server, NULL), at_first[i].requests);
        scene_stop(&s);
    }
}
