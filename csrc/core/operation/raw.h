/* The caller's own request, which the endpoint table does not describe. */
#ifndef POMEX_RAW_H
#define POMEX_RAW_H

#include "operation/operation.h"

extern const pomex_kind pomex_raw_kind;

/* Forms the request of a pomex_client_request. NULL, or what is wrong. */
pomex_error *pomex_raw_form(pomex_operation *operation, const char *method, const char *path,
                            const json_t *query, const json_t *body, const json_t *headers);

/* Gives the request of an attempt the caller's method. */
void pomex_raw_dress(const pomex_operation *operation, pomex_request *request);

#endif
