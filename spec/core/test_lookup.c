/* An upload that may have been carried out: adopted where the list leaves no doubt, else told
 * as it is; never sent again. */
#include "cmocka_all.h"

#include "harness.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define LIST "GET /v1/video/assets?"
#define POST "POST /v1/video/assets"

/* A list of assets as the service gives it; {created} is replaced by a time of now. */
static const char *listed(char *out, size_t size, const char *items)
{
    char now[32];
    time_t at = time(NULL);
    struct tm parts;
    strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&at, &parts));
    snprintf(out, size, "{\"object\":\"list\",\"items\":[");
    for (const char *p = items; *p; p++) {
        size_t used = strlen(out);
        if (strncmp(p, "{created}", 9) == 0) {
            snprintf(out + used, size - used, "%s", now);
            p += 8;
        } else {
            snprintf(out + used, size - used, "%c", *p);
        }
    }
    strncat(out, "]}", size - strlen(out) - 1);
    return out;
}

#define ITEM(id, name, type, created)                                                          \
    "{\"id\":\"" id "\",\"name\":\"" name "\",\"asset_type\":\"" type                          \
    "\",\"group_id\":\"group-1\",\"status\":\"processing\",\"created_at\":\"" created "\"}"
#define OURS ITEM("asset-9", "front", "Image", "{created}")

static const char *date_of_now(char *out, size_t size)
{
    time_t at = time(NULL);
    struct tm parts;
    strftime(out, size, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", gmtime_r(&at, &parts));
    return out;
}

/* Uploads, loses the answer, and lets the client look at such a list. */
static pomex_operation *lose(harness *h, const char *items, char *text, size_t size)
{
    static char date[64];
    static fault_step steps[2];
    steps[0] = (fault_step){.match = POST, .kind = FAULT_CLOSE};
    steps[1] = (fault_step){.match = LIST,
                            .headers = date_of_now(date, sizeof date),
                            .body = listed(text, size, items)};
    harness_script(h, steps, 2);
    pomex_operation *op = harness_call(h, POMEX_EFFECT_ASSET);
    harness_finish(h, op);
    assert_int_equal(fault_server_count(h->server, POST), 1);
    return op;
}

TEST_CASE(the_one_that_fits_is_adopted)
{
    static const char *const lists[] = {
        OURS,
        ITEM("asset-1", "front", "Video", "{created}") "," OURS,
        ITEM("asset-1", "front-2", "Image", "{created}") "," OURS,
        OURS "," ITEM("asset-1", "front", "Image", "2020-01-01T00:00:00Z"),
    };
    char text[2048];
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        harness h;
        fault_request r;
        harness_start(&h, NULL, 0, false);
        harness_client(&h);
        pomex_operation *op = lose(&h, lists[i], text, sizeof text);
        const pomex_error *error = pomex_operation_error(op);
        if (error)
            fail_msg("list %zu: %s: %s", i, error->type, error->message);
        json_t *body = json_loads(pomex_operation_body(op, NULL), 0, NULL);
        assert_string_equal(json_string_value(json_object_get(body, "id")), "asset-9");
        assert_string_equal(json_string_value(json_object_get(body, "object")), "video.asset");
        json_decref(body);
        assert_true(fault_server_request(h.server, LIST, 0, &r));
        assert_non_null(strstr(r.line, "group_id=group-1"));
        assert_non_null(strstr(r.line, "name=front"));
        pomex_operation_release(op);
        harness_stop(&h);
    }
}

TEST_CASE(doubt_is_told)
{
    static const struct {
        const char *items;
        size_t candidates;
    } rows[] = {
        {"", 0},
        {OURS "," ITEM("asset-8", "front", "Image", "{created}"), 2},
        {ITEM("asset-1", "front", "Image", "2020-01-01T00:00:00Z"), 0},
        {ITEM("asset-1", "Front", "Image", "{created}"), 0},
        {ITEM("asset-1", "front", "Audio", "{created}"), 0},
        {ITEM("asset-1", "front", "Image", "yesterday"), 0},
        {ITEM("", "front", "Image", "{created}"), 0},
        {"7,null,[]", 0},
    };
    char text[2048];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        harness h;
        harness_start(&h, NULL, 0, false);
        harness_client(&h);
        pomex_operation *op = lose(&h, rows[i].items, text, sizeof text);
        const pomex_error *error = pomex_operation_error(op);
        assert_non_null(error);
        assert_string_equal(error->type, "ambiguous_error");
        assert_string_equal(error->cause, "connection_error");
        assert_string_equal(error->endpoint, "assets.create");
        assert_int_equal(error->attempts, 1);
        assert_false(error->maybe_billed);
        assert_int_equal(json_array_size(error->candidates), rows[i].candidates);
        assert_true(fault_server_count(h.server, LIST) >= 3);
        pomex_operation_release(op);
        harness_stop(&h);
    }
}

