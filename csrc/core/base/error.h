/* Making errors. A function that makes one returns an error that the caller owns. If memory runs
 * out, that is the static error that says so: pomex_error_free and every setter leave it alone. */
#ifndef POMEX_ERROR_H
#define POMEX_ERROR_H

#include "pomex.h"

/* The static error of the type "memory_error". */
pomex_error *pomex_error_memory(void);

/* The static ambiguous_errors, for a time when no memory is left for a better message. */
pomex_error *pomex_error_lost(bool maybe_billed);

/* Notes in the error whether a video is paid for. Returns the same error; for a static one, the
 * static error that says so. An ambiguous static error already says it, and stays. */
pomex_error *pomex_error_bill(pomex_error *error, pomex_billed billed);

/* Whether the error is one of the static ones, which nobody may change. */
bool pomex_error_is_static(const pomex_error *error);

/* An error of `type` (a static string) with a formatted message. */
pomex_error *pomex_error_new(const char *type, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Setters of one field each. Texts that are formatted or copied stay unset if memory runs out;
 * `text` (NULL: nothing) is taken over. */
void pomex_error_set_hint(pomex_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void pomex_error_set_endpoint(pomex_error *error, const char *endpoint);
void pomex_error_set_id(pomex_error *error, const char *id);
void pomex_error_set_status(pomex_error *error, int status);
void pomex_error_set_cause(pomex_error *error, const char *type);
void pomex_error_set_last_status(pomex_error *error, char *text);
void pomex_error_set_object(pomex_error *error, char *text);
void pomex_error_set_request_id(pomex_error *error, char *text);
void pomex_error_set_service_code(pomex_error *error, char *text);
void pomex_error_set_service_type(pomex_error *error, char *text);

/* The same call may succeed later. */
void pomex_error_set_retryable(pomex_error *error);

/* The client refused the request: nothing was sent. */
void pomex_error_set_client(pomex_error *error);

#endif
