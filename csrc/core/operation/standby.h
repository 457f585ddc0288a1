/* Calls that stand by: such a call takes its turn and its slot, and then waits, without sending, for
 * its caller's word. So a caller that writes down what it sends writes it when it can be sent, and
 * not when it joins a queue: of what is written down, little is yet to be sent. */
#ifndef POMEX_STANDBY_H
#define POMEX_STANDBY_H

#include "operation/operation.h"

/* Its turn has come: it stands, with `slot`, and counts among those in flight. */
void pomex_standby_begin(pomex_operation *operation, pomex_slot slot);

/* Takes the slot of a call that goes on; it no longer counts among those in flight. */
pomex_slot pomex_standby_take(pomex_operation *operation);

/* Gives back what the operation holds, if it holds anything. */
void pomex_standby_end(pomex_operation *operation);

#endif
