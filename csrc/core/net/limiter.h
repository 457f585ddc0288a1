/* The account's rate limits: at most L requests of a kind in any window, the first L at once.
 * The service's window is one second and ours is 1.05 s: requests take no equal time on their
 * way, and what left in two windows would arrive in one. The slots lie in memory that a fork
 * shares, so that all children keep one limit.
 *
 * A slot is taken when an attempt starts, and stamped when its request goes onto the wire. It
 * is free one window after the stamp; one that is held without a stamp is free after a second.
 * Of a limit that is no whole number the fraction is left out, since 2.5 in any one second are
 * 2; for one below 1 the window is stretched. Stamped at the start instead, three cold
 * connections would put their requests into the service's next second, together with three
 * more. */
#ifndef POMEX_LIMITER_H
#define POMEX_LIMITER_H

#include "rules/endpoint.h"

typedef struct pomex_limiter pomex_limiter;

/* `rates`: requests a second, 0 for no limit. NULL if there is no memory. */
pomex_limiter *pomex_limiter_new(const double rates[POMEX_ENDPOINTS]);
void pomex_limiter_free(pomex_limiter *limiter);

/* A slot that is held: its kind, its number (0: the kind has no limit), and what it was marked
 * with, by which it is told from one that was given to somebody else since. */
typedef struct pomex_slot {
    pomex_endpoint_id kind;
    int number;
    int64_t mark;
} pomex_slot;

/* Takes a slot of a kind. False: not now, and *again is the earliest time at which to ask
 * again (monotonic ns). */
bool pomex_limiter_take(pomex_limiter *limiter, pomex_endpoint_id kind, int64_t now,
                        pomex_slot *slot, int64_t *again);

/* The request of the slot is to go onto the wire at `now`. False: it may not, since the slot was
 * held for too long and others have used up the window. */
bool pomex_limiter_sent(pomex_limiter *limiter, const pomex_slot *slot, int64_t now);

/* The attempt of the slot ended before it sent anything. */
void pomex_limiter_give_back(pomex_limiter *limiter, const pomex_slot *slot);

/* The service said 429: nothing of this kind goes out before `until`. */
void pomex_limiter_hold_until(pomex_limiter *limiter, pomex_endpoint_id kind, int64_t until);

#endif
