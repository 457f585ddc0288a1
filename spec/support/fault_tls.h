/* A certificate that lives as long as a test. */
#ifndef FAULT_TLS_H
#define FAULT_TLS_H

#include <openssl/ssl.h>

/* A server's context with a fresh self-signed certificate for 127.0.0.1 and localhost, which is
 * written to `ca_file` too. NULL on failure. */
SSL_CTX *fault_tls_new(const char *ca_file);

#endif
