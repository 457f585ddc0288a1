/* A server that puts our key into what it says of a task: it stands in no error and in no
 * event, and not half of it. */
#include "cmocka_all.h"

#include "scene.h"

#include <string.h>

#define KEY "sk-test-key"
/* It lies across the end of the 63 bytes that are kept of a status. */
#define LONG "a status so long that of what comes behind it half is cut " KEY

static void hides(const char *text)
{
    if (text && strstr(text, "sk-te"))
        fail_msg("%s", text);
}

static void ends_without_it(scene *s, pomex_operation *op, const char *type)
{
    pomex_event event;
    size_t events = 0;
    harness_finish(&s->h, op);
    const pomex_error *error = pomex_operation_error(op);
    assert_non_null(error);
    assert_string_equal(error->type, type);
    assert_non_null(error->last_status);
    hides(error->message);
    hides(error->last_status);
    hides(error->object);
    for (; pomex_client_next_event(s->h.client, &event); events++)
        hides(event.detail);
    assert_true(events > 0);
    pomex_operation_release(op);
}

TEST_CASE(no_status_shows_the_key)
{
    static const struct {
        const char *body, *of_wait, *of_download;
    } rows[] = {
        {"{\"status\":\"" LONG "\"}", "timeout_error", "invalid_request_error"},
        {"{\"status\":\"failed\",\"error\":{\"message\":\"" KEY "\"}}", "generation_failed",
         "generation_failed"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const fault_step step = {.body = rows[i].body};
        pomex_call_options options;
        scene s;
        scene_prepare(&s, &step, 1, false);
        assert_string_equal(s.h.options.api_key, KEY);
        s.h.options.events = true;
        harness_client(&s.h);
        pomex_call_options_init(&options);
        ends_without_it(
            &s, pomex_client_wait(s.h.client, POMEX_GENERATION_GET, "cgt-1", 5, &options),
            rows[i].of_wait);
        ends_without_it(&s, scene_download(&s, NULL), rows[i].of_download);
        scene_stop(&s);
    }
}
