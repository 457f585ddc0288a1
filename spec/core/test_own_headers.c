/* The caller's own headers: which requests have them, and which hosts never see them. */
#include "cmocka_all.h"

#include "scene.h"

#include <stdio.h>
#include <string.h>

static size_t times(const char *headers, const char *line)
{
    size_t count = 0;
    for (const char *at = headers; (at = strstr(at, line)); at++)
        count++;
    return count;
}

static json_t *object(const char *text)
{
    json_t *made = json_loads(text, 0, NULL);
    assert_non_null(made);
    return made;
}

/* Makes the client anew, with these headers. */
static void client_with(harness *h, json_t *headers)
{
    pomex_client_free(h->client);
    h->options.headers = headers;
    harness_client(h);
    json_decref(headers);
}

static void arrive(harness *h, pomex_operation *op, fault_request *request)
{
    harness_finish(h, op);
    assert_null(pomex_operation_error(op));
    size_t count = fault_server_count(h->server, NULL);
    assert_true(fault_server_request(h->server, NULL, count - 1, request));
    pomex_operation_release(op);
}

static void arrive_call(harness *h, enum pomex_effect effect, fault_request *request)
{
    const fault_step step = {.body = harness_reply(effect)};
    harness_script(h, &step, 1);
    arrive(h, harness_call(h, effect), request);
}

/* Plain GETs and others in turn, so that handles of libcurl's go from one to the other. */
TEST_CASE(those_of_the_client_are_in_every_request_to_the_service)
{
    static const fault_step active = {.body = "{\"status\":\"active\"}"};
    fault_request r;
    harness h;
    harness_start(&h, NULL, 0, false);
    client_with(&h, object("{\"X-Team\": \"film\", \"x-empty\": \"\", \"x-blank\": \" \\t\"}"));
    for (int i = 0; i < 8; i++) {
        arrive_call(&h, (enum pomex_effect)(i % 4), &r);
        assert_int_equal(times(r.headers, "X-Team: film\r\n"), 1);
        assert_int_equal(times(r.headers, "x-empty:\r\n"), 1);
        assert_int_equal(times(r.headers, "x-blank:\r\n"), 1);
        assert_int_equal(times(r.headers, "Authorization: Bearer sk-test-key\r\n"), 1);
        assert_int_equal(times(r.headers, "User-Agent:"), 1);
        harness_script(&h, &active, 1);
        arrive(&h, pomex_client_wait(h.client, POMEX_ASSET_GET, "asset-1", 7, NULL), &r);
        assert_int_equal(times(r.headers, "X-Team: film\r\n"), 1);
        assert_int_equal(times(r.headers, "Cache-Control: no-store\r\n"), 1);
    }
    harness_stop(&h);
}

/* A call's replace the client's of the same name, in whatever letters, and are gone afterwards. */
TEST_CASE(those_of_a_call_win)
{
    static const fault_step step = {.body = "{\"id\":\"a\",\"status\":\"active\"}"};
    pomex_call_options options;
    fault_request r;
    harness h;
    harness_start(&h, &step, 1, false);
    client_with(&h, object("{\"X-Team\": \"film\", \"X-Other\": \"1\"}"));
    pomex_call_options_init(&options);
    options.headers = object("{\"x-team\": \"call\", \"X-Trace\": \"7\"}");
    for (int i = 0; i < 3; i++) {
        arrive(&h,
               i == 0 ? pomex_client_call(h.client, POMEX_ASSET_GET, "a", 1, NULL, &options)
               : i == 1
                   ? pomex_client_wait(h.client, POMEX_ASSET_GET, "a", 1, &options)
                   : pomex_client_request(h.client, "GET", "/v1/x", NULL, NULL, NULL, &options),
               &r);
        assert_int_equal(times(r.headers, "x-team: call\r\n"), 1);
        assert_int_equal(times(r.headers, "X-Team:"), 0);
        assert_int_equal(times(r.headers, "X-Other: 1\r\n"), 1);
        assert_int_equal(times(r.headers, "X-Trace: 7\r\n"), 1);
        arrive(&h, pomex_client_call(h.client, POMEX_ASSET_GET, "a", 1, NULL, NULL), &r);
        assert_int_equal(times(r.headers, "X-Team: film\r\n"), 1);
        assert_int_equal(times(r.headers, "X-Trace"), 0);
    }
    json_t *parts = object("{\"X-Trace\": \"of the request\", \"X-Team\": \"parts\"}");
    json_object_del(options.headers, "x-team");
    arrive(&h, pomex_client_request(h.client, "GET", "/v1/x", NULL, NULL, parts, &options), &r);
    assert_int_equal(times(r.headers, "X-Trace: 7\r\n"), 1);
    assert_int_equal(times(r.headers, "X-Trace"), 1);
    assert_int_equal(times(r.headers, "X-Team: parts\r\n"), 1);
    json_decref(parts);
    json_decref(options.headers);
    harness_stop(&h);
}