/* A page that is full of new assets may have cut off a second one that fits. */
TEST_CASE(a_full_page_proves_nothing)
{
    enum { PAGE = 100, ROOM = PAGE * 160 };
    static const char newer[] = ITEM("asset-1", "other", "Image", "{created}");
    static const char older[] = ITEM("asset-1", "other", "Image", "2020-01-01T00:00:00Z");
    static char items[ROOM], text[ROOM];
    for (int cut = 0; cut < 2; cut++) {
        harness h;
        harness_start(&h, NULL, 0, false);
        harness_client(&h);
        strcpy(items, OURS);
        for (int i = 1; i < PAGE; i++) {
            strcat(items, ",");
            strcat(items, i < PAGE - 1 || cut ? newer : older);
        }
        pomex_operation *op = lose(&h, items, text, sizeof text);
        const pomex_error *error = pomex_operation_error(op);
        if (cut) {
            assert_non_null(error);
            assert_int_equal(json_array_size(error->candidates), 1);
        } else {
            assert_null(error);
        }
        pomex_operation_release(op);
        harness_stop(&h);
    }
}

/* An asset whose id this client was given is another upload's. */
TEST_CASE(what_is_known_is_not_adopted_twice)
{
    char text[2048];
    harness h;
    harness_start(&h, NULL, 0, false);
    harness_client(&h);
    pomex_operation *op = lose(&h, OURS, text, sizeof text);
    assert_null(pomex_operation_error(op));
    pomex_operation_release(op);
    op = lose(&h, OURS, text, sizeof text);
    assert_string_equal(pomex_operation_error(op)->type, "ambiguous_error");
    pomex_operation_release(op);
    harness_stop(&h);
}

/* Two uploads of one name are under way: what is listed may be either's. */
TEST_CASE(twins_are_not_told_apart)
{
    char text[2048], date[64];
    harness h;
    harness_start(&h, NULL, 0, false);
    harness_client(&h);
    date_of_now(date, sizeof date);
    const fault_step steps[] = {
        {.match = POST, .kind = FAULT_CLOSE, .times = 1},
        {.match = POST, .kind = FAULT_HANG},
        {.match = LIST, .headers = date, .body = listed(text, sizeof text, OURS)}};
    harness_script(&h, steps, 3);
    pomex_operation *lost = harness_call(&h, POMEX_EFFECT_ASSET);
    harness_arrived(&h, POST, 1);
    pomex_operation *other = harness_call(&h, POMEX_EFFECT_ASSET);
    harness_arrived(&h, LIST, 2);
    assert_false(pomex_operation_done(lost));
    pomex_operation_cancel(lost);
    assert_string_equal(pomex_operation_error(lost)->type, "ambiguous_error");
    assert_string_equal(pomex_operation_error(lost)->cause, "connection_error");
    pomex_operation_cancel(other);
    pomex_operation_release(lost);
    pomex_operation_release(other);
    harness_stop(&h);
}

/* Ends an upload that is lost or cancelled; true: it was adopted. */
static bool ended_well(harness *h, pomex_operation *op, const char *cause)
{
    harness_finish(h, op);
    const pomex_error *error = pomex_operation_error(op);
    if (error) {
        assert_string_equal(error->type, "ambiguous_error");
        assert_string_equal(error->cause, cause);
    }
    pomex_operation_release(op);
    return error == NULL;
}

/* Of two lost uploads the service has stored one, and nobody knows which: the one that looks
 * for longer has no better claim than the one that gave up. */
