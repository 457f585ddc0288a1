/* Bytes of a known length that somebody else owns. */
#ifndef POMEX_SB_TEXT_H
#define POMEX_SB_TEXT_H

#include <stddef.h>

typedef struct pomex_sb_text {
    const char *bytes; /* never NULL; NUL-terminated, but may hold other NULs */
    size_t length;
} pomex_sb_text;

#endif
