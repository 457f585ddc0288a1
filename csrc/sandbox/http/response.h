/* What will be sent back: a status, headers and bytes. It is complete before any of it is sent,
 * so that a fault can still change it. */
#ifndef POMEX_SB_RESPONSE_H
#define POMEX_SB_RESPONSE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POMEX_SB_HEADERS 24

typedef struct pomex_sb_header {
    char *name;
    char *value;
} pomex_sb_header;

typedef struct pomex_sb_response {
    int status;
    /* The bytes are `fixed` (not owned) followed by `owned` (from malloc). Of the two together,
     * `length` bytes from `start` on are sent. */
    const char *fixed;
    size_t fixed_length;
    char *owned;
    size_t owned_length;
    uint64_t start;
    uint64_t length;
    pomex_sb_header headers[POMEX_SB_HEADERS];
    size_t header_count;
    bool broken; /* memory ran out: a 503 is sent instead */
} pomex_sb_response;

/* Sets a header. A header of the same name, in any case, is replaced. */
void pomex_sb_response_header(pomex_sb_response *response, const char *name, const char *value);

/* Make these bytes the whole response. `own` takes them over, to free() them; NULL means that
 * memory ran out. `fixed` does not take them over. */
void pomex_sb_response_own(pomex_sb_response *response, int status, const char *type,
                           char *bytes, size_t length);
void pomex_sb_response_fixed(pomex_sb_response *response, int status, const char *type,
                             const char *bytes, size_t length);

/* Makes `value` the whole response, and takes over the reference. NULL means that memory ran
 * out. */
void pomex_sb_response_json(pomex_sb_response *response, int status, json_t *value);

/* Makes the document's error envelope the whole response. It has a type where the document's
 * table of errors shows one. */
__attribute__((format(printf, 3, 4))) void
pomex_sb_response_error(pomex_sb_response *response, int status, const char *format, ...);

/* Makes it a 503, after the store or memory has failed. Always false, so that a caller can return
 * it. */
bool pomex_sb_response_unavailable(pomex_sb_response *response);

/* Frees the bytes and headers, and makes the response empty. */
void pomex_sb_response_clear(pomex_sb_response *response);

#endif
