/* Judges a file by its first bytes. */
#ifndef POMEX_SNIFF_H
#define POMEX_SNIFF_H

#include <stddef.h>

/* How many first bytes suffice. */
#define POMEX_SNIFF_BYTES 16

/* "mp4" or "webm" where the bytes say so (ISO media, EBML), whatever the headers say of them;
 * otherwise "unknown". */
const char *pomex_sniff_looks_like(const char *bytes, size_t length);

/* What the file certainly is instead of a video: "text", "gzip", …; `encoding` is the body's
 * Content-Encoding. NULL: it can be a video. */
const char *pomex_sniff_other(const char *bytes, size_t length, const char *encoding);

#endif
