/* Generations that were perhaps carried out: pomex looks into the account's list of tasks, where the
 * service has one, for those that can be it. It takes none by itself, unless told to. */
#ifndef POMEX_SEEK_H
#define POMEX_SEEK_H

#include "operation/operation.h"

/* The attempt of a create, which ended with `error` (taken over), is in doubt: names the tasks that
 * can be it, and ends the operation. */
void pomex_seek_begin(pomex_operation *operation, const pomex_outcome *outcome,
                      pomex_error *error);

#endif
