#include "slice.h"

#include <stdio.h>
#include <string.h>

/* Content-Range: the first byte, the last, and how many there are. */
typedef struct range {
    long long from, to, whole;
} range;

static bool read_range(const char *text, range *r)
{
    return sscanf(text, "bytes %lld-%lld/%lld", &r->from, &r->to, &r->whole) == 3 &&
           r->from >= 0 && r->from <= r->to && r->to < r->whole;
}

static bool is_etag(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* An answer that names the bytes it brings, be it a 206 or a 200. */
static enum pomex_slice_kind of_range(const pomex_headers *h, const pomex_partfile *file,
                                      int64_t resume, bool ranges, const range *r,
                                      pomex_slice *slice)
{
    slice->offset = r->from;
    slice->total = r->whole;
    if (h->content_length >= 0 && h->content_length != r->to - r->from + 1)
        return POMEX_SLICE_CONTRADICTS;
    if (r->from == 0 && r->to == r->whole - 1)
        return POMEX_SLICE_WHOLE;
    if (!ranges || r->from != resume)
        return POMEX_SLICE_CONTRADICTS;
    if (resume == 0) /* the rest must be of the same video */
        return pomex_partfile_strong(h->etag) ? POMEX_SLICE_SOME : POMEX_SLICE_CONTRADICTS;
    return is_etag(h->etag, pomex_partfile_etag(file)) &&
                   pomex_partfile_length(file) == r->whole
               ? POMEX_SLICE_SOME
               : POMEX_SLICE_CONTRADICTS;
}

/* A 200 that does not say which bytes it brings: all, unless it looks like the rest alone. */
static enum pomex_slice_kind of_all(const pomex_headers *h, const pomex_partfile *file,
                                    int64_t resume, pomex_slice *slice)
{
    int64_t length = h->content_length, noted = pomex_partfile_length(file);
    slice->total = length;
    if (resume > 0 && is_etag(h->etag, pomex_partfile_etag(file))) {
        if (length >= 0 && length != noted)
            return POMEX_SLICE_CONTRADICTS;
        slice->total = noted;
    } else if (resume > 0 && !h->etag[0]) {
        if (length == noted - resume)
            return POMEX_SLICE_CONTRADICTS;
        slice->rest = noted - resume;
    }
    return length < 0 && !h->chunked ? POMEX_SLICE_UNMEASURED : POMEX_SLICE_WHOLE;
}

enum pomex_slice_kind pomex_slice_of(const pomex_headers *h, const pomex_partfile *file,
                                     int64_t resume, bool ranges, pomex_slice *slice)
{
    range r;
    *slice = (pomex_slice){.total = -1, .rest = -1};
    if (read_range(h->content_range, &r))
        return of_range(h, file, resume, ranges, &r, slice);
    return h->status == 206 ? POMEX_SLICE_CONTRADICTS : of_all(h, file, resume, slice);
}
