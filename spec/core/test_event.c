/* Events: of each attempt what became of it, why it failed, whom it was about, and what follows. */
#include "cmocka_all.h"

#include "harness.h"

#include <stdio.h>
#include <string.h>

#define MOST 64

typedef struct told {
    pomex_event event;
    char id[64], request_id[64], method[16], path[300];
} told;

static harness h;
static told all[MOST];
static size_t count;

static void begin(const fault_step *steps, size_t length)
{
    harness_start(&h, steps, length, false);
    harness_stop_clock(&h);
    h.options.events = true;
    h.options.max_retries = 1;
    harness_client(&h);
}

/* Copies, since the texts of one live until the next. */
static void take(void)
{
    pomex_event e;
    for (count = 0; count < MOST && pomex_client_next_event(h.client, &e); count++) {
        told *t = &all[count];
        *t = (told){.event = e};
        snprintf(t->id, sizeof t->id, "%s", e.id ? e.id : "");
        snprintf(t->request_id, sizeof t->request_id, "%s", e.request_id ? e.request_id : "");
        snprintf(t->method, sizeof t->method, "%s", e.method ? e.method : "");
        snprintf(t->path, sizeof t->path, "%s", e.path ? e.path : "");
    }
}

/* The events of an operation that this finishes. */
static pomex_operation *finished(pomex_operation *op)
{
    assert_non_null(op);
    harness_finish(&h, op);
    take();
    for (size_t i = 0; i < count; i++)
        assert_true(all[i].event.operation == pomex_operation_id(op));
    return op;
}

static void end(pomex_operation *op)
{
    pomex_operation_release(op);
    harness_stop(&h);
}

/* The events in short, one after the other: name status type detail id request_id ends. */
static void assert_events(const char *wanted)
{
    static char text[4096];
    size_t used = 0;
    for (size_t i = 0; i < count; i++) {
        const pomex_event *e = &all[i].event;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s %d %s %s %s %s%s%s%s%s\n",
                                 e->name, e->status, e->type ? e->type : "-",
                                 e->detail[0] ? e->detail : "-", *all[i].id ? all[i].id : "-",
                                 *all[i].request_id ? all[i].request_id : "-",
                                 e->next >= 0 ? " goes on" : "", e->ends ? " ends as " : "",
                                 e->ends ? e->ends : "", e->between ? " between" : "");
    }
    assert_string_equal(text, wanted);
}

static pomex_operation *get(const char *id)
{
    return finished(pomex_client_call(h.client, POMEX_ASSET_GET, id, strlen(id), NULL, NULL));
}

TEST_CASE(a_failed_attempt_says_why)
{
    static const fault_step steps[] = {
        {.status = 503, .headers = "X-Request-Id: r-1\r\n", .times = 1},
        {.body = "{}", .headers = "X-Request-Id: r-2\r\n"}};
    begin(steps, 2);
    pomex_operation *op = get("asset-1");
    assert_events("request 0 - - asset-1 -\n"
                  "response 503 unavailable_error - asset-1 r-1 goes on\n"
                  "retry 503 unavailable_error - asset-1 r-1\n"
                  "request 0 - - asset-1 -\n"
                  "response 200 - - asset-1 r-2\n"
                  "done 200 - - asset-1 r-2\n");
    assert_true(all[1].event.next >= 0.25 && all[1].event.next <= 0.5);
    assert_true(all[2].event.seconds >= 0.25 && all[2].event.seconds <= 0.5);
    assert_int_equal(all[4].event.attempt, 2);
    assert_string_equal(pomex_operation_request_id(op), "r-2");
    end(op);
}

