/* SHA-256 of bytes as they come: libcrypto's. */
#ifndef POMEX_SHA256_H
#define POMEX_SHA256_H

#include "pomex.h"

#include <stdbool.h>

typedef struct pomex_sha256 {
    struct evp_md_ctx_st *context; /* libcrypto's; NULL: never begun */
} pomex_sha256;

/* Begins anew. False with errno, as in the two that follow: no memory, or libcrypto has no SHA-256. */
bool pomex_sha256_begin(pomex_sha256 *sum);

bool pomex_sha256_add(pomex_sha256 *sum, const void *bytes, size_t count);

/* Ends it: the sum in hexadecimal digits. */
bool pomex_sha256_end(pomex_sha256 *sum, char text[POMEX_SUM_SIZE]);

/* Nothing of the bytes is left in memory. */
void pomex_sha256_free(pomex_sha256 *sum);

#endif
