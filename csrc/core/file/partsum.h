/* The SHA-256 of a file that grows: it follows the bytes as they are written, so that little is left
 * to read at the end. Blocking file calls only. */
#ifndef POMEX_PARTSUM_H
#define POMEX_PARTSUM_H

#include "base/sha256.h"

#include <stdbool.h>

typedef struct pomex_partsum {
    pomex_sha256 sum;
    int64_t at; /* bytes that are in it; 0: none, and `sum` is not begun */
} pomex_partsum;

/* The file was cut to `size` bytes: what was summed beyond is summed anew. */
void pomex_partsum_cut(pomex_partsum *sum, int64_t size);

/* Sums what the file holds up to `size`, at most `limit` bytes of it. False if they could not be
 * read. */
bool pomex_partsum_follow(pomex_partsum *sum, int fd, int64_t size, int64_t limit);

/* Sums the rest up to `size`, and ends it. False if it could not be read. */
bool pomex_partsum_end(pomex_partsum *sum, int fd, int64_t size, char text[POMEX_SUM_SIZE]);

#endif
