#include "base/sha256.h"

#include <string.h>

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
    0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
    0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
    0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
    0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
    0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
    0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
    0xc67178f2};

static uint32_t rotated(uint32_t x, unsigned by)
{
    return x >> by | x << (32 - by);
}

static void schedule(const unsigned char *block, uint32_t w[64])
{
    for (size_t i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
               (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (size_t i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (rotated(a, 7) ^ rotated(a, 18) ^ a >> 3) + w[i - 7] +
               (rotated(b, 17) ^ rotated(b, 19) ^ b >> 10);
    }
}

/* One round. The next one takes the eight values one place further: nothing is moved in memory, which
 * would take most of the time. */
static inline void turn(uint32_t a, uint32_t b, uint32_t c, uint32_t *d, uint32_t e, uint32_t f,
                        uint32_t g, uint32_t *h, uint32_t word)
{
    uint32_t one =
        *h + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + ((e & f) ^ (~e & g)) + word;
    *d += one;
    *h =
        one + (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
}

static void compress(uint32_t state[8], const unsigned char *block)
{
    uint32_t w[64];
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    schedule(block, w);
    for (size_t i = 0; i < 64; i += 8) {
        turn(a, b, c, &d, e, f, g, &h, K[i] + w[i]);
        turn(h, a, b, &c, d, e, f, &g, K[i + 1] + w[i + 1]);
        turn(g, h, a, &b, c, d, e, &f, K[i + 2] + w[i + 2]);
        turn(f, g, h, &a, b, c, d, &e, K[i + 3] + w[i + 3]);
        turn(e, f, g, &h, a, b, c, &d, K[i + 4] + w[i + 4]);
        turn(d, e, f, &g, h, a, b, &c, K[i + 5] + w[i + 5]);
        turn(c, d, e, &f, g, h, a, &b, K[i + 6] + w[i + 6]);
        turn(b, c, d, &e, f, g, h, &a, K[i + 7] + w[i + 7]);
    }
    const uint32_t add[8] = {a, b, c, d, e, f, g, h};
    for (size_t i = 0; i < 8; i++)
        state[i] += add[i];
}

void pomex_sha256_init(pomex_sha256 *sum)
{
    static const uint32_t first[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    *sum = (pomex_sha256){.length = 0};
    memcpy(sum->state, first, sizeof first);
}

void pomex_sha256_add(pomex_sha256 *sum, const void *bytes, size_t count)
{
    const unsigned char *from = bytes;
    while (count > 0) {
        size_t held = sum->length % 64;
        if (held == 0 && count >= 64) {
            compress(sum->state, from);
            sum->length += 64;
            from += 64;
            count -= 64;
            continue;
        }
        size_t part = count < 64 - held ? count : 64 - held;
        memcpy(sum->block + held, from, part);
        sum->length += part;
        from += part;
        count -= part;
        if (held + part == 64)
            compress(sum->state, sum->block);
    }
}

void pomex_sha256_end(pomex_sha256 *sum, char text[POMEX_SUM_SIZE])
{
    static const unsigned char padding[64] = {0x80};
    static const char digits[] = "0123456789abcdef";
    unsigned char bits[8];
    for (size_t i = 0; i < 8; i++)
        bits[i] = (unsigned char)(sum->length * 8 >> (56 - 8 * i));
    pomex_sha256_add(sum, padding, 1 + (119 - sum->length % 64) % 64);
    pomex_sha256_add(sum, bits, sizeof bits);
    for (size_t i = 0; i < 64; i++)
        text[i] = digits[sum->state[i / 8] >> (28 - 4 * (i % 8)) & 15];
    text[64] = '\0';
}
