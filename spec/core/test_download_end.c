/* How downloads end that could go on for ever, that were stopped, or of which the end is not
 * to be seen. */
#include "cmocka_all.h"

#include "scene.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SECRET "X-Sig=a%2Fb"
#define MB     (1024u * 1024u)

static const fault_step whole = SCENE_WHOLE;

/* Without a strong ETag nothing is resumed: each attempt comes as far as the one before, which
 * is no progress. */
TEST_CASE(a_server_that_always_cuts_is_given_up)
{
    static const char *const etags[] = {NULL, "ETag: W/\"v1\"\r\n"};
    for (size_t i = 0; i < 2; i++) {
        const fault_step steps[] = {{.times = 20,
                                     .kind = FAULT_TRUNCATE,
                                     .headers = etags[i],
                                     .size = MB,
                                     .cut = 100000},
                                    whole};
        scene s;
        scene_start(&s, steps, 2);
        scene_is_error(&s, scene_download(&s, s.link), "connection_error", "");
        assert_int_equal(fault_server_count(s.h.server, NULL), 3);
        scene_stop(&s);
    }
}

/* One that can be resumed, and comes further each time, is worth more attempts than that. */
TEST_CASE(progress_starts_the_count_anew)
{
    enum { PIECE = 100000, PIECES = 6 };
    fault_step steps[PIECES];
    char headers[PIECES][128];
    scene s;
    for (int i = 0; i < PIECES; i++) {
        snprintf(headers[i], sizeof headers[i],
                 "ETag: \"v1\"\r\nContent-Range: bytes %d-%d/%d\r\n", i * PIECE,
                 PIECE * PIECES - 1, PIECE * PIECES);
        steps[i] = (fault_step){.times = 1,
                                .kind = FAULT_TRUNCATE,
                                .status = i ? 206 : 200,
                                .headers = i ? headers[i] : "ETag: \"v1\"\r\n",
                                .size = (size_t)(PIECES - i) * PIECE,
                                .cut = PIECE};
    }
    scene_start(&s, steps, PIECES);
    pomex_operation *op = scene_download(&s, s.link);
    harness_finish(&s.h, op);
    assert_null(pomex_operation_error(op));
    assert_int_equal(fault_server_count(s.h.server, NULL), PIECES);
    pomex_operation_release(op);
    remove(s.path);
    scene_stop(&s);
}

/* Every redirect is an answer: it uses no retry up. */
TEST_CASE(redirects_are_no_attempts)
{
    static const fault_step steps[] = {
        {.times = 3, .status = 302, .headers = "Location: v.mp4\r\n"},
        {.times = 2, .kind = FAULT_CLOSE},
        SCENE_WHOLE};
    scene s;
    scene_start(&s, steps, 3);
    scene_is_saved(&s, scene_download(&s, s.link));
    assert_int_equal(fault_server_count(s.h.server, NULL), 6);
    scene_stop(&s);
}

/* Where the end of the bytes is the end of the connection, half of them look like all. */
TEST_CASE(what_a_close_alone_ends_is_not_taken)
{
    static const char *const answers[] = {
        "HTTP/1.0 200 OK\r\nContent-Type: video/mp4\r\n\r\n" SCENE_VIDEO,
        "HTTP/1.0 200 OK\r\nETag: \"v1\"\r\nConnection: close\r\n\r\n" SCENE_VIDEO,
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" SCENE_VIDEO,
        "HTTP/3.0 200 OK\r\nContent-Type: video/mp4\r\n\r\n" SCENE_VIDEO,
        "HTTP/3 200 \r\nContent-Type: video/mp4\r\n\r\n" SCENE_VIDEO,
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        const fault_step step = {.kind = FAULT_RAW, .body = answers[i]};
        scene s;
        scene_start(&s, &step, 1);
        pomex_operation *op = scene_download(&s, s.link);
        harness_finish(&s.h, op);
        assert_non_null(pomex_operation_error(op));
        if (i < 3) {
            assert_string_equal(pomex_operation_error(op)->type, "decode_error");
            assert_non_null(strstr(pomex_operation_error(op)->message, "how long"));
        }
        assert_false(scene_exists(s.path));
        pomex_operation_release(op);
        scene_stop(&s);
    }
}

static void tells_nothing(const char *text)
{
    if (text && (strstr(text, "Sig") || strstr(text, "Fb") || strstr(text, "echo")))
        fail_msg("%s", text);
}