TEST_CASE(what_another_gave_up_on_is_not_adopted)
{
    char text[2048], date[64];
    harness h;
    harness_start(&h, NULL, 0, false);
    harness_client(&h);
    const fault_step steps[] = {{.match = POST, .kind = FAULT_CLOSE},
                                {.match = LIST,
                                 .headers = date_of_now(date, sizeof date),
                                 .body = listed(text, sizeof text, OURS)}};
    harness_script(&h, steps, 2);
    pomex_operation *first = harness_call(&h, POMEX_EFFECT_ASSET);
    harness_arrived(&h, POST, 1);
    pomex_operation *second = harness_call(&h, POMEX_EFFECT_ASSET);
    harness_arrived(&h, POST, 2);
    harness_advance(&h, 0.3);
    harness_arrived(&h, LIST, 1);
    while (!pomex_operation_done(first) && !pomex_operation_done(second)) {
        harness_rest(&h, 0.02);
        harness_advance(&h, 0.5);
    }
    pomex_operation *last = harness_call(&h, POMEX_EFFECT_ASSET);
    size_t looks = fault_server_count(h.server, LIST);
    assert_false(ended_well(&h, first, "connection_error"));
    assert_false(ended_well(&h, second, "connection_error"));
    assert_false(ended_well(&h, last, "connection_error"));
    assert_true(fault_server_count(h.server, LIST) >= looks + 5); /* it did look */
    assert_int_equal(fault_server_count(h.server, POST), 3);
    harness_stop(&h);
}

/* The same of one that was cancelled on its way. */
TEST_CASE(what_a_cancelled_one_left_is_not_adopted)
{
    char text[2048], date[64];
    harness h;
    harness_start(&h, NULL, 0, false);
    harness_client(&h);
    const fault_step steps[] = {{.match = POST, .kind = FAULT_HANG, .times = 1},
                                {.match = POST, .kind = FAULT_CLOSE},
                                {.match = LIST,
                                 .headers = date_of_now(date, sizeof date),
                                 .body = listed(text, sizeof text, OURS)}};
    harness_script(&h, steps, 3);
    pomex_operation *first = harness_call(&h, POMEX_EFFECT_ASSET);
    harness_arrived(&h, POST, 1);
    pomex_operation_cancel(first);
    assert_false(ended_well(&h, first, "cancelled_error"));
    assert_false(ended_well(&h, harness_call(&h, POMEX_EFFECT_ASSET), "connection_error"));
    assert_true(fault_server_count(h.server, LIST) >= 3);
    assert_int_equal(fault_server_count(h.server, POST), 2);
    harness_stop(&h);
}

/* Without a name of the caller's, a name that nobody else can have. */
TEST_CASE(a_nameless_upload_gets_a_name)
{
    static const fault_step step = {.body = "{\"id\":\"asset-1\"}"};
    pomex_call_options options;
    fault_request r[2];
    harness h;
    harness_start(&h, &step, 1, false);
    harness_client(&h);
    pomex_call_options_init(&options);
    json_t *payload = json_pack("{s:s, s:s}", "url", "https://a/b", "asset_type", "Image");
    for (size_t i = 0; i < 2; i++) {
        pomex_operation *op =
            pomex_client_call(h.client, POMEX_ASSET_CREATE, NULL, 0, payload, &options);
        harness_finish(&h, op);
        pomex_operation_release(op);
        assert_true(fault_server_request(h.server, POST, i, &r[i]));
        const char *name = strstr(r[i].body, "\"name\":\"pomex-");
        assert_non_null(name);
        assert_int_equal(strspn(name + 14, "0123456789abcdef"), 32);
    }
    assert_string_not_equal(r[0].body, r[1].body);
    assert_null(json_object_get(payload, "name")); /* the caller's own table is as it was */
    json_decref(payload);
    harness_stop(&h);
}

/* What the caller asked to send without a check is nobody's to mend, nor to look for. */
TEST_CASE(an_empty_name_is_sent_as_it_is)
{
    static const fault_step step = {.match = POST, .kind = FAULT_CLOSE};
    pomex_call_options options;
    fault_request r;
    harness h;
    harness_start(&h, &step, 1, false);
    harness_client(&h);
    pomex_call_options_init(&options);
    options.no_validation = true;
    json_t *payload =
        json_pack("{s:s, s:s, s:s}", "url", "https://a/b", "asset_type", "Image", "name", "");
    pomex_operation *op =
        pomex_client_call(h.client, POMEX_ASSET_CREATE, NULL, 0, payload, &options);
    json_decref(payload);
    assert_false(ended_well(&h, op, "connection_error"));
    assert_true(fault_server_request(h.server, POST, 0, &r));
    assert_non_null(strstr(r.body, "\"name\":\"\""));
    assert_int_equal(fault_server_count(h.server, NULL), 1);
    harness_stop(&h);
}
