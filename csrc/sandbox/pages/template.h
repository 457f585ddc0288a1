/* Templates, in a small part of mustache's syntax:
 *   {{name}}               the value, escaped for HTML
 *   {{#name}}…{{/name}}    once for each item of a list; once for any other value that is there
 *   {{^name}}…{{/name}}    once if the value is missing, empty, zero or false
 * A name is looked up in the innermost item, then in the items around it, then in `words`. A
 * section cannot hold another section of the same name. */
#ifndef POMEX_SB_TEMPLATE_H
#define POMEX_SB_TEMPLATE_H

#include "sandbox/pages/embed.h"

#include <jansson.h>

/* The page, which the caller frees. NULL if memory ran out. */
char *pomex_sb_template_render(pomex_sb_blob page, const json_t *data, const json_t *words,
                               size_t *length);

#endif
