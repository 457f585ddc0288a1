/* Waits that are told by a page, while each allocation of the core's and of jansson's fails in turn:
 * each still ends, once, with an asset or a memory_error. */
#include "cmocka_all.h"

#include "harness.h"
#include "starve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A list of all whom `run` waits for. */
static char *page_of(int count)
{
    json_t *items = json_array();
    for (int i = 0; i < count; i++) {
        char id[24];
        snprintf(id, sizeof id, "asset-%d", i);
        json_array_append_new(items, json_pack("{s:s, s:s, s:s}", "id", id, "status", "active",
                                               "url", "https://cdn.example/a"));
    }
    json_t *page = json_pack("{s:o, s:i}", "items", items, "total_count", count);
    char *text = json_dumps(page, JSON_COMPACT);
    json_decref(page);
    assert_non_null(text);
    return text;
}

#define PAGED 12

/* Waits that a page tells of; whether an allocation number `n` was there to fail. */
static bool run(long n, bool lasting, unsigned whose, const char *page)
{
    const fault_step steps[] = {
        {.match = "GET /v1/video/assets?", .body = page},
        {.times = 9, .body = "{\"status\":\"processing\"}"}, /* before there are ten */
        {.body = harness_reply(POMEX_EFFECT_NONE)},
    };
    harness h;
    pomex_operation *ops[PAGED];
    size_t done = 0, begun = 0;
    unsigned news;
    harness_start(&h, steps, 3, false);
    harness_client(&h);
    pomex_call_options options;
    pomex_call_options_init(&options);
    options.group = "group-1";
    options.timeout = 30;
    starve_begin(n, lasting, whose);
    for (int i = 0; i < PAGED; i++) {
        char id[16];
        int length = snprintf(id, sizeof id, "asset-%d", i);
        ops[i] = pomex_client_wait(h.client, POMEX_ASSET_GET, id, (size_t)length, &options);
        begun += ops[i] != NULL;
    }
    for (int i = 0; i < 3000 && done < begun; i++) {
        pomex_client_step(h.client, 0);
        while (pomex_client_next(h.client, &news))
            done += (news & POMEX_NEWS_DONE) != 0;
        if (inside_in_flight(h.client))
            pomex_client_poll(h.client, 0.01);
        else
            harness_advance(&h, 0.1);
    }
    bool failed = starve_end();
    assert_int_equal(done, begun);
    for (int i = 0; i < PAGED; i++) {
        const pomex_error *error = ops[i] ? pomex_operation_error(ops[i]) : NULL;
        assert_true(failed || (ops[i] && !error));
        if (error) /* looks that cannot be read are looks that failed, until the time is over */
            assert_true(strcmp(error->type, "memory_error") == 0 ||
                        (lasting && strcmp(error->type, "timeout_error") == 0));
        else if (ops[i])
            assert_non_null(
                strstr(pomex_operation_body(ops[i], NULL), "\"status\":\"active\""));
        pomex_operation_release(ops[i]);
    }
    harness_stop(&h);
    return failed;
}

static void all_fail_in_turn(unsigned whose)
{
    char *page = page_of(PAGED);
    for (int lasting = 0; lasting < 2; lasting++) {
        long n = 1;
        while (run(n, lasting, whose, page))
            n++;
        assert_true(n > 100);
    }
    free(page);
}

TEST_CASE(of_our_own)
{
    all_fail_in_turn(STARVE_OWN);
}

TEST_CASE(of_jansson)
{
    all_fail_in_turn(STARVE_JANSSON);
}

int main(void)
{
    if (!starve_install())
        return 1;
    return tests_run(NULL, NULL);
}
