/* Which part of the sandbox a request belongs to. */
#ifndef POMEX_SB_ROUTES_H
#define POMEX_SB_ROUTES_H

#include "sandbox/http/request.h"

/* Carries the request out, lets a fault strike it, and records it in the journal. When this
 * returns, everything that the request changed is in the store, nothing has been sent, and the
 * request's `response`, `manner` and `delay` are set. */
void pomex_sb_routes_decide(pomex_sb_request *request);

#endif
