/* Remembers the ids of what this client has made, and the likenesses of uploads in doubt. A lookup
 * must not adopt such an asset for another upload, and a wait looks at it no sooner than it can be
 * ready. Names are kept as hashes, for 300 s. */
#ifndef POMEX_CREATED_H
#define POMEX_CREATED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pomex_created {
    struct pomex_created_entry *entries;
    size_t first;
    size_t count;
    size_t capacity;
    bool incomplete; /* one name could not be remembered: no asset is adopted any more */
} pomex_created;

/* Remembers a name, as of `now`; if memory runs out, sets `incomplete`. */
void pomex_created_add(pomex_created *created, const char *name, int64_t now);

/* When the name was remembered; -1: the name is not known. */
int64_t pomex_created_at(const pomex_created *created, const char *name);

void pomex_created_free(pomex_created *created);

#endif
