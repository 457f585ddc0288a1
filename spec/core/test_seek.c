/* A generation whose answer is lost: the tasks of the account that can be it are named, and one is
 * taken only if it was asked for and nothing else can be. */
#include "cmocka_all.h"

#include "harness.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define POST "POST /v1/video/generations"
#define LIST "GET /v1/video/generations?"

#define BODY                                                                                   \
    "{\"model\":\"m\",\"duration\":5,\"seed\":-1,\"ratio\":\"adaptive\",\"callback_url\":"     \
    "null,\"content\":[{\"type\":\"text\",\"text\":\"a wave\"}]}"

/* The number of this bed: what was taken by an earlier one is held. */
static int nth;

/* `text` with each NTH replaced by that, NOW by seconds since 1970, ISO by the same as the document
 * writes it, IDT as an id has it. */
static const char *dated(char *out, size_t size, const char *text, int offset)
{
    char number[16], iso[32], id[32], bed_number[16];
    time_t at = time(NULL) + offset, there = at + 8 * 3600;
    struct tm parts;
    size_t used = 0;
    snprintf(number, sizeof number, "%lld", (long long)at);
    snprintf(bed_number, sizeof bed_number, "%d", nth);
    strftime(iso, sizeof iso, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&at, &parts));
    strftime(id, sizeof id, "%Y%m%d%H%M%S", gmtime_r(&there, &parts));
    out[0] = '\0';
    while (*text && used + 1 < size) {
        const char *with = strncmp(text, "NOW", 3) == 0   ? number
                           : strncmp(text, "ISO", 3) == 0 ? iso
                           : strncmp(text, "IDT", 3) == 0 ? id
                           : strncmp(text, "NTH", 3) == 0 ? bed_number
                                                          : NULL;
        used += (size_t)snprintf(out + used, size - used, "%.*s", with ? 32 : 1,
                                 with ? with : text);
        text += with ? 3 : 1;
    }
    return out;
}

