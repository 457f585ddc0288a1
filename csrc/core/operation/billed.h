/* Whether a video is paid for: what every error says, and what is known of an answer that its
 * caller cannot read. */
#ifndef POMEX_BILLED_H
#define POMEX_BILLED_H

#include "operation/operation.h"

/* By the error that ends the operation. */
pomex_billed pomex_billed_of(const pomex_operation *operation, const pomex_error *error);

/* See pomex_operation_billed. */
pomex_billed pomex_billed_so_far(const pomex_operation *operation);

#endif
