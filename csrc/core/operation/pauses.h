/* When a wait of a generation looks, if it is known how long tasks of its kind took. These are
 * functions without state. */
#ifndef POMEX_PAUSES_H
#define POMEX_PAUSES_H

#include "pomex.h"

#define POMEX_PAUSES_LEAST 8  /* of fewer durations nothing is concluded */
#define POMEX_PAUSES_MOST  64 /* the most that are looked at */

/* Seconds until the next look at a task that is `elapsed` seconds old, so that a task's end is known
 * as soon as as many looks as those of the schedule `fixed` allow. `known`: how long `count` such
 * tasks took, sorted. -1: that schedule has to be kept, since too few are known, or because the
 * task is older than each of them came to be (their 99 % quantile: they are no more than 64). */
double pomex_pauses_learnt(const pomex_schedule *fixed, const double *known, size_t count,
                           double elapsed);

/* The pause that is made, where `fixed` would be that of the fixed schedule, and `learnt` is what the
 * function above said: never longer than three times the one, even if little was known. `vary`, 0.8
 * to 1.2, keeps many clients from looking together. */
double pomex_pauses_next(double fixed, double learnt, double vary);

#endif
