/* Downloads that must not be: of what is no video, or where none may come from or go to. */
#include "cmocka_all.h"

#include "scene.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const fault_step whole = SCENE_WHOLE;

TEST_CASE(nothing_but_a_video_takes_the_name)
{
    static const struct {
        fault_step step;
        const char *words;
    } rows[] = {
        {{.headers = "Content-Type: text/html\r\n", .body = "<html>"}, "text"},
        {{.headers = "Content-Type: application/json\r\n", .body = "{}"}, "text"},
        {{.headers = "Content-Type: application/xml; charset=x\r\n", .body = "<E/>"}, "text"},
        {{.headers = "Content-Type: video/mp4\r\n", .body = ""}, "no bytes"},
        {{.kind = FAULT_RAW, .body = "HTTP/1.1 200 OK\r\n\r\n0123"}, "how long"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        scene s;
        scene_start(&s, &rows[i].step, 1);
        scene_is_error(&s, scene_download(&s, s.link), "decode_error", rows[i].words);
        assert_false(scene_exists(s.part));
        scene_stop(&s);
    }
}

TEST_CASE(a_refused_link_is_asked_for_anew_once)
{
    scene s;
    scene_start(&s, NULL, 0);
    for (int mended = 0; mended < 2; mended++) {
        const fault_step steps[] = {
            {.match = "GET /v1", .body = s.task},
            {.match = "GET /v.mp4", .times = mended, .status = 403, .body = "<Expired/>"},
            whole};
        harness_script(&s.h, steps, 3);
        if (mended)
            scene_is_saved(&s, scene_download(&s, s.link));
        else
            scene_is_error(&s, scene_download(&s, s.link), "api_error", "403");
        assert_int_equal(fault_server_count(s.h.server, "GET /v1"), 1);
        assert_int_equal(fault_server_count(s.h.server, "GET /v.mp4"), 2);
    }
    scene_stop(&s);
}

TEST_CASE(redirects_are_few_and_keep_their_scheme)
{
    fault_request r;
    char there[96];
    fault_server *other = fault_server_start(&whole, 1, NULL);
    snprintf(there, sizeof there, "Location: http://127.0.0.1:%d/v.mp4\r\n",
             fault_server_port(other));
    const struct {
        fault_step steps[2];
        const char *words;
    } rows[] = {
        {{{.times = 5, .status = 302, .headers = "Location: v.mp4\r\n"}, whole}, NULL},
        {{{.times = 1, .status = 307, .headers = there}, whole}, NULL},
        {{{.status = 302, .headers = "Location: v.mp4\r\n"}, whole}, "beyond the 5 redirects"},
        {{{.status = 302, .headers = "Location: https://127.0.0.1:1/v\r\n"}}, "another scheme"},
        {{{.status = 302, .headers = "Location: http://10.0.0.1/v\r\n"}}, "http and not https"},
        {{{.status = 302, .headers = "Location: file:///etc/passwd\r\n"}}, "is not"},
        {{{.status = 302}}, "redirect is not a URL"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        scene s;
        scene_start(&s, rows[i].steps, 2);
        if (rows[i].words)
            scene_is_error(&s, scene_download(&s, s.link), "connection_error", rows[i].words);
        else
            scene_is_saved(&s, scene_download(&s, s.link));
        if (i == 2)
            assert_int_equal(fault_server_count(s.h.server, NULL), 6);
        scene_stop(&s);
    }
    assert_int_equal(fault_server_count(other, NULL), 1);
    assert_true(fault_server_request(other, NULL, 0, &r));
    assert_null(strstr(r.headers, "Authorization"));
    fault_server_stop(other);
}

TEST_CASE(links_that_are_not_followed)
{
    static const char *const links[] = {"http://10.0.0.1/v.mp4", "ftp://127.0.0.1/v.mp4",
                                        "file:///etc/passwd", "v.mp4", ""};
    scene s;
    scene_start(&s, &whole, 1);
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        scene_is_error(&s, scene_download(&s, links[i]), "decode_error",
                       "the link of the video ");
    assert_int_equal(fault_server_connections(s.h.server), 0);
    scene_stop(&s);
}

TEST_CASE(a_task_without_a_video)
{
    static const struct {
        const char *body, *type, *words;
    } rows[] = {
        {"{\"status\":\"running\"}", "invalid_request_error", "running"},
        {"{\"status\":\"failed\"}", "generation_failed", "failed"},
        {"{\"status\":\"failed\",\"error\":{\"message\":\"a logo\"}}", "generation_failed",
         "ended as \"failed\": a logo"},
        {"{\"status\":\"succeeded\"}", "decode_error", "video_url"},
        {"<html>", "decode_error", "status"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const fault_step step = {.body = rows[i].body};
        scene s;
        scene_start(&s, &step, 1);
        scene_is_error(&s, scene_download(&s, NULL), rows[i].type, rows[i].words);
        assert_false(scene_exists(s.part));
        scene_stop(&s);
    }
}

TEST_CASE(an_unwritable_place_sends_nothing)
{
    scene s;
    scene_start(&s, &whole, 1);
    char folder[64];
    strcpy(folder, s.path);
    strcpy(s.path, "/nonexistent/out.mp4");
    scene_is_error(&s, scene_download(&s, s.link), "file_error",
                   "cannot write /nonexistent/out.mp4.part");
    strcpy(s.path, s.folder);
    pomex_operation *op = scene_download(&s, s.link);
    assert_non_null(strstr(pomex_operation_error(op)->message, "is a folder"));
    assert_true(pomex_operation_error(op)->client);
    pomex_operation_release(op);
    strcpy(s.path, folder);
    assert_int_equal(fault_server_connections(s.h.server), 0);
    scene_stop(&s);
}

/* Root may write everywhere: the test is nobody for as long as it takes. */
static void be(uid_t user)
{
    if (getuid() == 0)
        assert_int_equal(seteuid(user), 0);
}

TEST_CASE(a_read_only_folder)
{
    const uid_t nobody = 65534;
    static const fault_step steps[] = {SCENE_CUT, {.times = 1, .kind = FAULT_HANG}, SCENE_REST};
    scene s;
    scene_start(&s, steps, 3);
    if (getuid() == 0)
        assert_int_equal(chown(s.folder, nobody, (gid_t)-1), 0);
    be(nobody);
    assert_int_equal(chmod(s.folder, 0555), 0);
    scene_is_error(&s, scene_download(&s, s.link), "file_error", "Permission denied");
    assert_int_equal(fault_server_connections(s.h.server), 0);
    /* It became one while the bytes came: they stay for a later call. */
    assert_int_equal(chmod(s.folder, 0755), 0);
    pomex_operation *op = scene_download(&s, s.link);
    harness_arrived(&s.h, NULL, 2);
    assert_int_equal(chmod(s.folder, 0555), 0);
    harness_advance(&s.h, 31);
    scene_is_error(&s, op, "file_error", "Permission denied");
    assert_true(scene_exists(s.part) && scene_exists(s.note));
    assert_int_equal(chmod(s.folder, 0755), 0);
    static const fault_step rest = {
        .status = 206, .headers = SCENE_ETAG "Content-Range: bytes 19-19/20\r\n", .body = "j"};
    harness_script(&s.h, &rest, 1);
    scene_is_saved(&s, scene_download(&s, s.link));
    be(0);
    scene_stop(&s);
}

TEST_CASE(a_file_in_place_of_the_folder)
{
    char path[sizeof((scene *)0)->path];
    scene s;
    scene_start(&s, &whole, 1);
    strcpy(path, s.path);
    snprintf(s.path, sizeof s.path, "/proc/self/exe/out.mp4");
    scene_is_error(&s, scene_download(&s, s.link), "file_error", "Not a directory");
    strcpy(s.path, path);
    assert_int_equal(fault_server_connections(s.h.server), 0);
    scene_stop(&s);
}

/* Whoever may write into the folder lays links where our files will be. */
TEST_CASE(links_in_the_way_are_not_followed)
{
    char precious[64], draft[96], text[16] = "";
    const fault_step cut = {
        .kind = FAULT_TRUNCATE, .headers = SCENE_ETAG, .body = SCENE_VIDEO, .cut = 10};
    scene s;
    scene_start(&s, &cut, 1);
    snprintf(precious, sizeof precious, "%s/precious", s.folder);
    snprintf(draft, sizeof draft, "%s~", s.note);
    FILE *file = fopen(precious, "w");
    assert_non_null(file);
    fputs("precious", file);
    fclose(file);
    const char *const places[] = {s.part, s.path, s.note, draft};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(symlink(precious, places[i]), 0);
        pomex_operation *op = scene_download(&s, s.link);
        harness_finish(&s.h, op);
        assert_non_null(pomex_operation_error(op));
        assert_int_equal(strstr(pomex_operation_error(op)->message, "symbolic link") != NULL,
                         i < 2);
        pomex_operation_release(op);
        file = fopen(precious, "r");
        assert_non_null(file);
        assert_int_equal(fread(text, 1, sizeof text, file), 8);
        fclose(file);
        assert_memory_equal(text, "precious", 8);
        for (size_t k = 0; k < 4; k++)
            unlink(places[k]);
    }
    unlink(precious);
    scene_stop(&s);
}
