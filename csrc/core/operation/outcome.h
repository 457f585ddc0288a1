/* Turns the outcome of an attempt into the error that the caller sees. */
#ifndef POMEX_OUTCOME_H
#define POMEX_OUTCOME_H

#include "operation/operation.h"

/* The error of an attempt. `body` is the body of its answer, if there is one. */
pomex_error *pomex_outcome_error(const pomex_operation *operation, const pomex_outcome *outcome,
                                 const pomex_buffer *body);

/* late_error: the caller's send_by has passed, and nothing was sent. */
pomex_error *pomex_outcome_late(const pomex_operation *operation);

/* Turns `error` into an ambiguous_error, whose cause is the type that it had. */
pomex_error *pomex_outcome_ambiguous(const pomex_operation *operation, pomex_error *error);

/* An asset_failed or generation_failed error: `status` is the failed status of the service's
 * `object`, whose text is in the operation's reply. */
pomex_error *pomex_outcome_failed(const pomex_operation *operation, const char *status,
                                  const json_t *object);

#endif
