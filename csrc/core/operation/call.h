/* The course of a call: one request, sent until it is answered or until nobody can know. */
#ifndef POMEX_CALL_H
#define POMEX_CALL_H

#include "operation/operation.h"

/* The options that a caller gave for one operation; for NULL the defaults. */
const pomex_call_options *pomex_call_options_given(const pomex_call_options *options);

/* A call whose request is still to be formed; NULL: no memory. */
pomex_operation *pomex_call_new(pomex_context *context, pomex_endpoint_id endpoint,
                                const pomex_call_options *options);

/* Its request is formed: queues it; or finishes it with what is wrong (taken over). */
void pomex_call_begin(pomex_operation *operation, pomex_error *error);

#endif
