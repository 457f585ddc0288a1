#include "base/random.h"

#include <sys/random.h>

void pomex_random_seed(pomex_random *random, uint64_t spare)
{
    if (getrandom(&random->state, sizeof random->state, GRND_NONBLOCK) < 0)
        random->state = spare;
}

double pomex_random_next(pomex_random *random)
{
    random->state += UINT64_C(0x9e3779b97f4a7c15); /* SplitMix64 */
    uint64_t z = random->state;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}
