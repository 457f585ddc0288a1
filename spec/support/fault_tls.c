#include "fault_tls.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

static int add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    int added = extension && X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return added;
}

static X509 *new_certificate(EVP_PKEY *key)
{
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    X509_set_version(certificate, 2);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               (const unsigned char *)"pomex fault server", -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    if (add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE") &&
        add_extension(certificate, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost") &&
        X509_sign(certificate, key, EVP_sha256()))
        return certificate;
    X509_free(certificate);
    return NULL;
}

void fault_tls_set_offered(SSL *tls, char *offered)
{
    offered[0] = '\0';
    SSL_set_app_data(tls, offered);
}

static int take_any(int trusted, X509_STORE_CTX *context)
{
    (void)trusted;
    (void)context;
    return 1;
}

void fault_tls_ask_certificate(SSL_CTX *context, bool demands)
{
    int mode = SSL_VERIFY_PEER | (demands ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
    SSL_CTX_set_verify(context, mode, take_any);
    SSL_CTX_set_session_id_context(context, (const unsigned char *)"fault", 5);
}

void fault_tls_name_client(const SSL *tls, char *name, size_t size)
{
    X509 *certificate = SSL_get1_peer_certificate(tls);
    name[0] = '\0';
    if (certificate)
        X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                                  (int)size);
    X509_free(certificate);
}

bool fault_tls_is_h2(const SSL *tls)
{
    const unsigned char *name;
    unsigned length;
    SSL_get0_alpn_selected(tls, &name, &length);
    return length == 2 && memcmp(name, "h2", 2) == 0;
}

/* `in`: each protocol behind a byte that says how long it is. */
static int choose_protocol(SSL *tls, const unsigned char **out, unsigned char *out_length,
                           const unsigned char *in, unsigned length, void *argument)
{
    char *offered = SSL_get_app_data(tls);
    size_t used = 0;
    (void)argument;
    *out = NULL;
    for (unsigned at = 0; at < length && at + 1 + in[at] <= length; at += 1u + in[at]) {
        const char *name = (const char *)in + at + 1;
        bool h2 = in[at] == 2 && memcmp(name, "h2", 2) == 0;
        bool http_1_1 = in[at] == 8 && memcmp(name, "http/1.1", 8) == 0;
        if (h2 || (http_1_1 && !*out)) {
            *out = in + at + 1;
            *out_length = in[at];
        }
        if (used + in[at] + 2 < FAULT_OFFERED)
            used += (size_t)snprintf(offered + used, FAULT_OFFERED - used, "%s%.*s",
                                     used ? "," : "", (int)in[at], name);
    }
    return *out ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

SSL_CTX *fault_tls_new(const char *ca_file)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key ? new_certificate(key) : NULL;
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    FILE *file = certificate && ca_file ? fopen(ca_file, "w") : NULL;
    int good =
        context && certificate && (!ca_file || (file && PEM_write_X509(file, certificate))) &&
        SSL_CTX_use_certificate(context, certificate) && SSL_CTX_use_PrivateKey(context, key);
    if (file)
        fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
    if (good) {
        SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
        return context;
    }
    SSL_CTX_free(context);
    return NULL;
}
