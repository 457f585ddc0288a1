/* Uploads of which nobody knows: looked up at the service itself, adopted where no doubt is
 * left, never another's of the same client. What one upload is, the service tells by the file
 * name of its url. */
#include "cmocka_all.h"

#include "service.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define POST    "POST /v1/video/assets"
#define LIST    "GET /v1/video/assets?"
#define REFUSED "{\"error\":{\"message\":\"slow down\",\"type\":\"x\"}}"

typedef struct upload {
    pomex_operation *op;
    char file[32];
} upload;

/* name: NULL for none. */
static upload begin(service *s, const char *name)
{
    static unsigned number;
    pomex_call_options options;
    upload u;
    char url[96];
    pomex_call_options_init(&options);
    snprintf(u.file, sizeof u.file, "file-%u-.jpg", ++number);
    snprintf(url, sizeof url, "https://cdn.example/%s", u.file);
    json_t *body =
        json_pack("{s:s, s:s, s:s*}", "url", url, "asset_type", "Image", "name", name);
    u.op = pomex_client_call(s->h.client, POMEX_ASSET_CREATE, NULL, 0, body, &options);
    json_decref(body);
    assert_non_null(u.op);
    return u;
}

/* How many assets the service has that are of this upload; *id is the last one's. */
static size_t stored(const service *s, const upload *u, char id[64])
{
    size_t i, count = 0;
    json_t *item;
    id[0] = '\0';
    for (int page = 1; page <= 3; page++) {
        char path[160];
        snprintf(path, sizeof path, "/v1/video/assets?limit=100&page=%d", page);
        json_t *list = sandbox_ask(&s->sb, "GET", path, NULL);
        json_array_foreach(json_object_get(list, "items"), i, item)
        {
            if (!strstr(json_string_value(json_object_get(item, "url")), u->file))
                continue;
            count++;
            snprintf(id, 64, "%s", json_string_value(json_object_get(item, "id")));
        }
        json_decref(list);
    }
    return count;
}

static void is_adopted(service *s, upload *u)
{
    char id[64];
    harness_finish(&s->h, u->op);
    const char *given = service_reply_id(u->op);
    assert_int_equal(stored(s, u, id), 1);
    assert_string_equal(given, id);
    pomex_operation_release(u->op);
}

static void is_doubtful(service *s, upload *u, size_t count)
{
    char id[64];
    harness_finish(&s->h, u->op);
    const pomex_error *error = pomex_operation_error(u->op);
    assert_non_null(error);
    assert_string_equal(error->type, "ambiguous_error");
    assert_false(error->maybe_billed);
    assert_int_equal(stored(s, u, id), count);
    pomex_operation_release(u->op);
}

static void start(service *s, const fault_step *steps, size_t count)
{
    service_start(s, false);
    service_client(s);
    service_network(s, steps, count);
}

/* What the service already has under such names. */
static void add(service *s, const char *name, int count)
{
    json_t *made = sandbox_ask(
        &s->sb, "POST", "/_sandbox/assets",
        json_pack("{s:s, s:s, s:i}", "status", "active", "name", name, "count", count));
    assert_non_null(made);
    json_decref(made);
}

/* The list knows nothing of it at first. */
TEST_CASE(an_asset_that_appears_late)
{
    static const fault_step steps[] = {
        {.match = POST, .kind = FAULT_CLOSE, .forward = true, .times = 1},
        {.match = LIST,
         .body = "{\"object\":\"list\",\"items\":[],\"total_count\":0}",
         .headers = "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n",
         .times = 3},
        {.match = LIST, .status = 502, .times = 1},
    };
    service s;
    start(&s, steps, 3);
    upload u = begin(&s, "front");
    is_adopted(&s, &u);
    assert_int_equal(fault_server_count(s.h.server, LIST), 5);
    assert_int_equal(fault_server_count(s.h.server, POST), 1);
    service_stop(&s);
}

