/* What the error of an answer says, beside its type. */
#include "cmocka_all.h"

#include "harness.h"

#include <stdio.h>
#include <string.h>

static harness h;

static void begin(const fault_step *steps, size_t count, const char *path)
{
    harness_start(&h, steps, count, false);
    strcat(h.base_url, path);
    h.options.max_retries = 0;
    harness_client(&h);
}

static pomex_operation *finished(pomex_operation *op)
{
    assert_non_null(op);
    harness_finish(&h, op);
    return op;
}

static pomex_operation *wait_for(pomex_endpoint_id endpoint)
{
    pomex_call_options options;
    pomex_call_options_init(&options);
    return finished(pomex_client_wait(h.client, endpoint, "object-1", 8, &options));
}

static pomex_operation *get(const char *path)
{
    pomex_call_options options;
    pomex_call_options_init(&options);
    json_t *headers = json_pack("{s:s}", "If-None-Match", "\"tag\"");
    pomex_operation *op =
        finished(pomex_client_request(h.client, "GET", path, NULL, NULL, headers, &options));
    json_decref(headers);
    return op;
}

static void assert_text(const char *wanted, const char *text)
{
    assert_int_equal(wanted != NULL, text != NULL);
    if (wanted)
        assert_string_equal(wanted, text);
}

TEST_CASE(the_service_s_own_code_and_type_are_kept)
{
    static const struct {
        int status;
        const char *body, *type, *service_code, *service_type;
    } rows[] = {
        {403,
         "{\"error\":{\"message\":\"m\",\"code\":\"QuotaExceeded\",\"type\":\"forbidden\"}}",
         "api_error", "QuotaExceeded", "forbidden"},
        {400, "{\"error\":{\"message\":\"m\",\"type\":\"invalid_request_error\"}}",
         "invalid_request_error", NULL, "invalid_request_error"},
        {500, "{\"error\":{\"message\":\"m\",\"code\":1301}}", "api_error", "1301", NULL},
        {400, "{\"error\":{\"message\":\"m\",\"code\":null,\"type\":[\"x\"]}}",
         "invalid_request_error", NULL, NULL},
        {400, "{\"error\":{\"code\":\"Odd\"}}", "invalid_request_error", "Odd", NULL},
        {400, "{\"error\":{\"message\":\"m\",\"code\":\"is sk-test-key\"}}",
         "invalid_request_error", "is ***********", NULL},
        {404, "{\"error\":\"text\"}", "not_found_error", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const fault_step step = {.status = rows[i].status, .body = rows[i].body};
        begin(&step, 1, "");
        pomex_operation *op = finished(harness_call(&h, POMEX_EFFECT_NONE));
        const pomex_error *error = pomex_operation_error(op);
        assert_string_equal(error->type, rows[i].type);
        assert_text(rows[i].service_code, error->service_code);
        assert_text(rows[i].service_type, error->service_type);
        pomex_operation_release(op);
        harness_stop(&h);
    }
}

TEST_CASE(of_what_failed_too)
{
    static const fault_step step = {
        .body = "{\"id\":\"object-1\",\"status\":\"failed\",\"error\":{\"code\":"
                "\"InputImageSensitive\",\"message\":\"m\"}}"};
    pomex_call_options options;
    pomex_call_options_init(&options);
    begin(&step, 1, "");
    pomex_operation *ops[] = {
        wait_for(POMEX_ASSET_GET), wait_for(POMEX_GENERATION_GET),
        finished(pomex_client_download(h.client, "object-1", 8, NULL,
                                       "/tmp/pomex-not-there.mp4", &options))};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        const pomex_error *error = pomex_operation_error(ops[i]);
        assert_string_equal(error->type, i ? "generation_failed" : "asset_failed");
        assert_text("InputImageSensitive", error->service_code);
        assert_null(error->service_type);
        pomex_operation_release(ops[i]);
    }
    harness_stop(&h);
}

TEST_CASE(not_modified)
{
    static const fault_step step = {.status = 304, .headers = "ETag: \"tag\"\r\n"};
    begin(&step, 1, "");
    pomex_operation *op = get("/v1/models");
    const pomex_error *error = pomex_operation_error(op);
    assert_string_equal(error->type, "api_error");
    assert_string_equal(error->message, "not modified");
    assert_int_equal(error->status, 304);
    assert_false(error->retryable);
    assert_null(error->body);
    fault_request request;
    assert_true(fault_server_request(h.server, "GET", 0, &request));
    assert_non_null(strstr(request.headers, "If-None-Match: \"tag\""));
    pomex_operation_release(op);
    harness_stop(&h);
}

/* Whether the 404 of this operation tells of a base_url that ends in /v1. */
static bool says_so(pomex_operation *op)
{
    const pomex_error *error = pomex_operation_error(op);
    assert_string_equal(error->type, "not_found_error");
    bool told = error->hint && strstr(error->hint, "base_url ends in /v1");
    pomex_operation_release(op);
    return told;
}

TEST_CASE(a_base_url_with_the_version)
{
    static const fault_step step = {.status = 404, .body = "{\"error\":{\"message\":\"m\"}}"};
    static const char *const ends[] = {"/v1", "/v1/", "/proxy/v1", "/v10", "/v1/x", ""};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        begin(&step, 1, ends[i]);
        assert_int_equal(says_so(finished(harness_call(&h, POMEX_EFFECT_NONE))), i < 3);
        assert_int_equal(says_so(finished(harness_call(&h, POMEX_EFFECT_BILLED))), i < 3);
        assert_int_equal(says_so(wait_for(POMEX_ASSET_GET)), i < 3);
        assert_int_equal(says_so(get("/v1/models")), i < 3);
        assert_false(says_so(get("/models")));
        if (i == 1) /* kept: a gateway may mean it */
            assert_int_equal(fault_server_count(h.server, "GET /v1/v1/video/assets"), 2);
        harness_stop(&h);
    }
}
