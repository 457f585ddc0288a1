#include "fault_tls.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

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

SSL_CTX *fault_tls_new(const char *ca_file)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key ? new_certificate(key) : NULL;
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    FILE *file = certificate ? fopen(ca_file, "w") : NULL;
    int good = context && file && PEM_write_X509(file, certificate) &&
               SSL_CTX_use_certificate(context, certificate) &&
               SSL_CTX_use_PrivateKey(context, key);
    if (file)
        fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
    if (good)
        return context;
    SSL_CTX_free(context);
    return NULL;
}
