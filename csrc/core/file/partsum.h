/* The SHA-256 of a file that grows: it follows the bytes as they are written, so that little is left
 * to read at the end. Blocking file calls only. */
#ifndef POMEX_PARTSUM_H
#define POMEX_PARTSUM_H

#include "base/sha256.h"

#include <stdbool.h>

typedef struct pomex_partsum {
    pomex_sha256 sum;
    int64_t at; /* bytes that are in it; 0: none, and `sum` is begun anew */
} pomex_partsum;

/* The file was cut to `size` bytes: what was summed beyond is summed anew. */
void pomex_partsum_cut(pomex_partsum *sum, int64_t size);

/* Sums what the file holds up to `size`, at most `limit` bytes of it. False with errno: they could
 * not be read, or there is no memory. */
bool pomex_partsum_follow(pomex_partsum *sum, int fd, int64_t size, int64_t limit);

/* Sums the rest up to `size`, and frees the sum. False as above. */
bool pomex_partsum_end(pomex_partsum *sum, int fd, int64_t size, char text[POMEX_SUM_SIZE]);

/* Of one that is not ended. */
void pomex_partsum_free(pomex_partsum *sum);

#endif
