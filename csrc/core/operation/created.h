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

/* The same for an id; of a task `kind` is remembered, too (0: none), and of an asset `group` (or
 * NULL). */
void pomex_created_add_object(pomex_created *created, const char *id, uint64_t kind,
                              const char *group, int64_t now);

/* What was remembered of a task; 0: it is not known. */
uint64_t pomex_created_kind(const pomex_created *created, const char *id);

/* The group that was remembered of an asset; NULL: none. It lives until a name is added. */
const char *pomex_created_group(const pomex_created *created, const char *id);

/* When the name was remembered; -1: the name is not known. */
int64_t pomex_created_at(const pomex_created *created, const char *name);

/* Forgets all but the latest `most` names. */
void pomex_created_keep(pomex_created *created, size_t most);

void pomex_created_free(pomex_created *created);

#endif
