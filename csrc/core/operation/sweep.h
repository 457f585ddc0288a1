/* A page of a group's list, asked for by a wait that carries it, which is a look for every wait of
 * the group: at the page where the carrier was seen last; or at those that became final last, once
 * there are more waits than one page holds. */
#ifndef POMEX_SWEEP_H
#define POMEX_SWEEP_H

#include "operation/operation.h"

/* The URL of the page that the wait asks for; NULL: no memory. */
char *pomex_sweep_url(pomex_operation *op);

/* The request for a page is over; its answer is in the wait's own part. Shows each item to those
 * who wait for it, and has the wait go on. */
void pomex_sweep_ended(pomex_operation *op, const pomex_outcome *outcome);

#endif