TEST_CASE(and_how_it_ends)
{
    static const struct {
        fault_step step;
        enum pomex_effect effect;
        const char *events, *request_id;
    } rows[] = {
        {{.status = 400, .headers = "X-Request-Id: r-1\r\n", .body = "{}"},
         POMEX_EFFECT_BILLED,
         "request 0 - - - -\n"
         "response 400 invalid_request_error - - r-1 ends as invalid_request_error\n"
         "done 400 invalid_request_error - - r-1\n",
         "r-1"},
        {{.match = "POST", .kind = FAULT_CLOSE}, /* and then there is no list of tasks */
         POMEX_EFFECT_BILLED,
         "request 0 - - - -\n"
         "response 0 connection_error - - - goes on\n"
         "request 0 - - - -\n"
         "response 404 not_found_error - - - ends as ambiguous_error\n"
         "done 404 ambiguous_error - - -\n",
         NULL},
        {{.body = "<html>", .headers = "X-Request-Id: r-1\r\n"},
         POMEX_EFFECT_SPARE,
         "request 0 - - - -\n"
         "response 200 decode_error - - r-1 ends as decode_error\n"
         "done 200 decode_error - - r-1\n",
         "r-1"},
        {{.body = "{\"id\":\"cgt-1\"}", .headers = "X-Request-Id: r-1\r\n"},
         POMEX_EFFECT_BILLED,
         "request 0 - - - -\n"
         "response 200 - - cgt-1 r-1\n"
         "done 200 - - cgt-1 r-1\n",
         "r-1"},
        {{.status = 404, .headers = "X-Request-Id: is sk-test-key\r\n"},
         POMEX_EFFECT_SPARE,
         "request 0 - - - -\n"
         "response 404 not_found_error - - is *********** ends as not_found_error\n"
         "done 404 not_found_error - - is ***********\n",
         "is ***********"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin(&rows[i].step, 1);
        pomex_operation *op = finished(harness_call(&h, rows[i].effect));
        assert_events(rows[i].events);
        const char *id = pomex_operation_request_id(op);
        assert_string_equal(id ? id : "none", rows[i].request_id ? rows[i].request_id : "none");
        end(op);
    }
}

TEST_CASE(a_look_says_what_it_saw)
{
    static const fault_step steps[] = {
        {.times = 1, .status = 500, .headers = "X-Request-Id: r-1\r\n"},
        {.times = 1, .body = "nothing", .headers = "X-Request-Id: r-2\r\n"},
        {.times = 1, .kind = FAULT_TRUNCATE, .body = "{\"status\":\"running\"}", .cut = 5},
        {.times = 1, .body = "{\"status\":\"running\"}"},
        {.body = "{\"status\":\"failed\"}", .headers = "X-Request-Id: r-5\r\n"}};
    begin(steps, 5);
    pomex_operation *op =
        finished(pomex_client_wait(h.client, POMEX_GENERATION_GET, "cgt-1", 5, NULL));
    assert_events("request 0 - - cgt-1 -\n"
                  "response 500 api_error - cgt-1 r-1 goes on\n"
                  "retry 500 api_error - cgt-1 r-1\n"
                  "request 0 - - cgt-1 -\n"
                  "response 200 decode_error - cgt-1 r-2 goes on\n"
                  "retry 200 decode_error - cgt-1 r-2\n"
                  "request 0 - - cgt-1 -\n"
                  "response 0 connection_error - cgt-1 - goes on\n"
                  "retry 0 connection_error - cgt-1 -\n"
                  "request 0 - - cgt-1 -\n"
                  "response 200 - running cgt-1 - goes on\n"
                  "update 200 - running cgt-1 -\n"
                  "request 0 - - cgt-1 -\n"
                  "response 200 generation_failed failed cgt-1 r-5 ends as generation_failed\n"
                  "update 200 - failed cgt-1 r-5\n"
                  "done 200 generation_failed - cgt-1 r-5\n");
    assert_string_equal(pomex_operation_error(op)->request_id, "r-5");
    end(op);
}

TEST_CASE(what_ends_between_attempts_says_so)
{
    static const fault_step step = {.body = "{\"status\":\"running\"}",
                                    .headers = "X-Request-Id: r-1\r\n"};
    begin(&step, 1);
    pomex_operation *op = pomex_client_wait(h.client, POMEX_GENERATION_GET, "cgt-1", 5, NULL);
    harness_arrived(&h, "GET", 1);
    while (!pomex_operation_request_id(op))
        harness_rest(&h, 0.001);
    pomex_operation_cancel(op);
    take();
    assert_events("request 0 - - cgt-1 -\n"
                  "response 200 - running cgt-1 r-1 goes on\n"
                  "update 200 - running cgt-1 r-1\n"
                  "done 200 cancelled_error - cgt-1 r-1 between\n");
    assert_string_equal(pomex_operation_error(op)->request_id, "r-1");
    end(op);
}

TEST_CASE(a_request_of_ones_own_has_its_path)
{
    static const struct {
        const char *path, *shown;
    } rows[] = {
        {"/v1/models", "/v1/models"},
        {"/v1/people?name=rachel", "/v1/people"},
        {"/v1/group-20260619145855-snq4q/x?y", "/v1/group-*/x"},
        {"/v1/groups/group-1", "/v1/groups/group-*"},
        {"/v1/sk-test-key/x", "/v1/***********/x"},
    };
    static const fault_step step = {.body = "{}"};
    json_t *query = json_pack("{s:s}", "person", "rachel");
    begin(&step, 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pomex_operation *op = finished(pomex_client_request(
            h.client, "DELETE", rows[i].path, i % 2 ? query : NULL, NULL, NULL, NULL));
        assert_int_equal(count, 3);
        for (size_t k = 0; k < count; k++) {
            assert_string_equal(all[k].event.endpoint, "request");
            assert_string_equal(all[k].method, "DELETE");
            assert_string_equal(all[k].path, rows[i].shown);
        }
        pomex_operation_release(op);
    }
    pomex_operation *op = get("group-1"); /* a slip, but no event tells of a group */
    assert_string_equal(all[0].id, "");
    assert_string_equal(all[0].path, "");
    pomex_operation_release(op);
    op = get("sk-test-key");
    assert_string_equal(all[0].id, "***********");
    char longer[400] = "/";
    memset(longer + 1, 'a', sizeof longer - 2);
    pomex_operation_release(
        finished(pomex_client_request(h.client, "GET", longer, NULL, NULL, NULL, NULL)));
    size_t shown = strlen(all[0].path);
    assert_true(shown > 200 && shown < 256);
    /* Where the cut goes through the key, nothing of it is shown. */
    memcpy(longer + shown - 6, "sk-test-key", strlen("sk-test-key"));
    pomex_operation_release(
        finished(pomex_client_request(h.client, "GET", longer, NULL, NULL, NULL, NULL)));
    assert_int_equal(strlen(all[0].path), shown);
    assert_string_equal(all[0].path + shown - 7, "a******");
    json_decref(query);
    end(op);
}

/* A host that takes no events, and one that stops half-way. */
TEST_CASE(what_nobody_takes_is_counted)
{
    static const fault_step step = {.body = "{}"};
    pomex_event e;
    begin(&step, 1);
    for (int i = 0; i < 342; i++) { /* three events each */
        pomex_operation *op =
            pomex_client_call(h.client, POMEX_ASSET_GET, "asset-1", 7, NULL, NULL);
        harness_finish(&h, op);
        pomex_operation_release(op);
    }
    for (int i = 0; i < 1024; i++) {
        assert_true(pomex_client_next_event(h.client, &e));
        assert_string_equal(e.id, "asset-1");
    }
    assert_true(pomex_client_next_event(h.client, &e));
    assert_string_equal(e.name, "dropped");
    assert_string_equal(e.detail, "2");
    assert_false(pomex_client_next_event(h.client, &e));
    end(get("asset-1"));
}
