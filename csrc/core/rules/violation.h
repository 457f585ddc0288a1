/* Why a request breaks a rule, in words. */
#ifndef POMEX_VIOLATION_H
#define POMEX_VIOLATION_H

#include "pomex.h"

/* Why a request is refused. `message` is the document's sentence where it has one; `value`
 * shows the value at fault ('lang is "fr"', at most one line), and may be empty. */
typedef struct pomex_violation {
    char message[256];
    char value[256];
} pomex_violation;

/* Fills in *violation: the message as printf does, and "WHAT is VALUE" on one line (nothing for
 * NULL). False, always, so that a rule can return it. */
__attribute__((format(printf, 4, 5))) bool pomex_violation_set(pomex_violation *violation,
                                                               const char *what,
                                                               const json_t *value,
                                                               const char *format, ...);

/* The same for a value that is not JSON. */
__attribute__((format(printf, 5, 6))) bool
pomex_violation_set_text(pomex_violation *violation, const char *what, const char *text,
                         size_t length, const char *format, ...);

/* Appends "; note" to the value shown, if one is shown. */
void pomex_violation_explain(pomex_violation *violation, const char *note);

/* The invalid_request_error of a violation: refused here, nothing was sent. `endpoint` is a
 * name of the endpoint table. */
pomex_error *pomex_violation_error(const char *endpoint, const pomex_violation *violation);

#endif
