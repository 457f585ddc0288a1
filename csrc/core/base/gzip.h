/* Opens answers that a gateway compressed although pomex did not ask for it. */
#ifndef POMEX_GZIP_H
#define POMEX_GZIP_H

#include "base/buffer.h"

enum pomex_gzip {
    POMEX_GZIP_PLAIN,  /* it is no gzip, and was left as it is */
    POMEX_GZIP_DONE,   /* the buffer holds what was compressed */
    POMEX_GZIP_SPOILT, /* cut or damaged; left as it is */
    POMEX_GZIP_LONG,   /* more than `limit` bytes; left as it is */
    POMEX_GZIP_NO_MEMORY
};

/* Replaces a gzip in the buffer by its content, if that has at most `limit` bytes. */
enum pomex_gzip pomex_gzip_open(pomex_buffer *body, size_t limit);

#endif
