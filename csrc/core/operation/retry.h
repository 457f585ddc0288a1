/* The retry table: not "which status?" but "could it have been done?". */
#ifndef POMEX_RETRY_H
#define POMEX_RETRY_H

#include "net/transfer.h"
#include "rules/endpoint.h"

enum pomex_verdict {
    POMEX_ACCEPT,   /* the answer is the result */
    POMEX_AGAIN,    /* safe to send again, and worth it */
    POMEX_FINAL,    /* an error that says for certain that nothing was done, or a GET's */
    POMEX_AMBIGUOUS /* nobody knows whether it was carried out */
};

/* What an attempt's outcome means for a request with this effect. `usable`: a 2xx holds what
 * the endpoint promises. `unsent_only`: options.billed_retry_unsent. */
enum pomex_verdict pomex_retry_verdict(enum pomex_effect effect, const pomex_outcome *outcome,
                                       bool usable, bool unsent_only);

/* Whether the answer says that the service itself turned the request away before it began:
 * 429, or 503 as the document sends it. Any other 503 may be a proxy that gave up on a
 * request which the service is carrying out. */
bool pomex_retry_turned_away(const pomex_outcome *outcome);

/* Whether another try may do better: what ends a wait and what it outlives. */
bool pomex_retry_transient(const pomex_outcome *outcome);

/* The longest Retry-After that is obeyed, in seconds. */
#define POMEX_MAX_RETRY_AFTER 120.0

/* So much of a Retry-After as is obeyed; -1 of none. */
double pomex_retry_obeyed(double retry_after);

/* Seconds before attempt number `attempts` + 1: 0.5 · 2^(attempts - 1) up to 8, varied by
 * `random` in [0, 1) within its upper half; never less than `retry_after` (-1: none). */
double pomex_retry_pause(int attempts, double retry_after, double random);

#endif
