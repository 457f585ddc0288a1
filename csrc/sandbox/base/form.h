/* Percent-encoding: values of a query or of a form, "a=b&c=d". */
#ifndef POMEX_SB_FORM_H
#define POMEX_SB_FORM_H

#include <stdbool.h>
#include <stddef.h>

/* Writes the decoded value of `name` to `out`. False if the form has no such value, if it does
 * not fit, or if it holds a NUL. */
bool pomex_sb_form_value(const char *form, const char *name, char *out, size_t size);

/* Decodes each %XX of `text` into `out`, and each "+" into a space if `plus` is set. False if an
 * escape is malformed or the result does not fit. */
bool pomex_sb_form_decode(const char *text, size_t length, bool plus, char *out, size_t size,
                          size_t *out_length);

#endif
