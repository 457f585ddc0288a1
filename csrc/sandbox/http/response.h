/* What will be sent back: a status, headers, and bytes. Made in one piece before any of it is
 * sent, so that a fault can still change it. */
#ifndef POMEX_SB_ANSWER_H
#define POMEX_SB_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POMEX_SB_HEADERS 24

typedef struct pomex_sb_header {
    char *name;
    char *value;
} pomex_sb_header;

typedef struct pomex_sb_answer {
    int status;
    /* The bytes are `fixed` (not owned) and then `owned` (from malloc); of both together,
     * `length` bytes from `start` on are sent. */
    const char *fixed;
    size_t fixed_length;
    char *owned;
    size_t owned_length;
    uint64_t start;
    uint64_t length;
    pomex_sb_header headers[POMEX_SB_HEADERS];
    size_t header_count;
    bool broken; /* memory ran out on the way: a 503 is sent instead */
} pomex_sb_answer;

/* Sets a header; one of that name (in any case) is replaced. */
void pomex_sb_answer_header(pomex_sb_answer *answer, const char *name, const char *value);

/* The whole of the answer is these bytes. The first takes them over (free()), the second
 * does not. `bytes` may be NULL where memory ran out. */
void pomex_sb_answer_own(pomex_sb_answer *answer, int status, const char *type, char *bytes,
                         size_t length);
void pomex_sb_answer_fixed(pomex_sb_answer *answer, int status, const char *type,
                           const char *bytes, size_t length);

/* JSON, of which the reference is taken over. NULL counts as memory that ran out. */
void pomex_sb_answer_json(pomex_sb_answer *answer, int status, json_t *value);

/* The error envelope; with a type where the document's table shows one. */
__attribute__((format(printf, 3, 4))) void
pomex_sb_answer_error(pomex_sb_answer *answer, int status, const char *format, ...);

/* The store or memory failed: 503. Always false, so that a handler can return it. */
bool pomex_sb_answer_unavailable(pomex_sb_answer *answer);

/* Frees the bytes and headers, and makes it empty again. */
void pomex_sb_answer_clear(pomex_sb_answer *answer);

#endif
