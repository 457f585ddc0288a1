/* What a test wants to go wrong: one-shot and standing faults, by endpoint. A fault is asked
 * for by an object of
 *
 *   endpoint       "assets.get" or another of the API's, "video" or "asset_link" (the signed
 *                  links), or "*" for all of them
 *   times          how many requests it strikes (1); 0: all, until it is removed
 *   skip           how many it lets pass before (0)
 *   reused         true: only requests that are not the first on their connection, which is
 *                  where HTTP libraries send again what they should not
 *   status, body, content_type   the answer; on their own, nothing is carried out. Without a
 *                  body, a status from 400 on has the document's error envelope
 *   retry_after    seconds, or the text of the header
 *   headers        to be added or replaced, on any answer
 *   delay          seconds between carrying out and answering
 *   before_accept  "drop" (the connection is closed without a byte) or "hang" (nothing is ever
 *                  sent): nothing is carried out
 *   after_accept   it is carried out, and then the answer is lost ("drop", "hang"), ends in the
 *                  middle of what Content-Length says ("truncate"), comes a byte each 50 ms
 *                  ("drip"), is no JSON ("garbage"), or is status and body above ("status"). */
#ifndef POMEX_SB_FAULTS_H
#define POMEX_SB_FAULTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum pomex_sb_break {
    POMEX_SB_BREAK_NONE,
    POMEX_SB_BREAK_DROP,
    POMEX_SB_BREAK_HANG,
    POMEX_SB_BREAK_TRUNCATE,
    POMEX_SB_BREAK_DRIP,
    POMEX_SB_BREAK_GARBAGE,
    POMEX_SB_BREAK_STATUS
};

typedef struct pomex_sb_fault {
    struct pomex_sb_fault *next;
    long id;
    json_t *spec; /* as it was asked for; owns the texts below */
    const char *place;
    long times; /* how often it still strikes; 0: always */
    long skip;  /* how many requests it still lets pass */
    bool reused;
    int status; /* 0: none */
    const json_t *retry_after;
    const json_t *headers;
    const json_t *body;
    const char *content_type;
    double delay;
    enum pomex_sb_break before;
    enum pomex_sb_break after;
} pomex_sb_fault;

typedef struct pomex_sb_faults {
    pomex_sb_fault *first;
    long last_id;
} pomex_sb_faults;

/* Adds a fault; a reference to `spec` is kept. Returns its id, or 0 with the reason in `why`.
 */
long pomex_sb_faults_add(pomex_sb_faults *faults, json_t *spec, char *why, size_t why_size);

/* The fault that strikes a request to `place` (NULL: to none that faults know) now, or NULL.
 * Counts its `skip` and `times`; the caller gives it back with pomex_sb_faults_done. */
pomex_sb_fault *pomex_sb_faults_strike(pomex_sb_faults *faults, const char *place, bool reused);
void pomex_sb_faults_done(pomex_sb_faults *faults, pomex_sb_fault *fault);

void pomex_sb_faults_clear(pomex_sb_faults *faults);

#endif