TEST_CASE(one_that_never_appears)
{
    static const fault_step steps[] = {
        {.match = POST, .kind = FAULT_CLOSE, .forward = true},
        {.match = LIST, .body = "{\"object\":\"list\",\"items\":[],\"total_count\":0}"},
    };
    service s;
    start(&s, steps, 2);
    upload u = begin(&s, "front");
    is_doubtful(&s, &u, 1);
    assert_int_equal(fault_server_count(s.h.server, LIST), 5);
    assert_int_equal(fault_server_count(s.h.server, POST), 1);
    service_stop(&s);
}

/* The filter by name is fuzzy: it lists more than was asked for. */
TEST_CASE(a_fuzzy_name)
{
    static const char *const others[] = {"front door", "Front", "FRONT", "a front", "front2"};
    static const fault_step lost[] = {
        {.match = POST, .kind = FAULT_CLOSE, .forward = true, .times = 1}};
    static const fault_step unsent[] = {{.match = POST, .kind = FAULT_CLOSE, .times = 1}};
    service s;
    start(&s, lost, 1);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        add(&s, others[i], 1);
    upload u = begin(&s, "front");
    is_adopted(&s, &u);
    /* And none of them, where ours is not there. */
    service_network(&s, unsent, 1);
    u = begin(&s, "fron");
    is_doubtful(&s, &u, 0);
    assert_true(fault_server_count(s.h.server, LIST) >= 5);
    service_stop(&s);
}

/* More are alike and new than a list gives: whether there is only one, nobody can say. */
TEST_CASE(more_than_a_list_gives)
{
    static const fault_step lost[] = {
        {.match = POST, .kind = FAULT_CLOSE, .forward = true, .times = 1}};
    service s;
    start(&s, lost, 1);
    add(&s, "front", 120);
    upload u = begin(&s, "front");
    is_doubtful(&s, &u, 1);
    service_stop(&s);
}

