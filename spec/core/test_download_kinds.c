/* Downloads of other files than a task's video: its last frame, and an asset's own file. */
#include "cmocka_all.h"

#include "scene.h"

#include "file/sniff.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define JPEG                                                                                   \
    "\xff\xd8\xff\xe0"                                                                         \
    "0123456789abcdef"
#define MP4                                                                                    \
    "\x01\x01\x01\x20"                                                                         \
    "ftypisom56789abc"

static const enum pomex_what whats[] = {POMEX_WHAT_LAST_FRAME, POMEX_WHAT_ASSET};
#define WHATS (sizeof whats / sizeof *whats)

typedef struct kind {
    scene s;
    char answer[256]; /* the service's, with the link */
    enum pomex_what what;
} kind;

static void begin(kind *k, enum pomex_what what)
{
    k->what = what;
    scene_start(&k->s, NULL, 0);
    if (what == POMEX_WHAT_ASSET)
        snprintf(k->answer, sizeof k->answer,
                 "{\"id\":\"asset-1\",\"status\":\"active\",\"url\":\"%s\"}", k->s.link);
    else
        snprintf(k->answer, sizeof k->answer,
                 "{\"id\":\"cgt-1\",\"status\":\"succeeded\",\"content\":{\"video_url\":"
                 "\"http://127.0.0.1:1/\",\"last_frame_url\":\"%s\"}}",
                 k->s.link);
}

static const char *get_of(const kind *k)
{
    return k->what == POMEX_WHAT_ASSET ? "GET /v1/video/assets/asset-1"
                                       : "GET /v1/video/generations/cgt-1";
}

static pomex_operation *save(kind *k, const char *link)
{
    pomex_call_options options;
    pomex_call_options_init(&options);
    options.what = k->what;
    bool asset = k->what == POMEX_WHAT_ASSET;
    return pomex_client_download(k->s.h.client, asset ? "asset-1" : "cgt-1", asset ? 7 : 5,
                                 link, k->s.path, &options);
}

static void expect_saved(kind *k, pomex_operation *op, const char *bytes, const char *like)
{
    char found[64] = "";
    harness_finish(&k->s.h, op);
    const pomex_error *error = pomex_operation_error(op);
    if (error)
        fail_msg("%s: %s", error->type, error->message);
    FILE *file = fopen(k->s.path, "r");
    assert_non_null(file);
    fread(found, 1, sizeof found - 1, file);
    fclose(file);
    assert_string_equal(found, bytes);
    assert_string_equal(pomex_operation_looks_like(op), like);
    assert_false(scene_exists(k->s.part));
    assert_false(scene_exists(k->s.note));
    pomex_operation_release(op);
    unlink(k->s.path);
}

TEST_CASE(each_is_found_in_its_own_answer_and_the_key_goes_to_the_service_alone)
{
    fault_request r;
    kind k;
    for (size_t i = 0; i < WHATS; i++) {
        begin(&k, whats[i]);
        const fault_step steps[] = {{.match = get_of(&k), .body = k.answer},
                                    {.match = "GET /v.mp4", .body = JPEG}};
        harness_script(&k.s.h, steps, 2);
        expect_saved(&k, save(&k, NULL), JPEG, "jpeg");
        assert_int_equal(fault_server_count(k.s.h.server, NULL), 2);
        assert_true(fault_server_request(k.s.h.server, "GET /v1", 0, &r));
        assert_non_null(strstr(r.headers, "Authorization: Bearer sk-test-key"));
        assert_true(fault_server_request(k.s.h.server, "GET /v.mp4", 0, &r));
        assert_null(strstr(r.headers, "sk-test-key"));
        scene_stop(&k.s);
    }
}

TEST_CASE(a_broken_one_goes_on_and_is_whole)
{
    static const fault_step steps[] = {
        {.times = 1, .kind = FAULT_TRUNCATE, .headers = SCENE_ETAG, .body = JPEG, .cut = 8},
        {.status = 206,
         .headers = SCENE_ETAG "Content-Range: bytes 8-19/20\r\n",
         .body = "456789abcdef"}};
    fault_request r;
    kind k;
    for (size_t i = 0; i < WHATS; i++) {
        begin(&k, whats[i]);
        harness_script(&k.s.h, steps, 2);
        expect_saved(&k, save(&k, k.s.link), JPEG, "jpeg");
        assert_true(fault_server_request(k.s.h.server, NULL, 1, &r));
        assert_non_null(strstr(r.headers, "Range: bytes=8-\r\n"));
        scene_stop(&k.s);
    }
}

