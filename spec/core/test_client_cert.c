/* A client certificate: a service that demands one is shown it, and nobody else is. */
#include "cmocka_all.h"

#include "scene.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME     "pomex client"
#define PASSWORD "pass-of-the-key"

static char folder[48], cert[80], key[80], locked[80], both[80];

static void write_key(const char *path, EVP_PKEY *pair, const char *password)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    const EVP_CIPHER *cipher = password ? EVP_aes_256_cbc() : NULL;
    assert_int_equal(
        PEM_write_PrivateKey(file, pair, cipher, NULL, 0, NULL, (void *)(uintptr_t)password),
        1);
    fclose(file);
}

static void make_certificate(void)
{
    EVP_PKEY *pair = EVP_EC_gen("P-256");
    X509 *made = X509_new();
    X509_NAME *name = X509_get_subject_name(made);
    X509_set_version(made, 2);
    X509_gmtime_adj(X509_getm_notBefore(made), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made), 86400);
    X509_set_pubkey(made, pair);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)NAME, -1, -1,
                               0);
    X509_set_issuer_name(made, name);
    assert_true(X509_sign(made, pair, EVP_sha256()) > 0);
    write_key(key, pair, NULL);
    write_key(locked, pair, PASSWORD);
    write_key(both, pair, NULL);
    const char *const paths[] = {cert, both};
    for (int i = 0; i < 2; i++) {
        FILE *file = fopen(paths[i], "a");
        assert_non_null(file);
        assert_int_equal(PEM_write_X509(file, made), 1);
        fclose(file);
    }
    X509_free(made);
    EVP_PKEY_free(pair);
}

static int begin(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/pomex-cert-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(cert, sizeof cert, "%s/cert.pem", folder);
    snprintf(key, sizeof key, "%s/key.pem", folder);
    snprintf(locked, sizeof locked, "%s/locked.pem", folder);
    snprintf(both, sizeof both, "%s/both.pem", folder);
    make_certificate();
    return 0;
}

static int end(void **state)
{
    (void)state;
    unlink(cert);
    unlink(key);
    unlink(locked);
    unlink(both);
    return rmdir(folder);
}

/* A server that demands a certificate; its client is still to be made. */
static void start(harness *h)
{
    harness_start(h, NULL, 0, true);
    fault_server_ask_certificate(h->server, true);
    h->options.client_cert = cert;
    h->options.client_key = key;
}

static const pomex_error *call(harness *h, enum pomex_effect effect, pomex_operation **op)
{
    static fault_step step; /* the server may look at it after this call */
    step = (fault_step){.body = harness_reply(effect)};
    harness_script(h, &step, 1);
    *op = harness_call(h, effect);
    harness_finish(h, *op);
    return pomex_operation_error(*op);
}

static void expect_shown(harness *h)
{
    fault_request r;
    pomex_operation *op;
    harness_client(h);
    for (int effect = 0; effect < 4; effect++) {
        const pomex_error *error = call(h, (enum pomex_effect)effect, &op);
        if (error)
            fail_msg("%s: %s", error->type, error->message);
        assert_true(fault_server_request(h->server, NULL, 0, &r));
        assert_string_equal(r.certificate, NAME);
        pomex_operation_release(op);
    }
    harness_stop(h);
}

TEST_CASE(a_service_that_demands_one_is_shown_it)
{
    harness h;
    start(&h);
    expect_shown(&h);
    start(&h);
    fault_server_speak_tls_1_2(h.server);
    expect_shown(&h);
    start(&h);
    h.options.client_key = locked;
    h.options.client_key_password = PASSWORD;
    expect_shown(&h);
    start(&h);
    h.options.client_cert = both;
    h.options.client_key = NULL;
    expect_shown(&h);
}

TEST_CASE(without_one_nothing_is_answered)
{
    pomex_operation *op;
    harness h;
    start(&h);
    h.options.client_cert = h.options.client_key = NULL;
    harness_client(&h);
    const pomex_error *error = call(&h, POMEX_EFFECT_NONE, &op);
    assert_non_null(error);
    assert_string_equal(error->type, "connection_error");
    assert_int_equal(fault_server_count(h.server, NULL), 0);
    pomex_operation_release(op);
    harness_stop(&h);
}

/* Nor is it asked for at the terminal, and nothing is tried again. */
TEST_CASE(a_key_that_cannot_be_read_is_an_error_without_its_password)
{
    static const char *const passwords[] = {NULL, "", "wrong-" PASSWORD};
    pomex_operation *op;
    for (int i = 0; i < 3; i++)
        for (int effect = 0; effect < 4; effect++) {
            harness h;
            start(&h);
            h.options.client_key = locked;
            h.options.client_key_password = passwords[i];
            harness_client(&h);
            const pomex_error *error = call(&h, (enum pomex_effect)effect, &op);
            assert_non_null(error);
            assert_string_equal(error->type, "connection_error");
            assert_null(strstr(error->message, PASSWORD));
            assert_non_null(strstr(error->message, locked));
            assert_non_null(strstr(error->hint, "client_key_password"));
            assert_int_equal(error->attempts, 1);
            assert_int_equal(error->billed, POMEX_BILLED_NO);
            assert_int_equal(fault_server_count(h.server, NULL), 0);
            pomex_operation_release(op);
            harness_stop(&h);
        }
}

