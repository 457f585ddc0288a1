/* The retry table. It asks whether the request could have been carried out, not which status
 * came. */
#ifndef POMEX_RETRY_H
#define POMEX_RETRY_H

#include "net/transfer.h"
#include "rules/endpoint.h"

enum pomex_verdict {
    POMEX_ACCEPT,   /* the answer is the result */
    POMEX_AGAIN,    /* safe to send again, and worth it */
    POMEX_FINAL,    /* an error: certainly nothing was done, or it was a GET */
    POMEX_AMBIGUOUS /* unknown whether it was carried out */
};

/* What an attempt's outcome means for a request with this effect. `usable`: the 2xx holds what the
 * endpoint promises. `unsent_only`: the option billed_retry_unsent. */
enum pomex_verdict pomex_retry_verdict(enum pomex_effect effect, const pomex_outcome *outcome,
                                       bool usable, bool unsent_only);

/* Whether the answer says that the service itself refused the request before it began: 429, or 503
 * in the form that the document shows. Any other 503 could come from a proxy that gave up on a
 * request which the service is carrying out. */
bool pomex_retry_turned_away(const pomex_outcome *outcome);

/* Whether libcurl could not read our own certificate, or its key. */
bool pomex_retry_certificate_unread(const pomex_outcome *outcome);

/* Whether another attempt could succeed. A wait goes on after such an outcome, and ends after any
 * other. */
bool pomex_retry_transient(const pomex_outcome *outcome);

/* The longest Retry-After that is obeyed, in seconds. */
#define POMEX_MAX_RETRY_AFTER 120.0

/* The part of a Retry-After that pomex obeys; -1 if there is none. */
double pomex_retry_obeyed(double retry_after);

/* The pause in seconds before attempt number `attempts` + 1: 0.5 · 2^(attempts - 1) up to 8, of
 * which the upper half is varied by `random` in [0, 1); never less than `retry_after` (-1:
 * none). */
double pomex_retry_pause(int attempts, double retry_after, double random);

#endif
