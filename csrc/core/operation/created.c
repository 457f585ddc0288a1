#include "operation/created.h"

#include "base/clock.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#define KEPT (300 * POMEX_SECOND)

struct pomex_created_entry {
    uint64_t hash;
    int64_t at;
    uint64_t kind;
    char *group; /* or NULL; also if there was no memory for it */
};

/* Makes room for one entry at the end; false if memory ran out. */
static bool make_room(pomex_created *c)
{
    if (c->first + c->count < c->capacity)
        return true;
    if (c->first > c->capacity / 2) {
        memmove(c->entries, c->entries + c->first, c->count * sizeof *c->entries);
    } else {
        size_t capacity = c->capacity ? 2 * c->capacity : 32;
        struct pomex_created_entry *grown = malloc(capacity * sizeof *grown);
        if (!grown)
            return false;
        if (c->count)
            memcpy(grown, c->entries + c->first, c->count * sizeof *grown);
        free(c->entries);
        c->entries = grown;
        c->capacity = capacity;
    }
    c->first = 0;
    return true;
}

static void forget_first(pomex_created *c)
{
    free(c->entries[c->first].group);
    c->first++;
    c->count--;
}

void pomex_created_add_object(pomex_created *c, const char *id, uint64_t kind,
                              const char *group, int64_t now)
{
    while (c->count && c->entries[c->first].at < now - KEPT)
        forget_first(c);
    if (make_room(c))
        c->entries[c->first + c->count++] = (struct pomex_created_entry){
            pomex_hash_text(id), now, kind, group ? strdup(group) : NULL};
    else
        c->incomplete = true;
}

void pomex_created_add(pomex_created *c, const char *name, int64_t now)
{
    pomex_created_add_object(c, name, 0, NULL, now);
}

/* NULL: it is not remembered. */
static const struct pomex_created_entry *find(const pomex_created *c, const char *name)
{
    uint64_t hash = pomex_hash_text(name);
    for (size_t i = c->count; i-- > 0;)
        if (c->entries[c->first + i].hash == hash)
            return &c->entries[c->first + i];
    return NULL;
}

int64_t pomex_created_at(const pomex_created *c, const char *name)
{
    const struct pomex_created_entry *entry = find(c, name);
    return entry ? entry->at : -1;
}

uint64_t pomex_created_kind(const pomex_created *c, const char *id)
{
    const struct pomex_created_entry *entry = find(c, id);
    return entry ? entry->kind : 0;
}

const char *pomex_created_group(const pomex_created *c, const char *id)
{
    const struct pomex_created_entry *entry = find(c, id);
    return entry ? entry->group : NULL;
}

void pomex_created_keep(pomex_created *c, size_t most)
{
    while (c->count > most)
        forget_first(c);
}

void pomex_created_free(pomex_created *c)
{
    pomex_created_keep(c, 0);
    free(c->entries);
}
