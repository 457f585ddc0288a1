/* The account's rate limits: at most L requests of a kind in any window, the first L at once. The
 * service's window is one second, and ours is 1.05 s: requests take different times on their way,
 * so requests that left in two windows could arrive in one. The slots lie in memory that a fork
 * shares, so that all children keep one limit.
 *
 * A slot is taken when an attempt starts, and stamped when its request goes onto the wire. A slot
 * is free one window after its stamp; a slot that is held without a stamp is free after a second.
 * If slots were stamped at the start instead, three cold connections would put their requests into
 * the service's next second, together with three more.
 *
 * A limit that is no whole number loses its fraction, since 2.5 requests in any one second are 2.
 * For a limit below 1 the window is stretched instead. */
#ifndef POMEX_LIMITER_H
#define POMEX_LIMITER_H

#include "rules/endpoint.h"

typedef struct pomex_limiter pomex_limiter;

/* `rates`: requests a second, 0 for no limit. NULL if there is no memory. */
pomex_limiter *pomex_limiter_new(const double rates[POMEX_ENDPOINTS]);
void pomex_limiter_free(pomex_limiter *limiter);

/* A slot that an attempt holds: its kind, its number (0: the kind has no limit), and the holder's
 * mark, which tells whether the slot was given to another attempt since. */
typedef struct pomex_slot {
    pomex_endpoint_id kind;
    int number;
    int64_t mark;
} pomex_slot;

/* Takes a slot of a kind. False: no request of this kind may start now, and *again is the earliest
 * time at which to ask again (monotonic ns). */
bool pomex_limiter_take(pomex_limiter *limiter, pomex_endpoint_id kind, int64_t now,
                        pomex_slot *slot, int64_t *again);

/* Stamps the slot: its request goes onto the wire at `now`. False: the request must not be sent,
 * because the slot was held for too long and others have used up the window. */
bool pomex_limiter_sent(pomex_limiter *limiter, const pomex_slot *slot, int64_t now);

/* Frees the slot of an attempt that ended before it sent anything. */
void pomex_limiter_give_back(pomex_limiter *limiter, const pomex_slot *slot);

/* The service said 429: no request of this kind goes out before `until`. */
void pomex_limiter_hold_until(pomex_limiter *limiter, pomex_endpoint_id kind, int64_t until);

#endif
