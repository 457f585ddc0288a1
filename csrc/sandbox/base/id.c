#include "sandbox/base/id.h"

#include "sandbox/base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <sys/random.h>

/* A counter strides through all 36^5 tails. The stride has no factor in common with 36, so a
 * tail is repeated only after sixty million ids; until then the tails look random. */
void pomex_sb_id_make(const char *prefix, int64_t now, char out[POMEX_SB_ID])
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
    pomex_sb_clock_id(now, date);
    snprintf(out, POMEX_SB_ID, "%s-%.20s-%s", prefix, date, text);
}
