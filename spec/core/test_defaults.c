/* NULL for options is the defaults, wherever the header has options. */
#include "cmocka_all.h"

#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

TEST_CASE(a_client_of_no_options)
{
    harness h;
    static const fault_step steps[] = {{.status = 503, .times = 1}, {.body = "{}"}};
    harness_start(&h, steps, 2, false);
    setenv("POMEX_API_KEY", "sk-of-the-environment", 1);
    setenv("POMEX_BASE_URL", h.base_url, 1);
    pomex_error *error = NULL;
    h.client = pomex_client_new(NULL, &error);
    assert_non_null(h.client);
    assert_string_equal(pomex_client_base_url(h.client), h.base_url);
    /* Its retries, and its time for them. */
    pomex_operation *op = pomex_client_call(h.client, POMEX_ASSET_GET, "a", 1, NULL, NULL);
    harness_finish(&h, op);
    assert_null(pomex_operation_error(op));
    assert_int_equal(pomex_operation_attempts(op), 2);
    pomex_operation_release(op);
    harness_stop(&h);
    unsetenv("POMEX_API_KEY");
    assert_null(pomex_client_new(NULL, &error));
    assert_true(error->client);
    pomex_error_free(error);
    assert_null(pomex_client_new(NULL, NULL)); /* nobody asks why */
    unsetenv("POMEX_BASE_URL");
}

static void finish(harness *h, pomex_operation *op)
{
    assert_non_null(op);
    harness_finish(h, op);
    const pomex_error *error = pomex_operation_error(op);
    if (error)
        fail_msg("%s: %s", error->type, error->message);
    pomex_operation_release(op);
}

TEST_CASE(operations_of_no_options)
{
    char path[] = "/tmp/pomex-defaults-XXXXXX";
    static const fault_step steps[] = {
        {.match = "GET /v1/video/assets/", .status = 503, .times = 1},
        {.match = "GET /v1/video/assets/", .body = "{\"id\":\"a\",\"status\":\"active\"}"},
        {.match = "GET /video", .body = "a video, as far as anybody looks"},
        {.body = "{}"},
    };
    harness h;
    harness_start(&h, steps, 4, false);
    harness_client(&h);
    assert_non_null(mkdtemp(path));
    char link[128], file[64];
    snprintf(link, sizeof link, "%s/video", h.base_url);
    snprintf(file, sizeof file, "%s/out.mp4", path);
    /* The client's retries: the 503 is tried again. */
    finish(&h, pomex_client_call(h.client, POMEX_ASSET_GET, "a", 1, NULL, NULL));
    finish(&h, pomex_client_request(h.client, "GET", "/v1/models", NULL, NULL, NULL, NULL));
    finish(&h, pomex_client_wait(h.client, POMEX_ASSET_GET, "a", 1, NULL));
    finish(&h, pomex_client_download(h.client, "cgt-1", 5, link, file, NULL));
    /* What the rules refuse is refused, and a file that is there is not replaced. */
    pomex_operation *op = pomex_client_call(h.client, POMEX_ASSET_CREATE, NULL, 0, NULL, NULL);
    assert_true(pomex_operation_error(op)->client);
    pomex_operation_release(op);
    op = pomex_client_download(h.client, "cgt-1", 5, link, file, NULL);
    assert_string_equal(pomex_operation_error(op)->type, "file_error");
    pomex_operation_release(op);
    unlink(file);
    rmdir(path);
    harness_stop(&h);
}
