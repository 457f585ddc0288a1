/* Every row of the document's tables of parameters and errors, and of what silences.md says
 * where the document is silent. */
#include "cmocka_all.h"

#include "base/json.h"
#include "base/url.h"
#include "rules/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASSET "\"url\":\"https://cdn.example/a.jpg\",\"asset_type\":\"Image\""
#define TEXT  "{\"type\":\"text\",\"text\":\"image 1 waves\"}"
#define MODEL "\"model\":\"byteplus/seedance-2.0-fast\""

static bool check(pomex_endpoint_id endpoint, const char *text, pomex_violation *violation)
{
    json_t *payload = json_loads(text, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
    assert_non_null(payload);
    bool allowed = pomex_rules_check(endpoint, payload, violation);
    json_decref(payload);
    /* The sandbox reads the same bytes with all numbers as reals: the verdict is the same. */
    pomex_violation other;
    payload = pomex_json_parse(text, strlen(text));
    assert_int_equal(pomex_rules_check(endpoint, payload, &other), allowed);
    assert_string_equal(violation->message, other.message);
    assert_string_equal(violation->value, other.value);
    json_decref(payload);
    return allowed;
}

static void allow(pomex_endpoint_id endpoint, const char *text)
{
    pomex_violation violation;
    if (!check(endpoint, text, &violation))
        fail_msg("%s: %s (%s)", text, violation.message, violation.value);
    assert_string_equal(violation.message, "");
}

static void refuse(pomex_endpoint_id endpoint, const char *text, const char *message,
                   const char *value)
{
    pomex_violation violation;
    if (check(endpoint, text, &violation))
        fail_msg("%s is allowed", text);
    assert_string_equal(violation.message, message);
    assert_string_equal(violation.value, value);
    assert_null(strpbrk(violation.value, "\r\n"));
}

/* An error goes into a log, and what a link has behind its path is often a signature. */
TEST_CASE(a_refusal_shows_no_signature)
{
    static const char url[] = "url must be a valid https URL";
    static const char of[] = "{\"url\":\"%s\",\"asset_type\":\"Image\"}";
    static const struct {
        const char *given, *shown;
    } cases[] = {
        {"http://x.example/a.jpg?X-Amz-Signature=SECRETSIG",
         "url is \"http://x.example/a.jpg?…\""},
        {"http://x.example/a.jpg#SECRET", "url is \"http://x.example/a.jpg#…\""},
        {"http://x.example?SECRET", "url is \"http://x.example?…\""},
        {"HTTP://me:SECRET@x.example/a@b.jpg?c@d", "url is \"HTTP://…@x.example/a@b.jpg?…\""},
        {"http://x.example/a.jpg?", "url is \"http://x.example/a.jpg?\""},
        {"https://x.example/a b?SECRET", "url is \"https://x.example/a b?…\""},
        {"https://a/b@c d", "url is \"https://a/b@c d\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        snprintf(text, sizeof text, of, cases[i].given);
        refuse(POMEX_ASSET_CREATE, text, url, cases[i].shown);
    }
    refuse(POMEX_ASSET_CREATE, "{\"url\":\"x.example/a.jpg?SECRET\"}", url,
           "url is \"x.example/a.jpg?…\"; the service fetches public https links, it takes no "
           "local files");
    refuse(POMEX_SESSION_CREATE, "{\"callback_url\":\"http://a.example/cb?token=SECRET\"}",
           "callback_url must be a valid https URL",
           "callback_url is \"http://a.example/cb?…\"");
    refuse(POMEX_SESSION_CREATE, "{\"callback_url\":\"https://a\",\"lang\":\"en?#\"}",
           "lang must be zh, en, or zh-Hant", "lang is \"en?#\"");
}

TEST_CASE(sessions)
{
    const pomex_endpoint_id e = POMEX_SESSION_CREATE;
    static const char url[] = "callback_url must be a valid https URL";
    static const char lang[] = "lang must be zh, en, or zh-Hant";
    allow(e, "{\"callback_url\":\"https://yourapp.com/realhuman/callback\",\"lang\":\"en\"}");
    allow(e, "{\"callback_url\":\"https://a.example/?own=1#part\",\"lang\":\"zh\"}");
    allow(e, "{\"callback_url\":\"HTTPS://a.example:8443/cb\",\"lang\":\"zh-Hant\"}");
    allow(e, "{\"callback_url\":\"https://[2001:db8::1]/\",\"lang\":null,\"more\":1}");
    refuse(e, "{}", "callback_url is required", "");
    refuse(e, "{\"callback_url\":null}", "callback_url is required", "");
    refuse(e, "{\"callback_url\":\"\"}", "callback_url is required", "callback_url is \"\"");
    refuse(e, "{\"callback_url\":\"http://a.example\"}", url,
           "callback_url is \"http://a.example\"");
    refuse(e, "{\"callback_url\":\"https://\"}", url, "callback_url is \"https://\"");
    refuse(e, "{\"callback_url\":\"https:///x\"}", url, "callback_url is \"https:///x\"");
    refuse(e, "{\"callback_url\":\"https://a:port\"}", url,
           "callback_url is \"https://a:port\"");
    refuse(e, "{\"callback_url\":\"https://a b\"}", url, "callback_url is \"https://a b\"");
    refuse(e, "{\"callback_url\":\"https://a\\r\\nb\"}", url,
           "callback_url is \"https://a\\x0d\\x0ab\"");
    refuse(e, "{\"callback_url\":\"https://a\\u0000.example\"}", url,
           "callback_url is \"https://a\\x00.example\"");
    refuse(e, "{\"callback_url\":5}", url, "callback_url is 5");
    refuse(e, "{\"callback_url\":\"https://a\",\"lang\":\"fr\"}", lang, "lang is \"fr\"");
    refuse(e, "{\"callback_url\":\"https://a\",\"lang\":\"EN\"}", lang, "lang is \"EN\"");
    refuse(e, "{\"callback_url\":\"https://a\",\"lang\":\"\"}", lang, "lang is \"\"");
    refuse(e, "{\"callback_url\":\"https://a\",\"lang\":\"en\\u0000\"}", lang,
           "lang is \"en\\x00\"");
    refuse(e, "{\"callback_url\":\"https://a\",\"lang\":true}", lang, "lang is true");
    refuse(e, "[]", "body must be a JSON object", "body is an empty array");
}

TEST_CASE(uploads)
{
    const pomex_endpoint_id e = POMEX_ASSET_CREATE;
    static const char type[] = "asset_type must be Image, Video, or Audio";
    static const char url[] = "url must be a valid https URL";
    allow(e, "{" ASSET "}");
    allow(e, "{" ASSET ",\"group_id\":\"group-20260619145855-snq4q\",\"name\":\"瑞秋\"}");
    allow(e, "{\"url\":\"https://a/v.mp4?sig=x%2Fy\",\"asset_type\":\"Video\",\"name\":\"\"}");
    allow(e, "{\"url\":\"https://a/v.wav\",\"asset_type\":\"Audio\",\"group_id\":null}");
    refuse(e, "{\"asset_type\":\"Image\"}", "url is required", "");
    refuse(e, "{\"url\":\"\",\"asset_type\":\"Image\"}", "url is required", "url is \"\"");
    refuse(e, "{\"url\":\"http://a/b\",\"asset_type\":\"Image\"}", url,
           "url is \"http://a/b\"");
    refuse(e, "{\"url\":\"/home/me/a.jpg\"}", url,
           "url is \"/home/me/a.jpg\"; the service fetches public https links, it takes no "
           "local files");
    refuse(e, "{\"url\":\"file:///a.jpg\"}", url,
           "url is \"file:///a.jpg\"; the service fetches public https links, it takes no "
           "local files");
    refuse(e, "{\"url\":\"asset://asset-1\",\"asset_type\":\"Image\"}", url,
           "url is \"asset://asset-1\"; uploads take public https links; asset:// belongs in "
           "content");
    refuse(e, "{\"url\":[1],\"asset_type\":\"Image\"}", url, "url is an array");
    refuse(e, "{\"url\":\"https://a/b\"}", type, "");
    refuse(e, "{\"url\":\"https://a/b\",\"asset_type\":\"image\"}", type,
           "asset_type is \"image\"");
    refuse(e, "{" ASSET ",\"group_id\":\"\"}", "group_id must not be empty",
           "group_id is \"\"");
    refuse(e, "{" ASSET ",\"group_id\":7}", "group_id must be a string", "group_id is 7");
    refuse(e, "{" ASSET ",\"name\":\"a\\rb\"}", "name must not contain control characters",
           "name is \"a\\x0db\"");
    refuse(e, "{" ASSET ",\"name\":{}}", "name must be a string", "name is an object");
}

TEST_CASE(lists)
{
    const pomex_endpoint_id e = POMEX_ASSET_LIST;
    static const char status[] = "status must be active, processing, or failed";
    static const char limit[] = "limit must be between 1 and 100";
    pomex_violation violation;
    assert_true(pomex_rules_check(e, NULL, &violation));
    allow(e, "{}");
    allow(e, "{\"group_id\":\"g\",\"name\":\"\",\"page\":1,\"limit\":100}");
    allow(e, "{\"page\":\"2\",\"limit\":\"1\",\"status\":\"active,failed\"}");
    allow(e, "{\"page\":2.0,\"limit\":10.0,\"status\":[\"processing\",\"active\"]}");
    allow(e, "{\"sort_by\":\"create_time\",\"sort_order\":\"asc\"}");
    allow(e, "{\"sort_by\":\"update_time\",\"sort_order\":\"desc\"}");
    allow(e, "{\"sort_by\":\"group_id\"}");
    refuse(e, "{\"status\":\"done\"}", status, "status is \"done\"");
    refuse(e, "{\"status\":\"\"}", status, "status is \"\"");
    refuse(e, "{\"status\":\"active,\"}", status, "status is \"active,\"");
    refuse(e, "{\"status\":[\"active\",\"Failed\"]}", status, "status is \"Failed\"");
    refuse(e, "{\"status\":[\"active,failed\"]}", status, "status is \"active,failed\"");
    refuse(e, "{\"status\":[]}", status, "status is an empty array");
    refuse(e, "{\"limit\":1000}", limit, "limit is 1000");
    refuse(e, "{\"limit\":0}", limit, "limit is 0");
    refuse(e, "{\"limit\":\"101\"}", limit, "limit is \"101\"");
    refuse(e, "{\"limit\":\"ten\"}", limit, "limit is \"ten\"");
    refuse(e, "{\"limit\":\"-1\"}", limit, "limit is \"-1\"");
    refuse(e, "{\"limit\":\"\"}", limit, "limit is \"\"");
    refuse(e, "{\"limit\":1.5}", limit, "limit is 1.5");
    refuse(e, "{\"limit\":[]}", limit, "limit is an empty array");
    refuse(e, "{\"page\":0}", "page must be at least 1", "page is 0");
    refuse(e, "{\"page\":\"99999999999999999999\"}", "page must be at least 1",
           "page is \"99999999999999999999\"");
    refuse(e, "{\"sort_by\":\"name\"}", "sort_by must be create_time, update_time, or group_id",
           "sort_by is \"name\"");
    refuse(e, "{\"sort_order\":\"up\"}", "sort_order must be asc or desc",
           "sort_order is \"up\"");
    refuse(e, "{\"group_id\":\"\"}", "group_id must not be empty", "group_id is \"\"");
    refuse(e, "{\"name\":\"a\\nb\"}", "name must not contain control characters",
           "name is \"a\\x0ab\"");
}

#define IMAGE(url) "{\"type\":\"image_url\",\"image_url\":{\"url\":\"" url "\"}}"
#define BODY(part) "{" MODEL ",\"content\":[" TEXT "," part "]}"

TEST_CASE(generations)
{
    const pomex_endpoint_id e = POMEX_GENERATION_CREATE;
    allow(e, BODY(IMAGE("asset://asset-20260619150241-b8xd4")));
    allow(e, BODY(IMAGE("https://cdn.example/a.jpg")));
    allow(e, "{\"model\":\"byteplus/seedance-2.0\",\"content\":[" IMAGE("asset://a") "," TEXT
                                                                                     "]}");
    allow(e, "{\"model\":\"another/model\",\"duration\":5,\"content\":[" TEXT "]}");
    allow(e, BODY("{\"type\":\"video_url\",\"video_url\":{\"url\":\"https://a/b\"}}"));
    allow(e, BODY("{\"type\":\"audio_url\",\"audio_url\":{\"url\":\"asset://a\"}}"));
    allow(e, BODY("{\"type\":\"draft\",\"draft\":{}},{\"type\":\"text\",\"text\":\"\"}"));
    allow(e, "{" MODEL ",\"duration\":null,\"seed\":-1,\"watermark\":0,\"ratio\":\"1:1\","
             "\"content\":[" TEXT "]}");
    refuse(e, "{" MODEL ",\"duration\":\"5\",\"content\":[" TEXT "]}",
           "duration must be a number", "duration is \"5\"");
    refuse(e, "{" MODEL ",\"watermark\":\"false\",\"content\":[" TEXT "]}",
           "watermark must be true or false", "watermark is \"false\"");
    refuse(e, "{\"content\":[" TEXT "]}", "model is required", "");
    refuse(e, "{\"model\":\"\",\"content\":[" TEXT "]}", "model is required", "model is \"\"");
    refuse(e, "{\"model\":2,\"content\":[" TEXT "]}", "model must be a string", "model is 2");
    refuse(e, "{" MODEL "}", "content is required", "");
    refuse(e, "{" MODEL ",\"content\":\"a cat\"}", "content must be an array of parts",
           "content is \"a cat\"");
    refuse(e, "{" MODEL ",\"content\":[]}", "content must have a text part",
           "content is an empty array");
    refuse(e, "{" MODEL ",\"content\":[" IMAGE("asset://a") "]}",
           "content must have a text part", "");
    refuse(e, "{" MODEL ",\"content\":[{\"type\":\"text\",\"text\":\"\"}]}",
           "content must have a text part", "");
    refuse(e, BODY("7"), "content part 2 must be an object with a type", "content part 2 is 7");
    refuse(e, BODY("{\"text\":\"x\"}"), "content part 2: type must be a string such as text",
           "");
    refuse(e, BODY("{\"type\":\"text\"}"), "content part 2: text must be a string", "");
    refuse(e, BODY("{\"type\":\"image_url\"}"), "content part 2: image_url.url is required",
           "");
    refuse(e, BODY("{\"type\":\"image_url\",\"image_url\":\"https://a\"}"),
           "content part 2: image_url.url is required", "");
    refuse(e, BODY(IMAGE("http://a/b")),
           "content part 2: image_url.url must be asset://<asset_id> or a valid https URL",
           "content part 2: image_url.url is \"http://a/b\"");
    refuse(e, BODY(IMAGE("asset://")),
           "content part 2: image_url.url must be asset://<asset_id> or a valid https URL",
           "content part 2: image_url.url is \"asset://\"");
    refuse(e, BODY(IMAGE("asset://..")),
           "content part 2: the id after asset:// must not be . or .., nor contain them "
           "between slashes",
           "content part 2: the id after asset:// is \"..\"");
}

TEST_CASE(old_models_take_no_assets)
{
    static const char message[] = "asset:// references need a Seedance 2.0 model: "
                                  "byteplus/seedance-2.0 or byteplus/seedance-2.0-fast";
    refuse(POMEX_GENERATION_CREATE,
           "{\"model\":\"byteplus/seedance-1.0\",\"content\":[" TEXT
           "," IMAGE("asset://a") "]}",
           message, "model is \"byteplus/seedance-1.0\"");
    refuse(POMEX_GENERATION_CREATE,
           "{\"model\":\"x\",\"content\":[" TEXT
           ",{\"type\":\"audio_url\",\"audio_url\":{\"url\":\"asset://a\"}}]}",
           message, "model is \"x\"");
    assert_true(pomex_rules_is_seedance2("byteplus/seedance-2.0"));
    assert_true(pomex_rules_is_seedance2("byteplus/seedance-2.0-fast"));
    assert_false(pomex_rules_is_seedance2("byteplus/seedance-2.0-FAST"));
    assert_false(pomex_rules_is_seedance2(""));
}

#define DOTS "id must not be . or .., nor contain them between slashes"

TEST_CASE(ids)
{
    static const struct {
        const char *id;
        size_t length;
        const char *message;
    } bad[] = {
        {"", 0, "id is required"},
        {".", 1, DOTS},
        {"..", 2, DOTS},
        {"a/../b", 6, DOTS},
        {"../b", 4, DOTS},
        {"a\\..", 4, DOTS},
        {"a/./b", 5, DOTS},
        {"a\0b", 3, "id must not contain control characters"},
        {"a\nb", 3, "id must not contain control characters"},
        {"a\x7f", 2, "id must not contain control characters"},
    };
    pomex_violation violation;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(pomex_rules_check_id(bad[i].id, bad[i].length, &violation));
        assert_string_equal(violation.message, bad[i].message);
        assert_null(strpbrk(violation.value, "\r\n\x7f"));
    }
    char id[POMEX_MAX_ID + 1];
    memset(id, 'x', sizeof id);
    assert_true(pomex_rules_check_id(id, POMEX_MAX_ID, &violation));
    assert_false(pomex_rules_check_id(id, POMEX_MAX_ID + 1, &violation));
    assert_string_equal(violation.message, "id must be at most 256 bytes long");
    assert_non_null(strstr(violation.value, "…\""));
    assert_true(pomex_rules_check_id("...", 3, &violation));
    assert_true(pomex_rules_check_id("a/b\\c%2fd/..e", 13, &violation));
    assert_true(pomex_rules_check_id("a b?#é", 7, &violation));
    assert_false(pomex_rules_check_id("\xff/../\xc3", 6, &violation));
    assert_string_equal(violation.value, "id is \"\\xff/../\\xc3\"");
}

TEST_CASE(hosts_that_are_loopback)
{
    static const char *const yes[] = {"127.0.0.1", "127.9.8.7", "localhost", "LOCALHOST",
                                      "::1",       "[::1]",     NULL};
    static const char *const no[] = {
        "128.0.0.1", "127.0.0.1.example", "localhost.example", "[::2]", "[]",
        "",          "0.0.0.0",           "10.0.0.1",          "[::1",  NULL};
    for (size_t i = 0; yes[i]; i++)
        assert_true(pomex_url_is_loopback(yes[i]));
    for (size_t i = 0; no[i]; i++)
        assert_false(pomex_url_is_loopback(no[i]));
}

TEST_CASE(asset_uris)
{
    assert_string_equal(pomex_rules_asset_uri("asset://asset-1"), "asset-1");
    assert_null(pomex_rules_asset_uri("asset://"));
    assert_null(pomex_rules_asset_uri("Asset://a"));
    assert_null(pomex_rules_asset_uri("https://a"));
}

TEST_CASE(statuses)
{
    const pomex_endpoint_id a = POMEX_ASSET_GET;
    const pomex_endpoint_id g = POMEX_GENERATION_GET;
    assert_int_equal(pomex_rules_status_class(a, "processing"), POMEX_GOING_ON);
    assert_int_equal(pomex_rules_status_class(a, "active"), POMEX_SUCCEEDED);
    assert_int_equal(pomex_rules_status_class(a, "failed"), POMEX_FAILED);
    assert_int_equal(pomex_rules_status_class(g, "queued"), POMEX_GOING_ON);
    assert_int_equal(pomex_rules_status_class(g, "running"), POMEX_GOING_ON);
    assert_int_equal(pomex_rules_status_class(g, "succeeded"), POMEX_SUCCEEDED);
    assert_int_equal(pomex_rules_status_class(g, "failed"), POMEX_FAILED);
    assert_int_equal(pomex_rules_status_class(g, "cancelled"), POMEX_FAILED);
    assert_int_equal(pomex_rules_status_class(a, "expired"), POMEX_FAILED);
    static const char *const ends[] = {"canceled", "error", "rejected", "timeout", "FAILED"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        assert_int_equal(pomex_rules_status_class(a, ends[i]), POMEX_FAILED);
        assert_int_equal(pomex_rules_status_class(g, ends[i]), POMEX_FAILED);
    }
    assert_int_equal(pomex_rules_status_class(a, "Active"), POMEX_SUCCEEDED);
    assert_int_equal(pomex_rules_status_class(g, "SUCCEEDED"), POMEX_SUCCEEDED);
    assert_int_equal(pomex_rules_status_class(g, "Running"), POMEX_GOING_ON);
    assert_int_equal(pomex_rules_status_class(g, "errors"), POMEX_GOING_ON);
    assert_int_equal(pomex_rules_status_class(g, "active"), POMEX_GOING_ON);
    assert_int_equal(pomex_rules_status_class(a, "rendering"), POMEX_GOING_ON);
    assert_int_equal(pomex_rules_status_class(a, NULL), POMEX_GOING_ON);
}

TEST_CASE(error_types)
{
    assert_string_equal(pomex_rules_error_type(400), "invalid_request_error");
    assert_string_equal(pomex_rules_error_type(401), "authentication_error");
    assert_string_equal(pomex_rules_error_type(404), "not_found_error");
    assert_string_equal(pomex_rules_error_type(429), "rate_limit_error");
    assert_string_equal(pomex_rules_error_type(502), "upstream_error");
    assert_string_equal(pomex_rules_error_type(503), "unavailable_error");
    assert_string_equal(pomex_rules_error_type(403), "api_error");
    assert_string_equal(pomex_rules_error_type(500), "api_error");
}

/* Any value, however long or odd, is shown on one line of valid UTF-8. */
TEST_CASE(shown_values_are_one_line)
{
    static const char *const pieces[] = {"é", "\\", "\"", "\n", "x", "\xc2\x85", "😀"};
    pomex_violation violation;
    for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
        for (size_t lead = 0; lead < 6; lead++) {
            char text[800] = "";
            memset(text, 'a', lead);
            for (size_t i = 0; i < 160; i++)
                strcat(text, pieces[p]);
            json_t *payload =
                json_pack("{s:s, s:s}", "callback_url", "https://a", "lang", text);
            assert_false(pomex_rules_check(POMEX_SESSION_CREATE, payload, &violation));
            assert_null(strpbrk(violation.value, "\r\n"));
            assert_non_null(strstr(violation.value, "…\""));
            json_t *shown = json_string(violation.value);
            assert_non_null(shown); /* jansson takes nothing but valid UTF-8 */
            json_decref(shown);
            json_decref(payload);
        }
    }
}
