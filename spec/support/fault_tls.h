/* A certificate that lives as long as a test. */
#ifndef FAULT_TLS_H
#define FAULT_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>

/* A server's context with a fresh self-signed certificate for 127.0.0.1 and localhost, which is
 * written to `ca_file` too (NULL: to none, so that nobody can trust it). NULL on failure. */
SSL_CTX *fault_tls_new(const char *ca_file);

/* Bytes that hold what a client offered. */
#define FAULT_OFFERED 64

typedef struct fault_alpn {
    bool http2;                  /* it gets HTTP/2 if it offers that, else HTTP/1.1 */
    char offered[FAULT_OFFERED]; /* what it offered: "h2,http/1.1" */
} fault_alpn;

/* Before the handshake: what to choose, and where to write what was offered. It must live as
 * long as the connection. */
void fault_tls_set_alpn(SSL *tls, fault_alpn *alpn);

/* After it: whether the connection speaks HTTP/2. */
bool fault_tls_is_http2(const SSL *tls);

#endif
