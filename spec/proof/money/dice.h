/* Dice whose throws depend on a seed alone. */
#ifndef DICE_H
#define DICE_H

#include <stdbool.h>
#include <stdint.h>

/* A number that depends on nothing else. */
uint64_t run_hash(uint64_t seed, uint64_t a, uint64_t b);

typedef struct run_dice {
    uint64_t state;
} run_dice;
uint64_t dice_roll(run_dice *dice, uint64_t sides); /* 0 to sides - 1 */
bool dice_chance(run_dice *dice, double share);

#endif
