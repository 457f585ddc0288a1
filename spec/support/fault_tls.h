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

/* Before the handshake: where to write, in FAULT_OFFERED bytes, which protocols the client
 * offers ("h2,http/1.1"). It must live as long as the connection. */
void fault_tls_set_offered(SSL *tls, char *offered);

/* Has servers ask clients for a certificate, and turn those away that show none if it `demands`. */
void fault_tls_ask_certificate(SSL_CTX *context, bool demands);

/* Writes the name in the client's certificate; "" if it showed none. */
void fault_tls_name_client(const SSL *tls, char *name, size_t size);

/* After it: whether the client offered `h2`, which is taken before all else. */
bool fault_tls_is_h2(const SSL *tls);

#endif
