/* A hash that tells texts apart within a process: 64-bit FNV-1a. Whoever chooses the texts can make
 * two of one hash. */
#ifndef POMEX_HASH_H
#define POMEX_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define POMEX_HASH_OF_NOTHING UINT64_C(0xcbf29ce484222325)

/* The hash of what `hash` is of, and these bytes behind it. */
static inline uint64_t pomex_hash_more(uint64_t hash, const void *bytes, size_t length)
{
    const unsigned char *byte = bytes;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static inline uint64_t pomex_hash_text(const char *text)
{
    return pomex_hash_more(POMEX_HASH_OF_NOTHING, text, strlen(text));
}

#endif
