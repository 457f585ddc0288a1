/* The TLS that the system allows, no request undercuts: what goes out once has TLS settings of
 * its own, to keep GETs off its connection. */
#include "cmocka_all.h"

#include "harness.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POLICY                                                                                 \
    "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = tls\n[tls]\n"          \
    "MinProtocol = TLSv1.3\n"

/* `wanted`: the type of its error, of which nothing was sent; "": none. */
static void call(harness *h, enum pomex_effect effect, const char *wanted)
{
    const fault_step step = {.body = harness_reply(effect)};
    harness_script(h, &step, 1);
    pomex_operation *op = harness_call(h, effect);
    harness_finish(h, op);
    const pomex_error *error = pomex_operation_error(op);
    print_message("  %s: %s\n", harness_line(effect), error ? error->message : "ok");
    assert_string_equal(error ? error->type : "", wanted);
    assert_int_equal(fault_server_count(h->server, NULL), error ? 0 : 1);
    pomex_operation_release(op);
}

TEST_CASE(below_what_the_system_allows_nothing_is_sent)
{
    harness h;
    harness_start(&h, NULL, 0, true);
    harness_client(&h);
    for (int effect = POMEX_EFFECT_NONE; effect <= POMEX_EFFECT_BILLED; effect++)
        call(&h, (enum pomex_effect)effect, "");
    harness_stop(&h);
    harness_start(&h, NULL, 0, true);
    fault_server_speak_tls_1_2(h.server);
    harness_client(&h);
    /* docs/libcurl.md: those that set a lowest version of their own take this one for allowed. */
    bool undercut = curl_version_info(CURLVERSION_NOW)->version_num >= 0x081000;
    for (int effect = POMEX_EFFECT_NONE; effect <= POMEX_EFFECT_BILLED; effect++)
        call(&h, (enum pomex_effect)effect, undercut ? "" : "connection_error");
    harness_stop(&h);
}

int main(void)
{
    /* OpenSSL reads it when it is first used. */
    char path[] = P_tmpdir "/pomex-tls-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, POLICY, sizeof POLICY - 1) != (ssize_t)sizeof POLICY - 1 ||
        setenv("OPENSSL_CONF", path, 1) != 0)
        return 1;
    close(fd);
    int failed = tests_run(NULL, NULL);
    unlink(path);
    return failed;
}