/* Two alike at once, of which one is lost, or both, whatever was stored of them. */
TEST_CASE(two_alike_at_once)
{
    static const struct {
        bool first, second; /* stored by the service, and then lost */
    } rows[] = {{true, true}, {true, false}, {false, true}, {false, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const fault_step steps[] = {
            {.match = POST, .kind = FAULT_CLOSE, .forward = rows[i].first, .times = 1},
            {.match = POST, .kind = FAULT_CLOSE, .forward = rows[i].second, .times = 1},
        };
        service s;
        start(&s, steps, 2);
        upload one = begin(&s, "front");
        harness_arrived(&s.h, POST, 1);
        upload two = begin(&s, "front");
        harness_arrived(&s.h, POST, 2);
        is_doubtful(&s, &one, rows[i].first);
        is_doubtful(&s, &two, rows[i].second);
        assert_int_equal(fault_server_count(s.h.server, POST), 2);
        service_stop(&s);
    }
}

/* One is lost, and its like answered: then there is no doubt about the other. */
TEST_CASE(its_like_is_known)
{
    for (int stored_too = 0; stored_too < 2; stored_too++) {
        const fault_step steps[] = {
            {.match = POST, .kind = FAULT_CLOSE, .forward = stored_too, .times = 1}};
        service s;
        start(&s, steps, 1);
        upload lost = begin(&s, "front");
        harness_arrived(&s.h, POST, 1);
        upload known = begin(&s, "front");
        harness_arrived(&s.h, POST, 2);
        is_adopted(&s, &known); /* answered, that is */
        if (stored_too)
            is_adopted(&s, &lost);
        else
            is_doubtful(&s, &lost, 0);
        service_stop(&s);
    }
}

/* A service that refuses what it has stored leaves an asset that nobody knows of: the next of
 * that name must not take it. */
TEST_CASE(what_was_refused_and_stored)
{
    static const struct {
        const char *name;
        int refusals; /* of the first upload; all three: it is given up */
    } rows[] = {{"given up", 3}, {"answered in the end", 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const fault_step steps[] = {
            {.match = POST,
             .status = 429,
             .body = REFUSED,
             .forward = true,
             .times = rows[i].refusals},
        };
        const fault_step lost[] = {{.match = POST, .kind = FAULT_CLOSE, .times = 1}};
        service s;
        char id[64];
        start(&s, steps, 1);
        upload first = begin(&s, "front");
        harness_finish(&s.h, first.op);
        const pomex_error *error = pomex_operation_error(first.op);
        assert_int_equal(error != NULL, rows[i].refusals == 3);
        assert_int_equal(stored(&s, &first, id), rows[i].refusals + (error == NULL));
        pomex_operation_release(first.op);
        service_network(&s, lost, 1);
        upload second = begin(&s, "front");
        is_doubtful(&s, &second, 0);
        service_stop(&s);
    }
}

/* Cancelled while it waits to be sent again, that is as true. */
TEST_CASE(what_was_refused_stored_and_cancelled)
{
    static const fault_step steps[] = {
        {.match = POST, .status = 429, .body = REFUSED, .forward = true, .times = 1},
        {.match = POST, .kind = FAULT_CLOSE, .times = 1}};
    service s;
    start(&s, steps, 2);
    upload first = begin(&s, "front");
    while (!inside_is_paused(first.op))
        harness_rest(&s.h, 0.002);
    pomex_operation_cancel(first.op);
    assert_string_equal(pomex_operation_error(first.op)->type, "cancelled_error");
    pomex_operation_release(first.op);
    upload second = begin(&s, "front");
    is_doubtful(&s, &second, 0);
    service_stop(&s);
}

/* Its own it may take, whichever of its attempts it is of. */
TEST_CASE(what_was_refused_and_then_lost)
{
    for (int stored_first = 0; stored_first < 2; stored_first++) {
        const fault_step steps[] = {
            {.match = POST,
             .status = 429,
             .body = REFUSED,
             .forward = stored_first,
             .times = 1},
            {.match = POST, .kind = FAULT_CLOSE, .forward = !stored_first, .times = 1},
        };
        service s;
        start(&s, steps, 2);
        upload u = begin(&s, "front");
        is_adopted(&s, &u);
        assert_int_equal(fault_server_count(s.h.server, POST), 2);
        service_stop(&s);
    }
}

/* Of the same name, but older than the request: another's. */
TEST_CASE(one_from_before)
{
    static const fault_step unsent[] = {{.match = POST, .kind = FAULT_CLOSE, .times = 1}};
    service s;
    start(&s, unsent, 1);
    add(&s, "front", 1);
    json_decref(
        sandbox_ask(&s.sb, "POST", "/_sandbox/clock", json_pack("{s:i}", "advance", 60)));
    upload u = begin(&s, "front");
    is_doubtful(&s, &u, 0);
    assert_true(fault_server_count(s.h.server, LIST) >= 5);
    service_stop(&s);
}

/* Two clients of one account, as in two processes: neither knows of the other's uploads. The
 * names that pomex makes are nobody else's. Of the same name that both gave, nobody can tell
 * whose the one asset is: so the documentation asks for names that are unique. */
TEST_CASE(two_clients_at_once)
{
    static const fault_step unsent[] = {{.match = POST, .kind = FAULT_CLOSE, .times = 1}};
    static const char *const names[] = {NULL, "front"};
    for (size_t i = 0; i < 2; i++) {
        char id[64];
        service s;
        start(&s, unsent, 1);
        pomex_client *first = s.h.client;
        harness_client(&s.h);
        pomex_client *second = s.h.client;
        s.h.client = first;
        upload lost = begin(&s, names[i]);
        harness_arrived(&s.h, POST, 1);
        s.h.client = second;
        upload known = begin(&s, names[i]);
        is_adopted(&s, &known); /* answered, that is */
        s.h.client = first;
        if (names[i]) {
            harness_finish(&s.h, lost.op);
            assert_int_equal(stored(&s, &lost, id), 0);
            assert_int_equal(stored(&s, &known, id), 1);
            assert_string_equal(service_reply_id(lost.op), id);
            pomex_operation_release(lost.op);
        } else {
            is_doubtful(&s, &lost, 0);
        }
        pomex_client_free(second);
        service_stop(&s);
    }
}
