#include "random.h"

#include "clock.h"

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

static uint64_t load(const unsigned char *bytes, size_t count)
{
    uint64_t word = 0;
    for (size_t i = 0; i < count; i++)
        word |= (uint64_t)bytes[i] << (8 * i);
    return word;
}

static uint64_t turn(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static void mix(uint64_t v[4], int rounds)
{
    while (rounds-- > 0) {
        v[0] += v[1];
        v[1] = turn(v[1], 13) ^ v[0];
        v[0] = turn(v[0], 32);
        v[2] += v[3];
        v[3] = turn(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = turn(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = turn(v[1], 17) ^ v[2];
        v[2] = turn(v[2], 32);
    }
}

void pomex_sb_siphash(const unsigned char key[16], const void *bytes, size_t length,
                      unsigned char out[16])
{
    const unsigned char *at = bytes;
    uint64_t k0 = load(key, 8);
    uint64_t k1 = load(key + 8, 8);
    uint64_t v[4] = {k0 ^ UINT64_C(0x736f6d6570736575),
                     k1 ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
                     k0 ^ UINT64_C(0x6c7967656e657261), k1 ^ UINT64_C(0x7465646279746573)};
    size_t left = length;
    for (; left >= 8; left -= 8, at += 8) {
        uint64_t word = load(at, 8);
        v[3] ^= word;
        mix(v, 2);
        v[0] ^= word;
    }
    uint64_t last = load(at, left) | (uint64_t)length << 56;
    v[3] ^= last;
    mix(v, 2);
    v[0] ^= last;
    v[2] ^= 0xee;
    for (size_t half = 0; half < 2; half++) {
        if (half == 1)
            v[1] ^= 0xdd;
        mix(v, 4);
        uint64_t word = v[0] ^ v[1] ^ v[2] ^ v[3];
        for (size_t i = 0; i < 8; i++)
            out[8 * half + i] = (unsigned char)(word >> (8 * i));
    }
}
