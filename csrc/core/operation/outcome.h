/* Turns the outcome of an attempt into the error that the caller sees. */
#ifndef POMEX_OUTCOME_H
#define POMEX_OUTCOME_H

#include "operation/operation.h"

/* The error of an attempt whose answer, if any, is in `body`. */
pomex_error *pomex_outcome_error(const pomex_operation *operation, const pomex_outcome *outcome,
                                 const pomex_buffer *body);

/* late_error: the caller's send_by has passed, and nothing was sent. */
pomex_error *pomex_outcome_late(const pomex_operation *operation);

/* `error`, made into an ambiguous_error of which it is the cause. */
pomex_error *pomex_outcome_ambiguous(const pomex_operation *operation, pomex_error *error);

/* asset_failed or generation_failed: the service's `object` (whose text is the operation's reply)
 * has a `status` that says so. */
pomex_error *pomex_outcome_failed(const pomex_operation *operation, const char *status,
                                  const json_t *object);

#endif
