/* The last requests as they arrived, so that a test can see what a client really sent:
 * docs/testing.md, "Ledger and journal". */
#ifndef POMEX_SB_JOURNAL_H
#define POMEX_SB_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POMEX_SB_JOURNAL_SIZE 10000 /* requests that are kept */
#define POMEX_SB_JOURNAL_BODY 4096  /* bytes of a body that are kept */

struct pomex_sb_request;

typedef struct pomex_sb_journal {
    struct pomex_sb_entry **entries; /* a ring; allocated at the first request */
    size_t count;
    size_t oldest;
    uint64_t last;
} pomex_sb_journal;

/* Adds a request that was decided at `at` (ms of the sandbox's own clock). If memory runs out, the
 * request is not recorded. */
void pomex_sb_journal_note(pomex_sb_journal *journal, const struct pomex_sb_request *request,
                           int64_t at);

/* {"requests": [...]}, oldest first. If `place` is not NULL: only requests to this endpoint. NULL
 * if memory ran out. */
json_t *pomex_sb_journal_json(const pomex_sb_journal *journal, const char *place);

void pomex_sb_journal_clear(pomex_sb_journal *journal);

/* Clears the journal and frees its ring. */
void pomex_sb_journal_free(pomex_sb_journal *journal);

#endif
