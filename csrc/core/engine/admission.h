/* Whose turn it is: calls before waits, of which every fourth start is one where any waits; then
 * first come, first served, within the limits of the service, of what may be in flight, and of
 * what one step may start. */
#ifndef POMEX_ADMISSION_H
#define POMEX_ADMISSION_H

#include "operation/context.h"

typedef struct pomex_admission {
    int starts;         /* in this step */
    int calls_in_a_row; /* started while a wait waited for its turn */
} pomex_admission;

/* A step begins. */
void pomex_admission_note_step(pomex_admission *admission);

/* Starts what may start. */
void pomex_admission_run(pomex_admission *admission, pomex_context *context);

/* When something may start, in this step; POMEX_NEVER. */
int64_t pomex_admission_due(const pomex_admission *admission, const pomex_context *context);

#endif