/* A host's error page may echo the request, and so the signed link. */
TEST_CASE(what_a_link_host_says_is_not_shown)
{
    static const char envelope[] = "{\"error\":{\"message\":\"echo " SECRET "\","
                                   "\"type\":\"echo\",\"hint\":\"" SECRET "\"}}";
    static const fault_step rows[] = {
        {.status = 403, .body = "<Error>echo " SECRET "</Error>"},
        {.status = 404, .body = envelope},
        {.status = 418, .body = envelope},
        {.status = 500, .body = "echo " SECRET},
        {.status = 503, .body = envelope, .headers = "Retry-After: 500\r\n"},
        {.headers = "Content-Type: text/html\r\n", .body = "<p>echo " SECRET},
        {.headers = "Content-Type: application/json\r\n", .body = envelope},
        {.status = 302, .headers = "Location: ftp://echo/" SECRET "\r\n"},
        {.status = 302, .headers = "Location: http://echo:x/" SECRET "\r\n"},
        {.kind = FAULT_RAW, .body = "echo " SECRET "\r\n\r\n"},
        {.kind = FAULT_RAW, .body = "HTTP/1.1 echo " SECRET "\r\n\r\n"},
        {.kind = FAULT_RAW,
         .body = "HTTP/1.1 200 OK\r\nContent-Length: echo " SECRET "\r\n\r\n"},
        {.kind = FAULT_RAW,
         .body = "HTTP/1.1 200 OK\r\nTransfer-Encoding: echo " SECRET "\r\n\r\necho"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        scene s;
        scene_start(&s, NULL, 0);
        const fault_step steps[] = {{.match = "GET /v1", .body = s.task}, rows[i]};
        harness_script(&s.h, steps, 2);
        pomex_operation *op = scene_download(&s, i % 2 ? NULL : s.link);
        harness_finish(&s.h, op);
        const pomex_error *error = pomex_operation_error(op);
        assert_non_null(error);
        assert_string_not_equal(error->message, "");
        tells_nothing(error->message);
        tells_nothing(error->hint);
        tells_nothing(error->body);
        tells_nothing(error->object);
        tells_nothing(pomex_operation_body(op, NULL));
        pomex_operation_release(op);
        scene_stop(&s);
    }
}

/* Whoever holds a download that was cancelled does not hold its file. */
TEST_CASE(a_cancelled_download_holds_no_lock)
{
    for (int way = 0; way < 5; way++) {
        bool at_link = way < 3, queued = way == 0 || way == 3, flying = way == 2;
        scene s;
        scene_start(&s, NULL, 0);
        pomex_client_free(s.h.client);
        s.h.options.max_in_flight = s.h.options.max_downloads = 1;
        harness_client(&s.h);
        fault_step bad = {.times = 1, .status = 503, .headers = "Retry-After: 60\r\n"};
        if (queued || flying)
            bad = (fault_step){.times = 1, .kind = FAULT_HANG};
        const fault_step steps[] = {bad, whole};
        harness_script(&s.h, steps, 2);
        pomex_operation *other = NULL;
        char path[sizeof s.path];
        strcpy(path, s.path);
        if (queued) { /* something else is in its way */
            snprintf(s.path, sizeof s.path, "%s/other", s.folder);
            other =
                at_link ? harness_call(&s.h, POMEX_EFFECT_NONE) : scene_download(&s, s.link);
            strcpy(s.path, path);
        }
        pomex_operation *op = scene_download(&s, at_link ? NULL : s.link);
        harness_arrived(&s.h, NULL, 1);
        for (int i = 0; i < 1000 && !queued && !flying && !inside_is_paused(op); i++)
            harness_rest(&s.h, 0.005);
        assert_true(queued   ? inside_is_queued(op)
                    : flying ? inside_is_flying(op)
                             : inside_is_paused(op));
        assert_true(scene_exists(s.part));
        pomex_operation_cancel(op);
        assert_string_equal(pomex_operation_error(op)->type, "cancelled_error");
        assert_false(scene_exists(s.part));
        if (other) {
            pomex_operation_cancel(other);
            pomex_operation_release(other);
        }
        scene_is_saved(&s, scene_download(&s, s.link));
        pomex_operation_release(op);
        scene_stop(&s);
    }
}

/* Neither spoils what the other writes: the later is told, at once, and may come again. */
TEST_CASE(two_clients_at_one_path)
{
    static const fault_step steps[] = {
        SCENE_CUT,
        {.times = 1, .kind = FAULT_HANG},
        {.times = 1,
         .status = 206,
         .headers = SCENE_ETAG "Content-Range: bytes 10-19/20\r\n",
         .body = "abcdefghij"},
        SCENE_WHOLE};
    scene s;
    scene_start(&s, steps, 4);
    pomex_client *first = s.h.client;
    harness_client(&s.h);
    pomex_client *second = s.h.client;
    s.h.client = first;
    pomex_operation *op = scene_download(&s, s.link);
    harness_arrived(&s.h, "GET /v.mp4", 2);
    s.h.client = second;
    pomex_operation *late = scene_download(&s, s.link);
    assert_true(pomex_operation_done(late));
    assert_non_null(pomex_operation_error(late));
    assert_true(pomex_operation_error(late)->client);
    assert_non_null(strstr(pomex_operation_error(late)->message, s.path));
    scene_is_error(&s, late, "file_error", "is being downloaded");
    assert_int_equal(fault_server_count(s.h.server, NULL), 2);
    s.h.client = first;
    harness_advance(&s.h, 31);
    scene_is_saved(&s, op);
    assert_int_equal(fault_server_count(s.h.server, NULL), 3);
    s.h.client = second;
    unlink(s.path);
    scene_is_saved(&s, scene_download(&s, s.link));
    assert_int_equal(fault_server_count(s.h.server, NULL), 4);
    pomex_client_free(first);
    scene_stop(&s);
}
