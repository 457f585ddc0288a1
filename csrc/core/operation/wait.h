/* Waits: looks at an asset or a task until its status is final. A look that fails does not mean
 * that the task failed: the wait goes on until its deadline. */
#ifndef POMEX_WAIT_H
#define POMEX_WAIT_H

#include "operation/operation.h"

/* See pomex_client_wait. NULL: no memory. */
pomex_operation *pomex_wait_begin(pomex_context *context, pomex_endpoint_id endpoint,
                                  const char *id, size_t id_length,
                                  const pomex_call_options *options);

/* The steps of a wait that looks by a page, too. */

/* The next look is due. */
void pomex_wait_look(pomex_operation *operation);

/* Rests until the next look, which comes no sooner than `at_least` seconds from now. */
void pomex_wait_rest(pomex_operation *operation, double at_least);

/* See pomex_client_nudge. */
int pomex_wait_nudge(pomex_context *context, const char *id);

#endif
