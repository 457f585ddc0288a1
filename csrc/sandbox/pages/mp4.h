/* The clip that every task gives, with a note in it of what was asked for. */
#ifndef POMEX_SB_MP4_H
#define POMEX_SB_MP4_H

#include "sandbox/store/store.h"

/* A video: `fixed` (media; inside the program), then `moov` (from malloc, owned by the caller).
 * The clip's moov stands at its end, so that it can grow without moving what it points at. */
typedef struct pomex_sb_video {
    const char *fixed;
    size_t fixed_length;
    char *moov;
    size_t moov_length;
} pomex_sb_video;

/* False if memory ran out. `prompt` and `images` become the tags "prompt" and "image_count". */
bool pomex_sb_video_make(pomex_sb_text prompt, int64_t images, pomex_sb_video *video);

#endif