/* Each attempt has them, also the look that follows a lost answer. */
TEST_CASE(those_of_a_call_are_in_each_of_its_attempts)
{
    static const fault_step steps[] = {{.times = 2, .status = 503},
                                       {.body = "{\"id\":\"a\",\"status\":\"active\"}"}};
    pomex_call_options options;
    fault_request r;
    harness h;
    harness_start(&h, steps, 2, false);
    harness_client(&h);
    pomex_call_options_init(&options);
    options.headers = object("{\"X-Trace\": \"7\"}");
    arrive(&h, pomex_client_call(h.client, POMEX_ASSET_GET, "a", 1, NULL, &options), &r);
    assert_int_equal(fault_server_count(h.server, NULL), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(fault_server_request(h.server, NULL, i, &r));
        assert_int_equal(times(r.headers, "X-Trace: 7\r\n"), 1);
    }
    json_decref(options.headers);
    harness_stop(&h);
}

static const struct {
    const char *headers, *problem;
} refused[] = {
    {"{\"Authorization\": \"Bearer other\"}", "header \"Authorization\" is set by pomex"},
    {"{\"aUTHORIZATION\": \"Bearer other\"}", "header \"aUTHORIZATION\" is set by pomex"},
    {"{\"host\": \"a.example\"}", "header \"host\" is set by pomex"},
    {"{\"Content-Length\": \"1\"}", "header \"Content-Length\" is set by pomex"},
    {"{\"content-type\": \"text/plain\"}", "header \"content-type\" is set by pomex"},
    {"{\"Transfer-Encoding\": \"chunked\"}", "header \"Transfer-Encoding\" is set by pomex"},
    {"{\"Accept-Encoding\": \"br\"}", "header \"Accept-Encoding\" is set by pomex"},
    {"{\"Cache-Control\": \"max-age=9\"}", "header \"Cache-Control\" is set by pomex"},
    {"{\"Connection\": \"close\"}", "header \"Connection\" is set by pomex"},
    {"{\"Expect\": \"100-continue\"}", "header \"Expect\" is set by pomex"},
    {"{\"Upgrade\": \"h2c\"}", "header \"Upgrade\" is set by pomex"},
    {"{\"User-Agent\": \"me\"}", "header \"User-Agent\" is set by pomex"},
    {"{\"Proxy-Authorization\": \"Basic eA==\"}",
     "header \"Proxy-Authorization\" is set by pomex"},
    {"{\"X-A\": \"s3cret\\r\\nB: c\"}", "header \"X-A\" must not contain control characters"},
    {"{\"X-A\": \"s3cret\\n\"}", "header \"X-A\" must not contain control characters"},
    {"{\"X-A\": \"s3cret\\r\"}", "header \"X-A\" must not contain control characters"},
    {"{\"X-A\": \"s3cret\\u0000b\"}", "header \"X-A\" must be a string without NUL"},
    {"{\"X-A\": \"s3cret\\u007f\"}", "header \"X-A\" must not contain control characters"},
    {"{\"X-A\": 5}", "header \"X-A\" must be a string without NUL"},
    {"{\"X A\": \"s3cret\"}", "header \"X A\" is not a valid header name"},
    {"{\"X:\": \"s3cret\"}", "header \"X:\" is not a valid header name"},
    {"{\"X\\r\\nB\": \"s3cret\"}", "is not a valid header name"},
    {"{\"\": \"s3cret\"}", "header \"\" is not a valid header name"},
    {"{\"X-A\": \"s3cret\", \"x-a\": \"2\"}", "is given twice"},
};

static void expect_refusal(const pomex_error *error, const char *problem)
{
    assert_non_null(error);
    assert_string_equal(error->type, "invalid_request_error");
    assert_true(error->client);
    if (!strstr(error->message, problem))
        fail_msg("%s: %s", problem, error->message);
    assert_null(strstr(error->message, "s3cret"));
    assert_null(error->hint);
}

