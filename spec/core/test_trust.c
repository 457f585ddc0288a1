/* Whose certificates are trusted: the options', those of the environment, in this order. */
#include "cmocka_all.h"

#include "harness.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const variables[] = {"CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"};

static harness h;
static char other[] = "/tmp/pomex-ca-XXXXXX";     /* a certificate that is not the server's */
static char folder[] = "/tmp/pomex-certs-XXXXXX"; /* the server's, under its hash */
static char empty[] = "/tmp/pomex-none-XXXXXX";
static char hashed[64];

static void forget(void)
{
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
}

/* Of another subject than the server's: OpenSSL believes the first of a subject that it finds. */
static void write_other(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);
    FILE *file = fopen(other, "w");
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"other", -1, -1,
                               0);
    X509_set_issuer_name(certificate, name);
    X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    assert_true(file && X509_sign(certificate, key, EVP_sha256()) > 0);
    assert_true(PEM_write_X509(file, certificate));
    fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static int set_up(void **state)
{
    (void)state;
    static const fault_step step = {.body = "{\"items\":[]}"};
    int fd = mkstemp(other);
    harness_start(&h, &step, 1, true);
    h.options.ca_file = NULL;
    if (fd < 0 || close(fd) != 0 || !mkdtemp(folder) || !mkdtemp(empty))
        return -1;
    write_other();
    FILE *file = fopen(h.ca_file, "r");
    X509 *certificate = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    if (!certificate)
        return -1;
    fclose(file);
    snprintf(hashed, sizeof hashed, "%s/%08lx.0", folder, X509_subject_name_hash(certificate));
    X509_free(certificate);
    return symlink(h.ca_file, hashed);
}

static int tear_down(void **state)
{
    (void)state;
    forget();
    unlink(other);
    unlink(hashed);
    rmdir(folder);
    rmdir(empty);
    harness_stop(&h);
    return 0;
}

/* Whether a client of the options and the environment reaches the server. */
static bool is_trusted(void)
{
    pomex_client_free(h.client);
    harness_client(&h);
    pomex_operation *op = harness_call(&h, POMEX_EFFECT_NONE);
    harness_finish(&h, op);
    const pomex_error *error = pomex_operation_error(op);
    if (error) {
        assert_string_equal(error->type, "connection_error");
        assert_non_null(strstr(error->message, "certificate is not trusted"));
        assert_non_null(error->hint);
        assert_non_null(strstr(error->hint, "ca_file"));
        assert_non_null(strstr(error->hint, "ca_path"));
        for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
            assert_non_null(strstr(error->hint, variables[i]));
    }
    bool trusted = !error;
    pomex_operation_release(op);
    return trusted;
}

TEST_CASE(what_the_environment_names_is_trusted)
{
    static char list[128];
    snprintf(list, sizeof list, "/nowhere/at/all:%s", folder);
    const struct {
        const char *bundle, *file, *folder;
        bool trusted;
    } rows[] = {
        {NULL, NULL, NULL, false},         {h.ca_file, NULL, NULL, true},
        {NULL, h.ca_file, NULL, true},     {NULL, NULL, folder, true},
        {NULL, NULL, list, true},          {NULL, h.ca_file, empty, true},
        {NULL, other, folder, true},       {NULL, other, empty, false},
        {other, h.ca_file, folder, false}, /* the first alone */
        {"", h.ca_file, NULL, true},       {"", "", folder, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        forget();
        if (rows[i].bundle)
            setenv("CURL_CA_BUNDLE", rows[i].bundle, 1);
        if (rows[i].file)
            setenv("SSL_CERT_FILE", rows[i].file, 1);
        if (rows[i].folder)
            setenv("SSL_CERT_DIR", rows[i].folder, 1);
        if (is_trusted() != rows[i].trusted)
            fail_msg("row %zu", i);
    }
}

TEST_CASE(the_options_come_first)
{
    forget();
    setenv("CURL_CA_BUNDLE", other, 1);
    h.options.ca_file = h.ca_file;
    assert_true(is_trusted());
    h.options.ca_file = NULL;
    h.options.ca_path = folder;
    assert_true(is_trusted());
    setenv("CURL_CA_BUNDLE", h.ca_file, 1);
    h.options.ca_path = empty;
    assert_false(is_trusted());
    h.options.ca_path = NULL;
    assert_true(is_trusted());
}

TEST_CASE(what_cannot_be_read_is_named)
{
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        pomex_error *error = NULL;
        forget();
        setenv(variables[i], "/nowhere/at/all", 1);
        assert_null(pomex_client_new(&h.options, &error));
        assert_string_equal(error->type, "invalid_request_error");
        assert_true(error->client);
        assert_non_null(strstr(error->message, variables[i]));
        assert_non_null(strstr(error->message, "/nowhere/at/all: No such file"));
        pomex_error_free(error);
    }
    /* What counts for nothing is not looked at. */
    setenv("CURL_CA_BUNDLE", h.ca_file, 1);
    setenv("SSL_CERT_FILE", "/nowhere/at/all", 1);
    assert_true(is_trusted());
}

int main(void)
{
    return tests_run(set_up, tear_down);
}
