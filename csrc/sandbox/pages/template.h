/* Templates, a small part of mustache: {{name}} is the value, escaped for HTML; {{#name}}…
 * {{/name}} repeats for each item of a list, or stands if the value is there;
 * {{^name}}…{{/name}} stands if it is not. A name is looked for in the innermost item,
 * outwards, then in `words`. Sections of one name do not nest. */
#ifndef POMEX_SB_TEMPLATE_H
#define POMEX_SB_TEMPLATE_H

#include "sandbox/pages/embed.h"

#include <jansson.h>

/* The page, from malloc; NULL if memory ran out. */
char *pomex_sb_render(pomex_sb_blob page, const json_t *data, const json_t *words,
                      size_t *length);

#endif
