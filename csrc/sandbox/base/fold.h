/* Text in lower case, for a search that ignores case. */
#ifndef POMEX_SB_FOLD_H
#define POMEX_SB_FOLD_H

#include <stddef.h>

/* A lower-case copy that the caller frees, or NULL if memory ran out. Bytes that are not valid
 * in the locale's encoding are copied unchanged. */
char *pomex_sb_fold(const char *bytes, size_t length, size_t *folded_length);

#endif
