#include "operation/created.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

#define KEPT (300 * POMEX_SECOND)

struct pomex_created_entry {
    uint64_t hash;
    int64_t at;
};

static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return hash;
}

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

void pomex_created_add(pomex_created *c, const char *name, int64_t now)
{
    while (c->count && c->entries[c->first].at < now - KEPT) {
        c->first++;
        c->count--;
    }
    if (make_room(c))
        c->entries[c->first + c->count++] = (struct pomex_created_entry){hash_of(name), now};
    else
        c->incomplete = true;
}

int64_t pomex_created_at(const pomex_created *c, const char *name)
{
    uint64_t hash = hash_of(name);
    for (size_t i = c->count; i-- > 0;)
        if (c->entries[c->first + i].hash == hash)
            return c->entries[c->first + i].at;
    return -1;
}

void pomex_created_free(pomex_created *c)
{
    free(c->entries);
}
