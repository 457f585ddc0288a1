/* The last requests as they arrived, so that a test can say what a client really sent. */
#ifndef POMEX_SB_JOURNAL_H
#define POMEX_SB_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POMEX_SB_JOURNAL_SIZE 10000
#define POMEX_SB_JOURNAL_BODY 4096

struct pomex_sb_request;

typedef struct pomex_sb_journal {
    struct pomex_sb_entry **entries; /* a ring; allocated at the first request */
    size_t count;
    size_t oldest;
    uint64_t last;
} pomex_sb_journal;

/* Notes a request that was decided at `at` (monotonic seconds). Out of memory, it is lost. */
void pomex_sb_journal_note(pomex_sb_journal *journal, const struct pomex_sb_request *request,
                           double at);

/* {"requests": [...]}, of one endpoint if it is named; NULL if memory ran out. */
json_t *pomex_sb_journal_json(const pomex_sb_journal *journal, const char *place);

void pomex_sb_journal_clear(pomex_sb_journal *journal);

/* Clears, and gives the ring back. */
void pomex_sb_journal_free(pomex_sb_journal *journal);

#endif
