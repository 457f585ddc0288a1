/* Which bytes of a video an answer brings, as its headers and the part's note tell. A file takes
 * its name only if neither contradicts that it is complete. */
#ifndef POMEX_SLICE_H
#define POMEX_SLICE_H

#include "file/partfile.h"
#include "net/headers.h"

enum pomex_slice_kind {
    POMEX_SLICE_WHOLE,       /* all of it */
    POMEX_SLICE_SOME,        /* some of it, from `offset` on; the rest can be asked for */
    POMEX_SLICE_CONTRADICTS, /* not what was asked for, or not what it says it is */
    POMEX_SLICE_UNMEASURED   /* nobody says how long it is: half of it would look like all */
};

typedef struct pomex_slice {
    int64_t offset; /* where in the file its first byte stands */
    int64_t total;  /* bytes of the whole file; -1: not known */
    int64_t rest;   /* an answer of so many bytes is the rest of the part alone; -1: none is */
} pomex_slice;

/* What an answer of 200 or 206 brings to a request for the bytes from `resume` on (0: for all)
 * of what `file` is a part of. `ranges`: more of it may be asked for by a range. */
enum pomex_slice_kind pomex_slice_of(const pomex_headers *headers, const pomex_partfile *file,
                                     int64_t resume, bool ranges, pomex_slice *slice);

#endif
