/* Chance for jitter: nothing that must be secret is drawn here. */
#ifndef POMEX_RANDOM_H
#define POMEX_RANDOM_H

#include <stdint.h>

typedef struct pomex_random {
    uint64_t state;
} pomex_random;

/* Seeds from the system; from `spare` where that has nothing to give yet. */
void pomex_random_seed(pomex_random *random, uint64_t spare);

/* A number in [0, 1). */
double pomex_random_next(pomex_random *random);

#endif
