/* Where a request belongs, and what becomes of it. */
#ifndef POMEX_SB_ROUTES_H
#define POMEX_SB_ROUTES_H

#include "sandbox/http/request.h"

/* Carries the request out, applies the fault that strikes it, and notes it in the journal.
 * Leaves `answer`, `manner` and `delay`. Nothing has been sent when this returns, and all that
 * the request changed is in the store. */
void pomex_sb_decide(pomex_sb_request *request);

#endif
