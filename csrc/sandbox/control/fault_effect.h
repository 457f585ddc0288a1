/* What a fault does to the request that it strikes: docs/testing.md, "Faults". */
#ifndef POMEX_SB_FAULT_EFFECT_H
#define POMEX_SB_FAULT_EFFECT_H

#include "sandbox/control/faults.h"
#include "sandbox/http/request.h"

/* Sets the delay, and whatever the fault does instead of carrying the request out. False: the
 * request has to be carried out all the same. */
bool pomex_sb_fault_effect_before(pomex_sb_request *request, const pomex_sb_fault *fault);

/* Changes the response of a request, whether or not it was carried out. */
void pomex_sb_fault_effect_after(pomex_sb_request *request, const pomex_sb_fault *fault);

#endif