static const char *date_header(void)
{
    static char text[64];
    time_t at = time(NULL);
    struct tm parts;
    strftime(text, sizeof text, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", gmtime_r(&at, &parts));
    return text;
}

static pomex_operation *create(pomex_client *client, pomex_adopt adopt)
{
    pomex_call_options options;
    pomex_call_options_init(&options);
    options.adopt = adopt;
    json_t *body = json_loads(BODY, 0, NULL);
    pomex_operation *op =
        pomex_client_call(client, POMEX_GENERATION_CREATE, NULL, 0, body, &options);
    json_decref(body);
    assert_non_null(op);
    return op;
}

/* A server that loses the answer to every create, and has such a list. */
typedef struct bed {
    harness h;
    fault_step steps[3];
    char list[4096];
} bed;

static void start(bed *b, const char *list, int offset, bool has_date)
{
    nth++;
    b->steps[0] = (fault_step){.match = POST, .kind = FAULT_CLOSE};
    b->steps[1] = (fault_step){.match = LIST,
                               .headers = has_date ? date_header() : NULL,
                               .body = dated(b->list, sizeof b->list, list, offset)};
    harness_start(&b->h, b->steps, 2, false);
    harness_client(&b->h);
}

/* Another client of the same account. */
static pomex_client *another(const bed *b)
{
    pomex_client *client = pomex_client_new(&b->h.options, NULL);
    assert_non_null(client);
    return client;
}

static size_t lists(bed *b)
{
    return fault_server_count(b->h.server, LIST);
}

static void is_ambiguous(bed *b, pomex_operation *op, size_t candidates)
{
    harness_finish(&b->h, op);
    const pomex_error *error = pomex_operation_error(op);
    assert_non_null(error);
    assert_string_equal(error->type, "ambiguous_error");
    assert_string_equal(error->cause, "connection_error");
    assert_string_equal(error->endpoint, "generations.create");
    assert_int_equal(error->billed, POMEX_BILLED_MAYBE);
    assert_int_equal(error->attempts, 1);
    assert_false(error->retryable);
    if (json_array_size(error->candidates) != candidates)
        fail_msg("%zu candidates and not %zu of %s", json_array_size(error->candidates),
                 candidates, b->list);
    assert_int_equal(fault_server_count(b->h.server, POST), 1);
    pomex_operation_release(op);
}

static void is_adopted(bed *b, pomex_operation *op)
{
    char id[32];
    snprintf(id, sizeof id, "cgt-%d-9", nth);
    harness_finish(&b->h, op);
    const pomex_error *error = pomex_operation_error(op);
    if (error)
        fail_msg("%s: %s", error->type, error->message);
    assert_string_equal(pomex_operation_object(op), id);
    assert_int_equal(pomex_operation_attempts(op), 1);
    assert_int_equal(pomex_operation_billed(op), POMEX_BILLED_YES);
    assert_string_equal(inside_endpoint(op)->name, "generations.create");
    json_t *task = json_loads(pomex_operation_body(op, NULL), 0, NULL);
    assert_string_equal(json_string_value(json_object_get(task, "id")), id);
    assert_string_equal(json_string_value(json_object_get(task, "object")),
                        "video.generation.task");
    json_decref(task);
    pomex_operation_release(op);
}

#define OURS   "{\"id\":\"cgt-NTH-9\",\"model\":\"m\",\"created_at\":NOW}"
#define OTHERS "{\"id\":\"cgt-8\",\"created_at\":\"ISO\"}"

TEST_CASE(what_can_be_it_is_named)
{
    static const struct {
        const char *list;
        int offset;
        size_t candidates;
    } rows[] = {
        {"{\"items\":[" OURS "],\"total_count\":1}", 0, 1},
        {"{\"data\":[" OURS "]}", 0, 1},
        {"{\"items\":[" OURS "," OTHERS "],\"total\":2}", 0, 2},
        {"{\"items\":[" OURS "]}", -60, 0},
        {"{\"items\":[" OURS "]}", 60, 0},
        {"{\"items\":[{\"id\":\"cgt-9\",\"model\":\"n\",\"created_at\":NOW}]}", 0, 0},
        {"{\"items\":[{\"id\":\"c\",\"duration\":6,\"created_at\":NOW}]}", 0, 0},
        {"{\"items\":[{\"id\":\"c\",\"duration\":5.0,\"created_at\":NOW}]}", 0, 1},
        {"{\"items\":[{\"id\":\"c\",\"seed\":7,\"ratio\":\"1:1\",\"created_at\":NOW}]}", 0, 1},
        {"{\"items\":[{\"id\":\"c\",\"content\":{},\"created_at\":NOW}]}", 0, 1},
        {"{\"items\":[{\"id\":\"cgt-IDT-abcde\"}]}", 0, 1},
        {"{\"items\":[{\"id\":\"cgt-IDT-abcde\"}]}", 60, 0},
        {"{\"items\":[{\"id\":\"cgt-9\"}]}", 0, 0},
        {"{\"items\":[{\"id\":\"cgt-9\",\"created_at\":\"yesterday\"}]}", 0, 0},
        {"{\"items\":[7,null,[],{\"created_at\":NOW},{\"id\":7,\"created_at\":NOW}]}", 0, 0},
        {"{\"items\":[]}", 0, 0},
        {"{\"items\":7}", 0, 0},
        {"[]", 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bed b;
        start(&b, rows[i].list, rows[i].offset, true);
        is_ambiguous(&b, create(b.h.client, POMEX_ADOPT_NONE), rows[i].candidates);
        assert_true(lists(&b) > 0);
        harness_stop(&b.h);
    }
}

/* What was made some seconds before is named only where nothing else can be it. */
TEST_CASE(what_was_made_before_is_left_out)
{
    bed b;
    start(&b, "{\"items\":[" OURS ",{\"id\":\"cgt-NTH-8\",\"created_at\":NOW}]}", -5, true);
    is_ambiguous(&b, create(b.h.client, POMEX_ADOPT_NONE), 2);
    harness_stop(&b.h);
    char before[64], list[256];
    start(&b, "{}", 0, true);
    snprintf(list, sizeof list, "{\"items\":[" OURS ",%s],\"total_count\":2}",
             dated(before, sizeof before, "{\"id\":\"cgt-NTH-8\",\"created_at\":NOW}", -5));
    b.steps[1].body = dated(b.list, sizeof b.list, list, 0);
    harness_script(&b.h, b.steps, 2);
    pomex_operation *op = create(b.h.client, POMEX_ADOPT_SINGLE);
    harness_finish(&b.h, op);
    const json_t *named = pomex_operation_error(op)->candidates;
    char id[32];
    snprintf(id, sizeof id, "cgt-%d-9", nth);
    assert_int_equal(json_array_size(named), 1);
    assert_string_equal(json_string_value(json_array_get(named, 0)), id);
    pomex_operation_release(op);
    harness_stop(&b.h);
}

TEST_CASE(without_the_services_time_nothing_is)
{
    bed b;
    start(&b, "{\"items\":[" OURS "]}", 0, false);
    is_ambiguous(&b, create(b.h.client, POMEX_ADOPT_SINGLE), 0);
    assert_int_equal(lists(&b), 1);
    harness_stop(&b.h);
}

TEST_CASE(without_a_list_it_is_as_ever)
{
    static const int statuses[] = {404, 405, 403, 400, 500};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        bed b;
        start(&b, "{}", 0, true);
        b.steps[1].status = statuses[i];
        harness_script(&b.h, b.steps, 2);
        is_ambiguous(&b, create(b.h.client, POMEX_ADOPT_SINGLE), 0);
        assert_int_equal(lists(&b), statuses[i] == 500 ? 3 : 1);
        harness_stop(&b.h);
    }
}

TEST_CASE(nobody_looks_who_was_told_not_to)
{
    bed b;
    start(&b, "{\"items\":[" OURS "]}", 0, true);
    is_ambiguous(&b, create(b.h.client, POMEX_ADOPT_UNSOUGHT), 0);
    assert_int_equal(lists(&b), 0);
    harness_stop(&b.h);
}

TEST_CASE(the_only_one_is_taken_if_that_was_asked_for)
{
    bed b;
    start(&b, "{\"items\":[" OURS "],\"total_count\":1}", 0, true);
    is_adopted(&b, create(b.h.client, POMEX_ADOPT_SINGLE));
    assert_int_equal(lists(&b), 1);
    harness_stop(&b.h);
    start(&b, "{\"items\":[" OURS "," OTHERS "],\"total_count\":2}", 0, true);
    is_ambiguous(&b, create(b.h.client, POMEX_ADOPT_SINGLE), 2);
    harness_stop(&b.h);
}

/* A task can take some time to appear. */
TEST_CASE(a_list_that_lags_is_looked_at_again)
{
    bed b;
    start(&b, "{\"items\":[" OURS "],\"total_count\":1}", 0, true);
    b.steps[2] = b.steps[1];
    b.steps[1].body = "{\"items\":[]}";
    b.steps[1].times = 2;
    harness_script(&b.h, b.steps, 3);
    is_adopted(&b, create(b.h.client, POMEX_ADOPT_SINGLE));
    assert_int_equal(lists(&b), 3);
    harness_stop(&b.h);
}

/* Whoever holds it in this process: a create that made it, a wait, a look, another client. */
TEST_CASE(what_somebody_holds_is_not_named)
{
    for (int holder = 0; holder < 4; holder++) {
        bed b;
        char id[32], list[160];
        snprintf(id, sizeof id, "cgt-held-%d", holder);
        snprintf(list, sizeof list, "{\"items\":[{\"id\":\"%s\",\"created_at\":NOW}]}", id);
        start(&b, list, 0, true);
        pomex_client *client = holder == 3 ? another(&b) : b.h.client;
        pomex_operation *op =
            holder == 0 || holder == 3
                ? pomex_client_wait(client, POMEX_GENERATION_GET, id, strlen(id), NULL)
            : holder == 1
                ? pomex_client_call(client, POMEX_GENERATION_GET, id, strlen(id), NULL, NULL)
                : pomex_client_call(client, POMEX_GENERATION_CANCEL, id, strlen(id), NULL,
                                    NULL);
        assert_non_null(op);
        pomex_operation_cancel(op);
        is_ambiguous(&b, create(b.h.client, POMEX_ADOPT_SINGLE), 0);
        pomex_operation_release(op);
        if (client != b.h.client)
            pomex_client_free(client);
        harness_stop(&b.h);
    }
}

/* While another create of the account is under way, or after one ended in doubt, the task can be its
 * own. */
TEST_CASE(nothing_is_taken_that_can_be_anothers)
{
    for (int other = 0; other < 3; other++) {
        bed b;
        start(&b, "{\"items\":[" OURS "],\"total_count\":1}", 0, true);
        pomex_client *client = other == 1 ? another(&b) : b.h.client;
        pomex_operation *op = NULL;
        if (other == 2) {
            op = pomex_client_request(client, "POST", "/v1/video/generations", NULL, NULL, NULL,
                                      NULL);
            harness_finish(&b.h, op);
            assert_string_equal(pomex_operation_error(op)->type, "ambiguous_error");
        } else {
            b.steps[0].kind = FAULT_HANG;
            harness_script(&b.h, b.steps, 2);
            op = create(client, POMEX_ADOPT_NONE);
            for (int i = 0; i < 2000 && fault_server_count(b.h.server, POST) == 0; i++) {
                pomex_client_step(client, 0);
                pomex_client_poll(client, 0.01);
            }
        }
        b.steps[0].kind = FAULT_CLOSE;
        harness_script(&b.h, b.steps, 2);
        is_ambiguous(&b, create(b.h.client, POMEX_ADOPT_SINGLE), 1);
        if (!pomex_operation_done(op))
            pomex_operation_cancel(op);
        pomex_operation_release(op);
        if (client != b.h.client)
            pomex_client_free(client);
        harness_stop(&b.h);
    }
}

/* Refused, it may have been made all the same, and nobody knows that task. */
TEST_CASE(a_refusal_that_may_be_none_counts_as_doubt)
{
    bed b;
    pomex_call_options options;
    pomex_call_options_init(&options);
    options.max_retries = 0;
    start(&b, "{\"items\":[" OURS "],\"total_count\":1}", 0, true);
    b.steps[2] = b.steps[1];
    b.steps[1] = b.steps[0];
    b.steps[0] = (fault_step){.match = POST, .status = 429, .times = 1};
    harness_script(&b.h, b.steps, 3);
    json_t *body = json_loads(BODY, 0, NULL);
    pomex_operation *op =
        pomex_client_call(b.h.client, POMEX_GENERATION_CREATE, NULL, 0, body, &options);
    json_decref(body);
    harness_finish(&b.h, op);
    assert_string_equal(pomex_operation_error(op)->type, "rate_limit_error");
    pomex_operation_release(op);
    op = create(b.h.client, POMEX_ADOPT_SINGLE);
    harness_finish(&b.h, op);
    assert_non_null(pomex_operation_error(op));
    assert_int_equal(json_array_size(pomex_operation_error(op)->candidates), 1);
    pomex_operation_release(op);
    harness_stop(&b.h);
}

/* A page that is full or smaller than asked for, without a total, is not the whole list. */
TEST_CASE(all_pages_are_looked_at)
{
    static const struct {
        const char *first, *second;
        bool adopted;
        size_t lists;
    } rows[] = {
        {"{\"items\":[" OURS "]}", "{\"items\":[]}", true, 2},
        {"{\"items\":[" OURS "]}", "{\"items\":[" OURS "]}", false, 2}, /* `page` is ignored */
        {"{\"items\":[" OURS "],\"total_count\":2}", "{\"items\":[" OTHERS "],\"total\":2}",
         false, 2},
        {"{\"items\":[" OURS ",{\"id\":\"cgt-1\",\"created_at\":1}]}", NULL, true, 1},
        {"{\"items\":[{\"id\":\"cgt-1\",\"created_at\":1}," OURS "]}", "{\"items\":[]}", true,
         2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bed b;
        char second[256];
        start(&b, rows[i].first, 0, true);
        b.steps[2] = b.steps[1];
        b.steps[1].match = LIST "page=1&";
        if (rows[i].second)
            b.steps[2].body = dated(second, sizeof second, rows[i].second, 0);
        harness_script(&b.h, b.steps, 3);
        pomex_operation *op = create(b.h.client, POMEX_ADOPT_SINGLE);
        if (rows[i].adopted)
            is_adopted(&b, op);
        else
            is_ambiguous(&b, op, i == 2 ? 2 : 1);
        assert_int_equal(lists(&b), rows[i].lists);
        harness_stop(&b.h);
    }
}

TEST_CASE(the_doubt_stays_if_the_search_is_ended)
{
    bed b;
    start(&b, "{\"items\":[]}", 0, true);
    b.steps[1].kind = FAULT_HANG;
    harness_script(&b.h, b.steps, 2);
    pomex_operation *op = create(b.h.client, POMEX_ADOPT_SINGLE);
    harness_arrived(&b.h, LIST, 1);
    pomex_operation_cancel(op);
    assert_true(pomex_operation_done(op));
    is_ambiguous(&b, op, 0);
    harness_stop(&b.h);
}
