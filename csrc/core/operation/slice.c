#include "operation/slice.h"

#include "base/ascii.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A Content-Range: the first byte, the last byte, and the whole length (-1: "*"). */
typedef struct range {
    int64_t from, to, whole;
} range;

/* False: the header cannot be read. Units have no case, and some servers write "bytes=". */
static bool read_range(const char *text, range *r)
{
    long long from, to;
    int end = 0;
    if (!pomex_ascii_begins(text, "bytes") || (text[5] != ' ' && text[5] != '=') ||
        sscanf(text + 6, "%lld-%lld/%n", &from, &to, &end) != 2 || !end || from < 0)
        return false;
    *r = (range){from, to, -1};
    return strcmp(text + 6 + end, "*") == 0 ||
           sscanf(text + 6 + end, "%" SCNd64, &r->whole) == 1;
}

static bool is_etag(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* Whether two ETags name the same video; a gateway can make an ETag weak without changing the
 * video. */
static bool is_alike(const char *answer, const char *noted)
{
    return is_etag(strncmp(answer, "W/", 2) == 0 ? answer + 2 : answer, noted);
}

/* A 200 that does not say which bytes it brings: it brings all, unless it looks like the rest
 * alone. */
static enum pomex_slice_kind of_all(const pomex_headers *h, const pomex_partfile *file,
                                    int64_t resume, pomex_slice *slice)
{
    int64_t length = h->content_length, noted = pomex_partfile_length(file);
    slice->total = length;
    if (pomex_partfile_size(file) > 0 && is_alike(h->etag, pomex_partfile_etag(file))) {
        if (length >= 0 && length != noted)
            return POMEX_SLICE_CONTRADICTS;
        slice->total = noted;
    } else if (resume > 0) { /* whatever the ETag: to ask for all costs one request */
        if (length == noted - resume)
            return POMEX_SLICE_CONTRADICTS;
        slice->rest = noted - resume;
    }
    return length < 0 && !h->chunked ? POMEX_SLICE_UNMEASURED : POMEX_SLICE_WHOLE;
}

/* An answer that names the bytes it brings, be it a 206 or a 200. */
static enum pomex_slice_kind of_range(const pomex_headers *h, const pomex_partfile *file,
                                      int64_t resume, bool ranges, const range *r,
                                      pomex_slice *slice)
{
    bool same = is_etag(h->etag, pomex_partfile_etag(file));
    int64_t whole = r->whole < 0 && resume > 0 && same ? pomex_partfile_length(file) : r->whole;
    if (r->from > r->to || r->to >= whole)
        return h->status == 200 && r->from == 0 ? of_all(h, file, resume, slice)
                                                : POMEX_SLICE_CONTRADICTS;
    slice->offset = r->from;
    slice->total = whole;
    if (h->content_length >= 0 && h->content_length != r->to - r->from + 1)
        return POMEX_SLICE_CONTRADICTS;
    if (same && pomex_partfile_size(file) > 0 && whole != pomex_partfile_length(file))
        return POMEX_SLICE_CONTRADICTS;
    if (r->from == 0 && r->to == whole - 1)
        return POMEX_SLICE_WHOLE;
    if (!ranges || r->from != resume)
        return POMEX_SLICE_CONTRADICTS;
    if (resume == 0) /* the rest must be of the same video */
        return pomex_partnote_strong(h->etag) ? POMEX_SLICE_SOME : POMEX_SLICE_CONTRADICTS;
    return same ? POMEX_SLICE_SOME : POMEX_SLICE_CONTRADICTS;
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
