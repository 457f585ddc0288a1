/* The video of a task: always the same clip, with the prompt in its metadata. */
#ifndef POMEX_SB_MP4_H
#define POMEX_SB_MP4_H

#include "sandbox/base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* The file is `fixed` (the media data, inside the program) followed by `moov` (from malloc, which
 * the caller frees). The clip's moov box is at its end, so it can grow without moving the media
 * data whose position it states. */
typedef struct pomex_sb_video {
    const char *fixed;
    size_t fixed_length;
    char *moov;
    size_t moov_length;
} pomex_sb_video;

/* Makes a video with `prompt` and `images` as the tags "prompt" and "image_count". False if memory
 * ran out. */
bool pomex_sb_mp4_make(pomex_sb_text prompt, int64_t images, pomex_sb_video *video);

#endif
