/* Random secrets, signatures, and their comparison. */
#ifndef POMEX_SB_SECRET_H
#define POMEX_SB_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#define POMEX_SB_SECRET 33 /* 32 hexadecimal digits and a NUL */

/* Writes 128 random bits as hexadecimal digits. False if the kernel gave none. */
bool pomex_sb_secret_make(char out[POMEX_SB_SECRET]);

/* Writes the first 128 bits of HMAC-SHA256 as hexadecimal digits. False if memory ran out. */
bool pomex_sb_secret_sign(const unsigned char key[16], const void *bytes, size_t length,
                          char out[POMEX_SB_SECRET]);

/* Whether two secrets are equal. The time it takes depends on their lengths alone, so that it
 * cannot be used to guess a secret byte by byte. */
bool pomex_sb_secret_same(const char *a, size_t a_length, const char *b, size_t b_length);

#endif
