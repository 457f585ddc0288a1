/* The files of pages/web, which are built into the program. */
#ifndef POMEX_SB_EMBED_H
#define POMEX_SB_EMBED_H

#include <stddef.h>

typedef struct pomex_sb_blob {
    const char *bytes;
    size_t length;
} pomex_sb_blob;

enum pomex_sb_file {
    POMEX_SB_CLIP,
    POMEX_SB_PORTRAIT,
    POMEX_SB_VOICE,
    POMEX_SB_STYLE,
    POMEX_SB_SCRIPT,
    POMEX_SB_H5,
    POMEX_SB_DASHBOARD,
    POMEX_SB_STRINGS
};

pomex_sb_blob pomex_sb_embed(enum pomex_sb_file file);

#endif
