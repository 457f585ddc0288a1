/* SHA-256 (FIPS 180-4), of bytes as they come. */
#ifndef POMEX_SHA256_H
#define POMEX_SHA256_H

#include "pomex.h"

typedef struct pomex_sha256 {
    uint32_t state[8];
    uint64_t length; /* bytes so far */
    unsigned char block[64];
} pomex_sha256;

void pomex_sha256_init(pomex_sha256 *sum);
void pomex_sha256_add(pomex_sha256 *sum, const void *bytes, size_t count);

/* Ends it: the sum in hexadecimal digits. */
void pomex_sha256_end(pomex_sha256 *sum, char text[POMEX_SUM_SIZE]);

#endif
