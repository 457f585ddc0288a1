/* The core's own half of a query: what it can say is sent, what it cannot is refused by name. */
#include "cmocka_all.h"

#include "harness.h"

#include <string.h>

static pomex_operation *ask(harness *h, const char *query)
{
    pomex_call_options options;
    pomex_call_options_init(&options);
    json_t *tree = json_loads(query, 0, NULL);
    assert_non_null(tree);
    pomex_operation *op =
        pomex_client_request(h->client, "GET", "/v1/own", tree, NULL, NULL, &options);
    json_decref(tree);
    return op;
}

TEST_CASE(lists_repeat_their_key)
{
    static const struct {
        const char *query, *line;
    } rows[] = {
        {"{\"a\":[3,1,\"x,y\",0.5,true]}", "GET /v1/own?a=3&a=1&a=x%2Cy&a=0.5&a=true"},
        {"{\"a\":[],\"b\":null,\"c\":7}", "GET /v1/own?c=7"},
        {"{\"a\":false}", "GET /v1/own?a=false"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const fault_step step = {.body = "{}"};
        harness h;
        harness_start(&h, &step, 1, false);
        harness_client(&h);
        pomex_operation *op = ask(&h, rows[i].query);
        harness_finish(&h, op);
        if (pomex_operation_error(op))
            fail_msg("%s: %s", rows[i].query, pomex_operation_error(op)->message);
        fault_request request;
        assert_true(fault_server_request(h.server, NULL, 0, &request));
        assert_string_equal(request.line, rows[i].line);
        pomex_operation_release(op);
        harness_stop(&h);
    }
}

TEST_CASE(what_a_query_cannot_say_is_refused)
{
    static const char *const queries[] = {"{\"key\":{\"b\":1}}", "{\"key\":[[1]]}",
                                          "{\"key\":[1,{}]}", "{\"key\":[null]}"};
    harness h;
    harness_start(&h, NULL, 0, false);
    harness_client(&h);
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
        pomex_operation *op = ask(&h, queries[i]);
        harness_finish(&h, op);
        const pomex_error *error = pomex_operation_error(op);
        assert_non_null(error);
        assert_string_equal(error->type, "invalid_request_error");
        assert_true(error->client);
        assert_non_null(strstr(error->message, "query \"key\" must be a string, a number"));
        assert_int_equal(error->attempts, 0);
        pomex_operation_release(op);
    }
    harness_stop(&h);
}
