/* The faults that a test has asked for: which there are, and which request each strikes.
 * docs/testing.md, "Faults", says what each field means. */
#ifndef POMEX_SB_FAULTS_H
#define POMEX_SB_FAULTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* The places that a request can go to, for messages. */
#define POMEX_SB_PLACES                                                                        \
    "one of sessions.create, assets.create, assets.list, assets.get, generations.create, "     \
    "generations.get, generations.list, generations.cancel, video, asset_link"

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
    json_t *spec; /* as the test asked for it; owns the texts below */
    const char *place;
    long times; /* how many requests it will still strike; 0: all */
    long skip;  /* how many requests it will still let pass */
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
    /* Of each fault there ever was, by its id less 1: how many requests it struck. */
    long *struck;
} pomex_sb_faults;

/* Whether requests to `name` are told from others: an endpoint, a link, or "*", any of them. */
bool pomex_sb_faults_is_place(const char *name);

/* Adds a fault, and keeps a reference to `spec`. Returns its id, or 0 with the reason in `why`. */
long pomex_sb_faults_add(pomex_sb_faults *faults, json_t *spec, char *why, size_t why_size);

/* Returns the fault that strikes a request to `place`, or NULL; counts down its `skip` and
 * `times`. No fault strikes if `place` is NULL. The caller gives the fault back with
 * pomex_sb_faults_done, which frees one that strikes no more. */
pomex_sb_fault *pomex_sb_faults_strike(pomex_sb_faults *faults, const char *place, bool reused);
void pomex_sb_faults_done(pomex_sb_faults *faults, pomex_sb_fault *fault);

void pomex_sb_faults_clear(pomex_sb_faults *faults);
void pomex_sb_faults_stop(pomex_sb_faults *faults);

#endif
