/* 9: bytes that are no video are not saved, and videos are, whatever the headers call them: the
 * first bytes decide for a file, and against it only where they are known to be something else. */
#include "cmocka_all.h"

#include "scene.h"

#include <stdio.h>
#include <string.h>

#define MP4                                                                                    \
    "\0\0\0\x18"                                                                               \
    "ftypmp42"                                                                                 \
    "0123456789"
#define WEBM                                                                                   \
    "\x1a\x45\xdf\xa3"                                                                         \
    "0123456789abcdef"
#define GZIP                                                                                   \
    "\x1f\x8b\x08"                                                                             \
    "0123456789abcdefg"
#define TYPE(type)        "Content-Type: " type "\r\n"
#define ENCODED(encoding) TYPE("video/mp4") "Content-Encoding: " encoding "\r\n"

static const struct row {
    const char *headers, *body;
    size_t size;
    const char *looks_like; /* NULL: it is not saved, and the error has these words */
    const char *words;
} rows[] = {
    {TYPE("video/mp4"), MP4, sizeof MP4 - 1, "mp4", NULL},
    {TYPE("text/plain"), MP4, sizeof MP4 - 1, "mp4", NULL},
    {TYPE("application/json"), MP4, sizeof MP4 - 1, "mp4", NULL},
    {TYPE("text/html"), WEBM, sizeof WEBM - 1, "webm", NULL},
    {ENCODED("gzip"), MP4, sizeof MP4 - 1, "mp4", NULL},
    {ENCODED("br"), MP4, sizeof MP4 - 1, "mp4", NULL},
    {TYPE("video/mp4"), SCENE_VIDEO, 20, "unknown", NULL},
    {TYPE("text/html"), SCENE_VIDEO, 20, "unknown", NULL},
    {ENCODED("gzip"), SCENE_VIDEO, 20, "unknown", NULL},
    {TYPE("video/mp4"), "<", 1, NULL, "text"},
    {TYPE("video/mp4"), "x", 1, "unknown", NULL},
    {TYPE("video/mp4"), "[\x01\x02\x03 0123456789abcdef", 20, "unknown", NULL},
    {TYPE("video/mp4"), GZIP, sizeof GZIP - 1, NULL, "compressed"},
    {ENCODED("gzip"), GZIP, sizeof GZIP - 1, NULL, "compressed"},
    {ENCODED("br"), SCENE_VIDEO, 20, NULL, "compressed"},
    {ENCODED("zstd"), "\x28\xb5\x2f\xfd 0123456789abcdef", 20, NULL, "compressed"},
    {TYPE("video/mp4"), "<?xml version=\"1.0\"?><Error/>", 29, NULL, "text"},
    {TYPE("video/mp4"), "{\"error\":{\"message\":\"x\"}}", 25, NULL, "text"},
    {TYPE("video/mp4"), "\r\n  [\"an error\"]", 16, NULL, "text"},
    {TYPE("video/mp4"), "\xef\xbb\xbf<html>an error page</html>", 29, NULL, "text"},
};

TEST_CASE(the_first_bytes_decide)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        /* At once, or byte by byte. */
        for (int dripped = 0; dripped < 2; dripped++) {
            const fault_step step = {.kind = dripped ? FAULT_DRIP : FAULT_ANSWER,
                                     .delay = dripped ? 0.0005 : 0,
                                     .headers = row->headers,
                                     .body = row->body,
                                     .size = row->size};
            char bytes[64] = "";
            scene s;
            scene_start(&s, &step, 1);
            pomex_operation *op = scene_download(&s, s.link);
            if (!row->looks_like) {
                scene_is_error(&s, op, "decode_error", row->words);
                assert_false(scene_exists(s.part));
                scene_stop(&s);
                continue;
            }
            harness_finish(&s.h, op);
            if (pomex_operation_error(op))
                fail_msg("row %zu: %s", i, pomex_operation_error(op)->message);
            assert_string_equal(pomex_operation_looks_like(op), row->looks_like);
            FILE *file = fopen(s.path, "r");
            assert_non_null(file);
            assert_int_equal(fread(bytes, 1, sizeof bytes, file), row->size);
            fclose(file);
            assert_memory_equal(bytes, row->body, row->size);
            pomex_operation_release(op);
            scene_stop(&s);
        }
    }
}

/* What the part holds is not lost to an error page that comes in the place of the rest. */
TEST_CASE(an_error_page_leaves_the_part)
{
    static const fault_step steps[] = {
        SCENE_CUT,
        {.times = 1, .headers = TYPE("video/mp4"), .body = "<html>wait a little</html>"},
        SCENE_REST};
    fault_request r;
    scene s;
    scene_start(&s, steps, 3);
    scene_is_error(&s, scene_download(&s, s.link), "decode_error", "text");
    assert_true(scene_exists(s.part));
    scene_is_saved(&s, scene_download(&s, s.link));
    assert_true(fault_server_request(s.h.server, NULL, 2, &r));
    assert_non_null(strstr(r.headers, "Range: bytes=10-\r\n"));
    scene_stop(&s);
}
