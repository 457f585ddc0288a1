/* One attempt of an operation, from its turn to its end, and how attempts are counted. */
#ifndef POMEX_ATTEMPT_H
#define POMEX_ATTEMPT_H

#include "operation/operation.h"

/* Starts the attempt of an operation whose turn has come; `slot` is the limiter's. */
void pomex_attempt_start(pomex_operation *operation, pomex_slot slot);

/* The transfer of the attempt is over: reads its outcome and lets the stage decide what follows. */
void pomex_attempt_ended(pomex_operation *operation, pomex_outcome *outcome);

/* Ends the attempt that runs, for a reason of ours: `why`, one line. */
void pomex_attempt_stop(pomex_operation *operation, enum pomex_ending ending, const char *why);

/* The attempt deadline of everything that is not billed: request_timeout, within the
 * operation's own deadline. */
int64_t pomex_attempt_deadline(const pomex_operation *operation, int64_t now);

/* The attempt failed in a way that makes another attempt worth while: pauses for it, or finishes
 * with `error` (taken over) if no retry or no time is left. `spare`: nanoseconds of the operation's
 * time that must be left when the next attempt starts. */
void pomex_attempt_retry(pomex_operation *operation, const pomex_outcome *outcome,
                         pomex_error *error, int64_t spare);

/* The attempt that ended found no room: it is not counted, and it goes first when there is room. */
void pomex_attempt_put_back(pomex_operation *operation);

/* The attempt that ended did not fail: it is not counted, and the next attempt queues. */
void pomex_attempt_go_on(pomex_operation *operation);

/* The attempt that ended is not counted. */
void pomex_attempt_uncount(pomex_operation *operation);

/* The next attempt is the first of a new count. */
void pomex_attempt_count_anew(pomex_operation *operation);

#endif
