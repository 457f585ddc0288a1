/* Parses and writes JSON within bounds, and reads the few values on which the core decides. */
#ifndef POMEX_JSON_H
#define POMEX_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define POMEX_MAX_BODY  (8u << 20) /* bytes of a JSON body, either way */
#define POMEX_MAX_DEPTH 64         /* levels of nesting of a JSON body */

/* Parses `length` bytes, at most POMEX_MAX_BODY with at most POMEX_MAX_DEPTH levels, so that no
 * input can exhaust the stack. Reads numbers of any size (large ones as reals) and keeps NUL
 * bytes in strings. NULL if the text is not JSON; the caller owns the result. */
json_t *pomex_json_parse(const char *text, size_t length);

/* The string at `key` of an object, or NULL if there is none, it is empty, or holds a NUL. */
const char *pomex_json_string(const json_t *object, const char *key);

/* Whether `value` is nested more than POMEX_MAX_DEPTH levels. */
bool pomex_json_is_deep(const json_t *value);

/* The text of `value` to send: compact UTF-8; whole numbers without a fraction, others with 15
 * digits if all of them read back the same that way, otherwise with 17. The caller frees it
 * with free(). NULL if memory ran out or JSON cannot express `value`. */
char *pomex_json_text(const json_t *value, size_t *length);

#endif
