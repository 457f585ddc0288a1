/* The course of a call: one request, sent until it is answered, or until it is unknown whether it
 * was carried out. */
#ifndef POMEX_CALL_H
#define POMEX_CALL_H

#include "operation/operation.h"

/* The options that a caller gave for one operation; for NULL the defaults. */
const pomex_call_options *pomex_call_options_given(const pomex_call_options *options);

/* Makes a call whose request is still to be formed. NULL: no memory. */
pomex_operation *pomex_call_new(pomex_context *context, pomex_endpoint_id endpoint,
                                const pomex_call_options *options);

/* Begins a call whose request is formed: queues it, or finishes it with `error` (taken over). */
void pomex_call_begin(pomex_operation *operation, pomex_error *error);

#endif
