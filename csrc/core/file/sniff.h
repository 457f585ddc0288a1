/* Judges a file by its first bytes. */
#ifndef POMEX_SNIFF_H
#define POMEX_SNIFF_H

#include <stdbool.h>
#include <stddef.h>

/* How many first bytes suffice. */
#define POMEX_SNIFF_BYTES 16

/* What the bytes say, whatever the headers say of them: "mp4" or "webm" (ISO media, EBML); of
 * pictures "jpeg", "png", "gif", "webp", "heic", "avif", "bmp" or "tiff"; of sounds "wav", "mp3",
 * "ogg" or "flac"; otherwise "unknown". */
const char *pomex_sniff_looks_like(const char *bytes, size_t length);

/* Whether that is the name of a kind of pictures. */
bool pomex_sniff_is_picture(const char *looks_like);

/* What the bytes certainly are instead of a file of one of these kinds: "text", "gzip", …; `encoding` is the body's
 * Content-Encoding. NULL: it can be one. */
const char *pomex_sniff_other(const char *bytes, size_t length, const char *encoding);

#endif