/* One half of the video lies there: the same path, the same task, and other bytes. */
TEST_CASE(the_part_of_a_video_is_no_beginning_of_its_last_frame)
{
    static const fault_step cut = {
        .kind = FAULT_TRUNCATE, .headers = SCENE_ETAG, .body = MP4, .cut = 8};
    static const fault_step whole = {.headers = SCENE_ETAG, .body = JPEG};
    pomex_call_options options;
    fault_request r;
    kind k;
    begin(&k, POMEX_WHAT_LAST_FRAME);
    harness_script(&k.s.h, &cut, 1);
    pomex_call_options_init(&options);
    options.max_retries = 0;
    pomex_operation *op =
        pomex_client_download(k.s.h.client, "cgt-1", 5, k.s.link, k.s.path, &options);
    scene_is_error(&k.s, op, "connection_error", "");
    assert_true(scene_exists(k.s.part));
    harness_script(&k.s.h, &whole, 1);
    expect_saved(&k, save(&k, k.s.link), JPEG, "jpeg");
    assert_true(fault_server_request(k.s.h.server, NULL, 0, &r));
    assert_null(strstr(r.headers, "Range"));
    scene_stop(&k.s);
}

TEST_CASE(what_is_something_else_is_refused_and_says_so)
{
    static const struct {
        enum pomex_what what;
        const char *body, *headers, *words;
    } rows[] = {
        {POMEX_WHAT_LAST_FRAME, "<html>Expired</html>", NULL, "text and not a picture"},
        {POMEX_WHAT_LAST_FRAME, "{\"error\":\"expired\"}", "Content-Type: image/png\r\n",
         "text and not a picture"},
        {POMEX_WHAT_ASSET, "<?xml version=\"1.0\"?>", NULL, "text and not an asset's file"},
        {POMEX_WHAT_ASSET, " \n[]", NULL, "text and not an asset's file"},
        {POMEX_WHAT_LAST_FRAME, MP4, NULL, "gave mp4 and not a picture"},
        {POMEX_WHAT_VIDEO, JPEG, NULL, "gave jpeg and not a video"},
        {POMEX_WHAT_ASSET,
         "\x1f\x8b"
         "0123456789abcdef",
         NULL, "compressed bytes"},
        {POMEX_WHAT_LAST_FRAME, "", NULL, "no bytes"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        kind k;
        begin(&k, rows[i].what);
        const fault_step step = {.headers = rows[i].headers, .body = rows[i].body};
        harness_script(&k.s.h, &step, 1);
        scene_is_error(&k.s, save(&k, k.s.link), "decode_error", rows[i].words);
        assert_false(scene_exists(k.s.part));
        scene_stop(&k.s);
    }
}

/* A link that is refused leads back to the answer that it came from. */
TEST_CASE(a_stale_link_is_asked_for_anew)
{
    kind k;
    for (size_t i = 0; i < WHATS; i++) {
        begin(&k, whats[i]);
        const fault_step steps[] = {{.match = get_of(&k), .body = k.answer},
                                    {.match = "GET /v.mp4", .times = 1, .status = 403},
                                    {.match = "GET /v.mp4", .body = JPEG}};
        harness_script(&k.s.h, steps, 3);
        expect_saved(&k, save(&k, k.s.link), JPEG, "jpeg");
        assert_int_equal(fault_server_count(k.s.h.server, get_of(&k)), 1);
        scene_stop(&k.s);
    }
}

TEST_CASE(without_a_link_the_error_says_how_to_go_on)
{
    static const struct {
        enum pomex_what what;
        const char *answer, *type, *words, *hint;
        pomex_billed billed;
    } rows[] = {
        {POMEX_WHAT_LAST_FRAME,
         "{\"status\":\"succeeded\",\"content\":{\"video_url\":\"https://a.example/\"}}",
         "decode_error", "no content.last_frame_url", "return_last_frame", POMEX_BILLED_YES},
        {POMEX_WHAT_LAST_FRAME, "{\"status\":\"running\"}", "invalid_request_error",
         "task cgt-1 is \"running\"", "wait for the task first", POMEX_BILLED_YES},
        {POMEX_WHAT_ASSET, "{\"status\":\"processing\"}", "invalid_request_error",
         "asset asset-1 is \"processing\"", "wait for the asset first", POMEX_BILLED_NO},
        {POMEX_WHAT_ASSET, "{\"status\":\"active\"}", "decode_error", "the answer has no url",
         "no link of this asset", POMEX_BILLED_NO},
        {POMEX_WHAT_ASSET, "{\"status\":\"failed\"}", "asset_failed", "", NULL,
         POMEX_BILLED_NO},
        {POMEX_WHAT_ASSET, "{\"status\":\"active\",\"url\":\"ftp://a.example/\"}",
         "decode_error", "the link of the file is not https", NULL, POMEX_BILLED_NO},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        kind k;
        begin(&k, rows[i].what);
        const fault_step step = {.body = rows[i].answer};
        harness_script(&k.s.h, &step, 1);
        pomex_operation *op = pomex_operation_retain(save(&k, NULL));
        scene_is_error(&k.s, op, rows[i].type, rows[i].words);
        const pomex_error *error = pomex_operation_error(op);
        if (rows[i].hint)
            assert_non_null(strstr(error->hint, rows[i].hint));
        assert_int_equal(error->billed, rows[i].billed);
        pomex_operation_release(op);
        scene_stop(&k.s);
    }
}

/* Its own file is there, whatever became of the asset. */
TEST_CASE(the_file_of_an_asset_that_failed_can_be_saved)
{
    kind k;
    begin(&k, POMEX_WHAT_ASSET);
    char *status = strstr(k.answer, "active");
    memcpy(status, "failed", 6);
    const fault_step steps[] = {{.match = get_of(&k), .body = k.answer},
                                {.match = "GET /v.mp4", .body = JPEG}};
    harness_script(&k.s.h, steps, 2);
    expect_saved(&k, save(&k, NULL), JPEG, "jpeg");
    scene_stop(&k.s);
}

TEST_CASE(a_file_is_told_by_its_first_bytes)
{
    static const struct {
        const char *bytes;
        size_t length;
        const char *name;
        bool picture;
    } rows[] = {
        {"\xff\xd8\xff\xdb", 4, "jpeg", true},
        {"\x89PNG\r\n\x1a\n", 8, "png", true},
        {"\x89PNG\r\n\x1a", 7, "unknown", false},
        {"GIF89a", 6, "gif", true},
        {"GIF87a", 6, "gif", true},
        {"RIFF1234WEBPVP8 ", 16, "webp", true},
        {"RIFF1234WAVEfmt ", 16, "wav", false},
        {"RIFF1234AVI LIST", 16, "unknown", false},
        {"\0\0\0\x18"
         "ftypheic",
         12, "heic", true},
        {"\0\0\0\x18"
         "ftypmif1",
         12, "heic", true},
        {"\0\0\0\x18"
         "ftypavif",
         12, "avif", true},
        {"\0\0\0\x18"
         "ftypisom",
         12, "mp4", false},
        {"\0\0\0\x18"
         "ftyp",
         8, "mp4", false},
        {"BM1234\0\0\0\0", 10, "bmp", true},
        {"BM12345678", 10, "unknown", false},
        {"II*\0", 4, "tiff", true},
        {"MM\0*", 4, "tiff", true},
        {"\x1a\x45\xdf\xa3", 4, "webm", false},
        {"ID3\x04", 4, "mp3", false},
        {"OggS", 4, "ogg", false},
        {"fLaC", 4, "flac", false},
        {"", 0, "unknown", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *name = pomex_sniff_looks_like(rows[i].bytes, rows[i].length);
        assert_string_equal(name, rows[i].name);
        assert_int_equal(pomex_sniff_is_picture(name), rows[i].picture);
    }
}
