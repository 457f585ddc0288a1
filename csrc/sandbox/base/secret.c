#include "sandbox/base/secret.h"

#include <openssl/hmac.h>

#include <stdio.h>
#include <sys/random.h>

static void write_hex(const unsigned char bytes[16], char out[POMEX_SB_SECRET])
{
    for (size_t i = 0; i < 16; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

bool pomex_sb_secret_make(char out[POMEX_SB_SECRET])
{
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return false;
    write_hex(bytes, out);
    return true;
}

bool pomex_sb_secret_sign(const unsigned char key[16], const void *bytes, size_t length,
                          char out[POMEX_SB_SECRET])
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    if (!HMAC(EVP_sha256(), key, 16, bytes, length, mac, NULL))
        return false;
    write_hex(mac, out);
    return true;
}

bool pomex_sb_secret_same(const char *a, size_t a_length, const char *b, size_t b_length)
{
    unsigned different = a_length != b_length;
    for (size_t i = 0; i < a_length && i < b_length; i++)
        different |= (unsigned)((unsigned char)a[i] ^ (unsigned char)b[i]);
    return different == 0;
}
