/* Random numbers for jitter. They are not secret. */
#ifndef POMEX_RANDOM_H
#define POMEX_RANDOM_H

#include <stdint.h>

typedef struct pomex_random {
    uint64_t state;
} pomex_random;

/* Seeds from the system, or from `spare` if the system has no random bytes yet. */
void pomex_random_seed(pomex_random *random, uint64_t spare);

/* A number in [0, 1). */
double pomex_random_next(pomex_random *random);

#endif
