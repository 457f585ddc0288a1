/* The kinds of a generation's fields beside those of the document. */
#ifndef POMEX_KINDS_H
#define POMEX_KINDS_H

#include "rules/violation.h"

/* False, and *violation filled in, where a field that is known to be a number, or true or false,
 * is a text: a slip, which nobody can have meant. Whatever else it is, the service judges. */
bool pomex_kinds_check(const json_t *payload, pomex_violation *violation);

#endif
