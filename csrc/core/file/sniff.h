/* What the first bytes of a file tell of it. */
#ifndef POMEX_SNIFF_H
#define POMEX_SNIFF_H

#include <stddef.h>

/* Bytes that are enough for all of this. */
#define POMEX_SNIFF_BYTES 16

/* "mp4" or "webm" where the bytes say so (ISO media, EBML), whatever the headers say of them;
 * otherwise "unknown". */
const char *pomex_sniff_looks_like(const char *bytes, size_t length);

/* Why the file is no video for certain: "text", "gzip", … of a body whose Content-Encoding is
 * `encoding`. NULL: it may be one. */
const char *pomex_sniff_other(const char *bytes, size_t length, const char *encoding);

#endif
