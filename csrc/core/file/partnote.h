/* The note beside a part: which task the part belongs to, and what the server said of the whole
 * video. A part that pomex made always has a note, so a part without one is somebody else's. */
#ifndef POMEX_PARTNOTE_H
#define POMEX_PARTNOTE_H

#include "file/partname.h"

#include <stddef.h>
#include <stdint.h>

typedef struct pomex_partnote {
    char *task;
    char *etag;     /* strong, or NULL: then the part cannot be resumed */
    int64_t length; /* of the whole; -1: unknown */
} pomex_partnote;

/* Reads the note of that name; false: there is none that can be read, and `note` is empty. */
bool pomex_partnote_read(pomex_partnote *note, const char *name);

/* Writes the note under its draft's name first, so that a note is whole or absent. False with
 * `why`. */
bool pomex_partnote_write(const pomex_partnote *note, const pomex_partname *names, char *why,
                          size_t why_size);

void pomex_partnote_free(pomex_partnote *note);

/* Whether an ETag is strong, so that two answers which bear it are of the same bytes. */
bool pomex_partnote_strong(const char *etag);

#endif
