/* The ids of groups, assets and generations. */
#ifndef POMEX_SB_ID_H
#define POMEX_SB_ID_H

#include <stdint.h>

#define POMEX_SB_ID 48 /* bytes that hold any id with its NUL */

/* Writes "PREFIX-20260619150241-b8xd4" to `out`. `now` is in ms since 1970. No id comes twice
 * while the program runs. */
void pomex_sb_id_make(const char *prefix, int64_t now, char out[POMEX_SB_ID]);

#endif
