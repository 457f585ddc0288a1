/* What a fault does to the request that it strikes: docs/testing.md, "Faults". */
#ifndef POMEX_SB_FAULT_EFFECT_H
#define POMEX_SB_FAULT_EFFECT_H

#include "sandbox/control/faults.h"
#include "sandbox/http/request.h"

/* Sets the delay of the response. True: the request must not be carried out, because the fault
 * drops it, lets it hang, or states a response of its own. */
bool pomex_sb_fault_effect_before(pomex_sb_request *request, const pomex_sb_fault *fault);

/* Sets the response that the fault states, or spoils the one that there is. */
void pomex_sb_fault_effect_after(pomex_sb_request *request, const pomex_sb_fault *fault);

#endif
