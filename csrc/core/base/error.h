/* Making errors. Every function here returns an error that the caller owns; where memory runs
 * out it is the one static error that says so, which pomex_error_free leaves alone. */
#ifndef POMEX_ERROR_H
#define POMEX_ERROR_H

#include "pomex.h"
#include "rules/rules.h"

/* The static error of the type "memory_error". */
pomex_error *pomex_error_memory(void);

/* The static ambiguous_errors for when there is no memory left to say more. */
pomex_error *pomex_error_lost(bool maybe_billed);

/* The error, saying whether a video is paid for: the same one, or (of the static ones) one like
 * it. An ambiguous static one was chosen by that already, and stays. */
pomex_error *pomex_error_bill(pomex_error *error, pomex_billed billed);

/* Whether the error is one of the static ones, which nobody may change. */
bool pomex_error_is_static(const pomex_error *error);

/* An error of `type` (a static string) with a formatted message. */
pomex_error *pomex_error_new(const char *type, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* An invalid_request_error that says: refused here, nothing was sent. */
pomex_error *pomex_violation_error(const char *endpoint, const pomex_violation *violation);

/* Sets one of the string fields, formatted; leaves it NULL where memory runs out. */
void pomex_error_set(char **field, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
