/* A proxy's address may hold a password, which no error shows. */
#include "cmocka_all.h"

#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET "pa55word"

static const char *const malformed[] = {
    "http://user:" SECRET "@proxy.example:99999x",
    "sock5://user:" SECRET "@127.0.0.1:1",
    "http://user:" SECRET "@[::1",
    "http://us er:" SECRET "@127.0.0.1:1",
    "user:" SECRET "@ftp.example:1",
};
#define MALFORMED (sizeof malformed / sizeof *malformed)

TEST_CASE(one_that_is_malformed_is_refused)
{
    for (size_t i = 0; i < MALFORMED; i++) {
        pomex_options options;
        pomex_error *error = NULL;
        pomex_options_init(&options);
        options.api_key = "sk-test-key";
        options.proxy = malformed[i];
        assert_null(pomex_client_new(&options, &error));
        assert_string_equal(error->type, "invalid_request_error");
        assert_non_null(strstr(error->message, "proxy must be"));
        assert_null(strstr(error->message, SECRET));
        assert_null(error->hint);
        pomex_error_free(error);
    }
}

/* The environment's are read by libcurl alone, when it needs them. */
TEST_CASE(one_of_the_environment_is_not_shown)
{
    unsetenv("no_proxy");
    unsetenv("NO_PROXY");
    for (size_t i = 0; i < MALFORMED; i++) {
        harness h;
        assert_int_equal(setenv("https_proxy", malformed[i], 1), 0);
        harness_start(&h, NULL, 0, true);
        h.options.proxy = NULL;
        harness_client(&h);
        pomex_operation *op = harness_call(&h, POMEX_EFFECT_NONE);
        harness_finish(&h, op);
        const pomex_error *error = pomex_operation_error(op);
        assert_non_null(error);
        assert_string_equal(error->type, "connection_error");
        if (strstr(error->message, SECRET))
            fail_msg("%s", error->message);
        assert_int_equal(fault_server_count(h.server, NULL), 0);
        pomex_operation_release(op);
        harness_stop(&h);
    }
    unsetenv("https_proxy");
}

/* It learns who asks, and not the key. */
TEST_CASE(one_that_opens_a_tunnel)
{
    char address[64];
    fault_request r;
    harness h;
    harness_start(&h, NULL, 0, true);
    const fault_step tunnel = {.kind = FAULT_TUNNEL, .port = fault_server_port(h.server)};
    fault_server *proxy = fault_server_start(&tunnel, 1, NULL);
    snprintf(address, sizeof address, "http://127.0.0.1:%d", fault_server_port(proxy));
    h.options.proxy = address;
    harness_client(&h);
    for (int i = 0; i < 4; i++) {
        enum pomex_effect effect = (enum pomex_effect)i;
        const fault_step good = {.body = harness_reply(effect)};
        harness_script(&h, &good, 1);
        pomex_operation *op = harness_call(&h, effect);
        harness_finish(&h, op);
        assert_null(pomex_operation_error(op));
        pomex_operation_release(op);
    }
    size_t count = fault_server_count(proxy, "CONNECT");
    assert_in_range(count, 2, 4);
    for (size_t i = 0; i < count; i++) {
        assert_true(fault_server_request(proxy, "CONNECT", i, &r));
        assert_non_null(strstr(r.headers, "User-Agent: pomex/"));
        assert_null(strstr(r.headers, "Authorization"));
    }
    fault_server_stop(proxy);
    harness_stop(&h);
}

/* The key of a service on this machine stays on it; nobody listens at the proxy's address. */
TEST_CASE(one_is_not_asked_for_loopback_http)
{
    harness h;
    harness_start(&h, NULL, 0, false);
    h.options.proxy = "http://127.0.0.1:1";
    harness_client(&h);
    pomex_operation *op = harness_call(&h, POMEX_EFFECT_NONE);
    harness_finish(&h, op);
    assert_int_equal(fault_server_count(h.server, NULL), 1);
    pomex_operation_release(op);
    harness_stop(&h);
}

TEST_CASE(what_libcurl_takes_is_taken)
{
    static const char *const good[] = {
        "",
        "proxy.example",
        "proxy.example:8080",
        "127.0.0.1:8080",
        "[::1]:8080",
        "user:" SECRET "@proxy.example:8080",
        "http://proxy.example",
        "HTTP://proxy.example:8080/",
        "https://user@proxy.example:8443",
        "socks://proxy.example",
        "socks4://proxy.example",
        "socks4a://proxy.example",
        "socks5://user:" SECRET "@proxy.example",
        "socks5h://proxy.example:1080",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        harness h;
        harness_start(&h, NULL, 0, true);
        h.options.proxy = good[i];
        harness_client(&h);
        harness_stop(&h);
    }
}
