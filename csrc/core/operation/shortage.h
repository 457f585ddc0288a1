/* An attempt that found no file descriptor. It was not sent and is not counted. It goes again when
 * another attempt of ours ends, or at once if an idle connection of ours can be closed for it. If
 * there is nothing of ours to wait for, it fails at once. */
#ifndef POMEX_SHORTAGE_H
#define POMEX_SHORTAGE_H

#include "operation/operation.h"

/* Whether the attempt found no descriptor; `operation` then waits for one, or is done. */
bool pomex_shortage_met(pomex_operation *operation, const pomex_transfer *transfer,
                        const pomex_outcome *outcome);

#endif
