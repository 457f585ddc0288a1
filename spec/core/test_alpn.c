/* Which HTTP a request may travel by: HTTP/2 repeats requests on its own account, so what must
 * go out once is not offered to it. */
#include "cmocka_all.h"

#include "harness.h"

#include <string.h>

static void what_goes_out_once_offers_no_http_2(void **state)
{
    (void)state;
    static const struct {
        enum pomex_effect effect;
        const char *offered;
    } rows[] = {{POMEX_EFFECT_NONE, "h2,http/1.1"}, {POMEX_EFFECT_SPARE, "h2,http/1.1"},
                {POMEX_EFFECT_ASSET, "http/1.1"},   {POMEX_EFFECT_BILLED, "http/1.1"},
                {POMEX_EFFECT_NONE, "h2,http/1.1"}, {POMEX_EFFECT_BILLED, "http/1.1"}};
    const size_t count = sizeof rows / sizeof *rows;
    fault_request r;
    harness h;
    for (int fresh = 0; fresh < 2; fresh++) { /* clients, or one with its handles used again */
        harness_start(&h, NULL, 0, true);
        harness_client(&h);
        for (size_t i = 0; i < count; i++) {
            const fault_step step = {.body = harness_reply(rows[i].effect), .close = true};
            harness_script(&h, &step, 1);
            if (fresh) {
                pomex_client_free(h.client);
                harness_client(&h);
            }
            pomex_operation *op = harness_call(&h, rows[i].effect);
            harness_finish(&h, op);
            assert_null(pomex_operation_error(op));
            pomex_operation_release(op);
            assert_int_equal(fault_server_count(h.server, NULL), 1);
            assert_true(fault_server_request(h.server, harness_line(rows[i].effect), 0, &r));
            assert_string_equal(r.offered, rows[i].offered);
        }
        harness_stop(&h);
    }
}

/* Nobody knows what a caller's own request does; the same care is taken of it. */
static void a_request_of_the_callers_own(void **state)
{
    (void)state;
    static const fault_step step = {.body = "{}", .close = true};
    static const char *const methods[] = {"GET", "POST", "DELETE", "PUT"};
    pomex_call_options options;
    fault_request r;
    harness h;
    harness_start(&h, &step, 1, true);
    harness_client(&h);
    pomex_call_options_init(&options);
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        pomex_operation *op =
            pomex_client_request(h.client, methods[i], "/v1/new", NULL, NULL, NULL, &options);
        harness_finish(&h, op);
        assert_null(pomex_operation_error(op));
        pomex_operation_release(op);
        assert_true(fault_server_request(h.server, methods[i], 0, &r));
        assert_string_equal(r.offered, i == 0 ? "h2,http/1.1" : "http/1.1");
    }
    harness_stop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_out_once_offers_no_http_2),
        cmocka_unit_test(a_request_of_the_callers_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
