#include "sandbox/base/random.h"

#include <openssl/hmac.h>

#include "sandbox/base/clock.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

bool pomex_sb_random_hex(char out[POMEX_SB_SECRET])
{
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return false;
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    return true;
}

/* A counter that strides through all 36^5 tails, so that a tail comes again only after sixty
 * million ids, and looks random meanwhile. The stride has no factor in common with 36. */
void pomex_sb_make_id(const char *prefix, int64_t now, char out[POMEX_SB_ID])
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    static const uint64_t tails = 60466176;
    static uint64_t counter;
    static bool seeded;
    if (!seeded) {
        uint32_t seed = 0;
        seeded = getrandom(&seed, sizeof seed, 0) == (ssize_t)sizeof seed;
        counter += seed;
    }
    uint64_t tail = ++counter % tails * UINT64_C(37139213) % tails;
    char text[6] = "";
    for (int i = 4; i >= 0; i--, tail /= 36)
        text[i] = digits[tail % 36];
    char date[POMEX_SB_TIME];
    pomex_sb_id_time(now, date);
    snprintf(out, POMEX_SB_ID, "%s-%.20s-%s", prefix, date, text);
}

bool pomex_sb_same(const char *a, size_t a_length, const char *b, size_t b_length)
{
    unsigned different = a_length != b_length;
    for (size_t i = 0; i < a_length && i < b_length; i++)
        different |= (unsigned)((unsigned char)a[i] ^ (unsigned char)b[i]);
    return different == 0;
}

bool pomex_sb_sign(const unsigned char key[16], const void *bytes, size_t length,
                   char out[POMEX_SB_SECRET])
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    if (!HMAC(EVP_sha256(), key, 16, bytes, length, mac, NULL))
        return false;
    for (size_t i = 0; i < 16; i++)
        snprintf(out + 2 * i, 3, "%02x", mac[i]);
    return true;
}
