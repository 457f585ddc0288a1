/* Secrets, ids, and the signature of links. */
#ifndef POMEX_SB_RANDOM_H
#define POMEX_SB_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POMEX_SB_ID     48 /* bytes that hold any id with its NUL */
#define POMEX_SB_SECRET 33 /* 32 hexadecimal digits and a NUL */

/* 128 random bits as hexadecimal digits. False if the kernel gave none. */
bool pomex_sb_random_hex(char out[POMEX_SB_SECRET]);

/* "PREFIX-20260619150241-b8xd4", never the same twice while the program runs. */
void pomex_sb_make_id(const char *prefix, int64_t now, char out[POMEX_SB_ID]);

/* The first 128 bits of HMAC-SHA256, as hexadecimal digits. False if there is no memory. */
bool pomex_sb_sign(const unsigned char key[16], const void *bytes, size_t length,
                   char out[POMEX_SB_SECRET]);

/* Whether two secrets are equal; takes as long for any two of one length. */
bool pomex_sb_same(const char *a, size_t a_length, const char *b, size_t b_length);

#endif
