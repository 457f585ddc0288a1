#include "dice.h"

uint64_t run_hash(uint64_t seed, uint64_t a, uint64_t b)
{
    run_dice dice = {seed ^ a * UINT64_C(0xd1342543de82ef95) ^
                     b * UINT64_C(0x2545f4914f6cdd1d)};
    dice_roll(&dice, 2);
    return dice.state ^ dice_roll(&dice, UINT64_MAX);
}

uint64_t dice_roll(run_dice *dice, uint64_t sides)
{
    dice->state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = dice->state;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) % sides;
}

bool dice_chance(run_dice *dice, double share)
{
    return (double)(dice_roll(dice, UINT64_C(1) << 53)) < share * 0x1p53;
}
