/* Decides whose turn it is: calls go before waits, except that every fourth start is a wait's if
 * one waits. Within each sort the first to come is the first to start. The limits are those of the
 * service, of what can be in flight, and of what one step can start. */
#ifndef POMEX_ADMISSION_H
#define POMEX_ADMISSION_H

#include "operation/context.h"

typedef struct pomex_admission {
    int starts;         /* attempts started in this step */
    int calls_in_a_row; /* calls started in a row while a wait waited for its turn */
} pomex_admission;

/* A step begins. */
void pomex_admission_note_step(pomex_admission *admission);

/* Starts every operation whose turn has come. */
void pomex_admission_run(pomex_admission *admission, pomex_context *context);

/* When an operation can start in this step; POMEX_NEVER. */
int64_t pomex_admission_due(const pomex_admission *admission, const pomex_context *context);

#endif
