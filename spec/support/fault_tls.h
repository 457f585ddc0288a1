/* A certificate that lives as long as a test. */
#ifndef FAULT_TLS_H
#define FAULT_TLS_H

#include <openssl/ssl.h>

/* A server's context with a fresh self-signed certificate for 127.0.0.1 and localhost, which is
 * written to `ca_file` too. NULL on failure. */
SSL_CTX *fault_tls_new(const char *ca_file);

/* Bytes that hold what a client offered. */
#define FAULT_OFFERED 64

/* Before the handshake: where to write the protocols that the client will offer, "h2,http/1.1"
 * (FAULT_OFFERED bytes, which live as long as the connection). HTTP/1.1 is what it gets. */
void fault_tls_note_offer(SSL *tls, char *offered);

#endif