TEST_CASE(what_cannot_be_sent_is_refused_in_every_place)
{
    harness h;
    harness_start(&h, NULL, 0, false);
    harness_client(&h);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        json_t *headers = json_loads(refused[i].headers, JSON_ALLOW_NUL, NULL);
        assert_non_null(headers);
        pomex_options options = h.options;
        pomex_call_options call;
        pomex_error *error = NULL;
        options.headers = headers;
        assert_null(pomex_client_new(&options, &error));
        expect_refusal(error, refused[i].problem);
        assert_non_null(strstr(error->message, "headers: "));
        pomex_error_free(error);
        pomex_call_options_init(&call);
        call.headers = headers;
        pomex_operation *ops[] = {
            pomex_client_call(h.client, POMEX_ASSET_GET, "a", 1, NULL, &call),
            pomex_client_call(h.client, POMEX_GENERATION_CANCEL, "a", 1, NULL, &call),
            pomex_client_wait(h.client, POMEX_ASSET_GET, "a", 1, &call),
            pomex_client_download(h.client, "a", 1, NULL, "/tmp/never", &call),
            pomex_client_request(h.client, "GET", "/v1/x", NULL, NULL, NULL, &call),
            pomex_client_request(h.client, "GET", "/v1/x", NULL, NULL, headers, NULL)};
        for (size_t k = 0; k < sizeof ops / sizeof *ops; k++) {
            assert_true(pomex_operation_done(ops[k]));
            expect_refusal(pomex_operation_error(ops[k]), refused[i].problem);
            assert_int_equal(pomex_operation_error(ops[k])->attempts, 0);
            pomex_operation_release(ops[k]);
        }
        json_decref(headers);
    }
    assert_int_equal(fault_server_count(h.server, NULL), 0);
    harness_stop(&h);
}

/* The link's host, its redirects' target, and ranges of a download that goes on. */
TEST_CASE(the_host_of_a_link_and_its_redirects_see_none)
{
    char location[128];
    pomex_call_options options;
    fault_request r;
    scene s;
    scene_start(&s, NULL, 0);
    const fault_step elsewhere[] = {SCENE_CUT, SCENE_REST};
    fault_server *other = fault_server_start(elsewhere, 2, NULL);
    snprintf(location, sizeof location, "Location: http://127.0.0.1:%d/v.mp4\r\n",
             fault_server_port(other));
    const fault_step steps[] = {{.match = "GET /v1/video/generations/cgt-1", .body = s.task},
                                {.status = 302, .headers = location}};
    harness_script(&s.h, steps, 2);
    client_with(&s.h, object("{\"X-Team\": \"film\"}"));
    pomex_call_options_init(&options);
    options.headers = object("{\"X-Trace\": \"7\"}");
    pomex_operation *op = pomex_client_download(s.h.client, "cgt-1", 5, NULL, s.path, &options);
    harness_finish(&s.h, op);
    assert_null(pomex_operation_error(op));
    pomex_operation_release(op);
    assert_true(fault_server_request(s.h.server, "GET /v1", 0, &r));
    assert_int_equal(times(r.headers, "X-Team: film\r\n"), 1);
    assert_int_equal(times(r.headers, "X-Trace: 7\r\n"), 1);
    assert_true(fault_server_request(s.h.server, "GET /v.mp4", 0, &r));
    assert_null(strstr(r.headers, "X-T"));
    assert_int_equal(fault_server_count(other, NULL), 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(fault_server_request(other, NULL, i, &r));
        assert_null(strstr(r.headers, "X-T"));
    }
    json_decref(options.headers);
    fault_server_stop(other);
    scene_stop(&s);
}

/* Nor does the proxy that opens a tunnel. */
TEST_CASE(a_proxy_sees_none)
{
    char address[64];
    pomex_call_options options;
    fault_request r;
    harness h;
    harness_start(&h, NULL, 0, true);
    const fault_step tunnel = {.kind = FAULT_TUNNEL, .port = fault_server_port(h.server)};
    fault_server *proxy = fault_server_start(&tunnel, 1, NULL);
    snprintf(address, sizeof address, "http://127.0.0.1:%d", fault_server_port(proxy));
    h.options.proxy = address;
    client_with(&h, object("{\"X-Team\": \"film\"}"));
    pomex_call_options_init(&options);
    options.headers = object("{\"X-Trace\": \"7\"}");
    const fault_step good = {.body = "{\"id\":\"a\"}"};
    harness_script(&h, &good, 1);
    arrive(&h, pomex_client_call(h.client, POMEX_ASSET_GET, "a", 1, NULL, NULL), &r);
    assert_int_equal(times(r.headers, "X-Team: film\r\n"), 1);
    arrive(&h, pomex_client_call(h.client, POMEX_ASSET_GET, "a", 1, NULL, &options), &r);
    assert_int_equal(times(r.headers, "X-Trace: 7\r\n"), 1);
    size_t count = fault_server_count(proxy, "CONNECT");
    assert_in_range(count, 1, 2);
    for (size_t i = 0; i < count; i++) {
        assert_true(fault_server_request(proxy, "CONNECT", i, &r));
        assert_null(strstr(r.headers, "X-T"));
    }
    json_decref(options.headers);
    fault_server_stop(proxy);
    harness_stop(&h);
}
