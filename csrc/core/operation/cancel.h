/* Cancelling a task: a look first, and a DELETE only while it is queued. The DELETE of a task that
 * is over would delete its record, and with it the way to a video that is paid for. */
#ifndef POMEX_CANCEL_H
#define POMEX_CANCEL_H

#include "operation/operation.h"

/* See POMEX_GENERATION_CANCEL. NULL: no memory. */
pomex_operation *pomex_cancel_begin(pomex_context *context, const char *id, size_t id_length,
                                    const pomex_call_options *options);

#endif