static void expect_refused(const pomex_options *options, const char *words)
{
    pomex_error *error = NULL;
    assert_null(pomex_client_new(options, &error));
    assert_non_null(error);
    assert_string_equal(error->type, "invalid_request_error");
    if (!strstr(error->message, words))
        fail_msg("%s: %s", words, error->message);
    assert_null(strstr(error->message, PASSWORD));
    pomex_error_free(error);
}

TEST_CASE(a_file_that_is_missing_or_unreadable_is_named_at_once)
{
    pomex_options options;
    pomex_options_init(&options);
    options.api_key = "sk-test-key";
    options.client_key_password = PASSWORD;
    expect_refused(&options, "client_key_password needs client_cert");
    options.client_key = key;
    expect_refused(&options, "client_key needs client_cert");
    options.client_cert = "/no/such/cert.pem";
    expect_refused(&options, "cannot read client_cert /no/such/cert.pem: No such file");
    options.client_cert = folder;
    expect_refused(&options, "cannot read client_cert /tmp/pomex-cert-");
    options.client_cert = cert;
    options.client_key = "/no/such/key.pem";
    expect_refused(&options, "cannot read client_key /no/such/key.pem: No such file");
    if (geteuid() == 0) /* who can read everything */
        return;
    options.client_key = key;
    assert_int_equal(chmod(key, 0), 0);
    expect_refused(&options, "Permission denied");
    assert_int_equal(chmod(key, 0600), 0);
}

/* Appends the authority of another server to the client's. */
static fault_server *start_other(harness *h, const fault_step *steps, size_t count)
{
    char path[96], bytes[8192];
    size_t length;
    snprintf(path, sizeof path, "%s/other.pem", folder);
    fault_server *other = fault_server_start(steps, count, path);
    fault_server_ask_certificate(other, false);
    FILE *from = fopen(path, "r"), *to = fopen(h->ca_file, "a");
    assert_non_null(from);
    assert_non_null(to);
    length = fread(bytes, 1, sizeof bytes, from);
    assert_int_equal(fwrite(bytes, 1, length, to), length);
    fclose(from);
    fclose(to);
    unlink(path);
    return other;
}

TEST_CASE(the_host_of_a_link_is_not_shown_it_unless_it_is_the_service_itself)
{
    static const fault_step whole = SCENE_WHOLE;
    char location[160], link[128];
    fault_request r;
    scene s;
    scene_prepare(&s, NULL, 0, true);
    fault_server_ask_certificate(s.h.server, false);
    s.h.options.client_cert = cert;
    s.h.options.client_key = key;
    fault_server *other = start_other(&s.h, &whole, 1);
    harness_client(&s.h);
    const fault_step own[] = {{.match = "GET /v1", .body = s.task}, whole};
    harness_script(&s.h, own, 2);
    scene_is_saved(&s, scene_download(&s, NULL));
    assert_true(fault_server_request(s.h.server, "GET /v.mp4", 0, &r));
    assert_string_equal(r.certificate, NAME);
    unlink(s.path);
    /* Another host, the target of a redirect, and the service's machine under another name. */
    snprintf(link, sizeof link, "https://127.0.0.1:%d/v.mp4", fault_server_port(other));
    scene_is_saved(&s, scene_download(&s, link));
    unlink(s.path);
    snprintf(location, sizeof location, "Location: %s\r\n", link);
    const fault_step away = {.status = 302, .headers = location};
    harness_script(&s.h, &away, 1);
    scene_is_saved(&s, scene_download(&s, s.link));
    unlink(s.path);
    assert_int_equal(fault_server_count(other, NULL), 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(fault_server_request(other, NULL, i, &r));
        assert_string_equal(r.certificate, "");
    }
    harness_script(&s.h, &whole, 1);
    snprintf(link, sizeof link, "https://localhost:%d/v.mp4", fault_server_port(s.h.server));
    scene_is_saved(&s, scene_download(&s, link));
    assert_true(fault_server_request(s.h.server, "GET /v.mp4", 0, &r));
    assert_string_equal(r.certificate, "");
    fault_server_stop(other);
    scene_stop(&s);
}

TEST_CASE(a_proxy_is_not_shown_it)
{
    static const fault_step refuses = {.status = 403};
    char address[64];
    fault_request r;
    pomex_operation *op;
    harness h;
    start(&h);
    fault_server *proxy = start_other(&h, &refuses, 1);
    snprintf(address, sizeof address, "https://127.0.0.1:%d", fault_server_port(proxy));
    h.options.proxy = address;
    harness_client(&h);
    const pomex_error *error = call(&h, POMEX_EFFECT_NONE, &op);
    assert_true(error->proxy);
    pomex_operation_release(op);
    assert_true(fault_server_request(proxy, "CONNECT", 0, &r));
    assert_string_equal(r.certificate, "");
    fault_server_stop(proxy);
    harness_stop(&h);
}

int main(void)
{
    return tests_run(begin, end);
}
