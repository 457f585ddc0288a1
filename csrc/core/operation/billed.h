/* Whether a video is paid for: the `billed` of every error, and of an answer that its caller cannot
 * read. */
#ifndef POMEX_BILLED_H
#define POMEX_BILLED_H

#include "operation/operation.h"

/* What the error that ends the operation says of it. */
pomex_billed pomex_billed_of(const pomex_operation *operation, const pomex_error *error);

/* See pomex_operation_billed. */
pomex_billed pomex_billed_so_far(const pomex_operation *operation);

#endif
