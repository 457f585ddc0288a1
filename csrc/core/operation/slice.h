/* Which bytes of a video an answer brings, by its headers and the note of the part. A file takes
 * its name only if neither of the two contradicts that it is complete. */
#ifndef POMEX_SLICE_H
#define POMEX_SLICE_H

#include "file/partfile.h"
#include "net/headers.h"

enum pomex_slice_kind {
    POMEX_SLICE_WHOLE,       /* all of it */
    POMEX_SLICE_SOME,        /* some of it, from `offset` on; the rest can be asked for */
    POMEX_SLICE_CONTRADICTS, /* it does not match the request, or contradicts itself */
    POMEX_SLICE_UNMEASURED   /* its length is unknown: half of it would look whole */
};

typedef struct pomex_slice {
    int64_t offset; /* the place in the file of its first byte */
    int64_t total;  /* bytes of the whole file; -1: not known */
    int64_t rest; /* if the answer has this length, it is the rest alone; -1: no such length */
} pomex_slice;

/* What an answer of 200 or 206 brings, if the request asked for the bytes from `resume` on (0: for
 * all) of the video that `file` is a part of. `ranges`: the rest can be asked for by a range. */
enum pomex_slice_kind pomex_slice_of(const pomex_headers *headers, const pomex_partfile *file,
                                     int64_t resume, bool ranges, pomex_slice *slice);

#endif
