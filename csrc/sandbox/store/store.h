/* What the service remembers, in SQLite. Times are ms of the movable clock. Functions that
 * return an int give 1 (done, found), 0 (not found) or -1 (the store failed; it has said why on
 * stderr). A text that a row hands out lives until the next call of the store. */
#ifndef POMEX_SB_STORE_H
#define POMEX_SB_STORE_H

#include "sandbox/base/random.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pomex_sb_store pomex_sb_store;

typedef struct pomex_sb_text {
    const char *bytes; /* never NULL; NUL-terminated, but may hold others */
    size_t length;
} pomex_sb_text;

/* Opens `path` (NULL: memory). NULL with the reason in `why` on failure. */
pomex_sb_store *pomex_sb_store_open(const char *path, char *why, size_t why_size);
void pomex_sb_store_close(pomex_sb_store *store);

/* A small value by name. `set` replaces it. */
int pomex_sb_store_get_meta(pomex_sb_store *store, const char *name, char *out, size_t size);
int pomex_sb_store_set_meta(pomex_sb_store *store, const char *name, const char *value);

/* ---------------------------------------------------------------------------- accounts */

/* The account of a key; 0: none has it. The first account that was added is 1. */
int64_t pomex_sb_store_account(const pomex_sb_store *store, const char *key, size_t length);

/* Adds an account with its Virtual group, or gives account `number` (if not 0) another key. */
int pomex_sb_store_add_account(pomex_sb_store *store, int64_t number, const char *key,
                               int64_t now, int64_t *added);

/* ------------------------------------------------------------------------------ groups */

typedef struct pomex_sb_group {
    int64_t number;
    bool person; /* a verified one; else the account's Virtual group */
    char id[POMEX_SB_ID];
    int64_t counts[3]; /* assets in each pomex_sb_state, as last settled */
} pomex_sb_group;

/* The group `id` of an account (NULL: its Virtual group). */
int pomex_sb_store_group(pomex_sb_store *store, int64_t account, const char *id, size_t length,
                         pomex_sb_group *group);

/* Adds a verified person. */
int pomex_sb_store_add_person(pomex_sb_store *store, int64_t account, int64_t now,
                              char id[POMEX_SB_ID]);

/* ------------------------------------------------------------------------------ assets */

enum pomex_sb_state { POMEX_SB_PROCESSING, POMEX_SB_ACTIVE, POMEX_SB_FAILED };

enum pomex_sb_reason {
    POMEX_SB_FINE,
    POMEX_SB_NO_FACE,
    POMEX_SB_SEVERAL_FACES,
    POMEX_SB_OTHER_PERSON
};

typedef struct pomex_sb_asset {
    pomex_sb_text id;
    pomex_sb_text name;
    pomex_sb_text file; /* what its link ends in */
    pomex_sb_text type;
    pomex_sb_text group;
    int64_t created;
    int64_t ready;               /* when it stops being processed */
    enum pomex_sb_reason reason; /* why it then fails */
} pomex_sb_asset;

enum pomex_sb_state pomex_sb_asset_state(const pomex_sb_asset *asset, int64_t now);

/* Adds `count` assets (more than one: each name gets a number), in one transaction; the first
 * ids go into `ids`, as many as it has room for. */
int pomex_sb_store_add_assets(pomex_sb_store *store, const pomex_sb_group *group,
                              const pomex_sb_asset *like, int64_t count,
                              char (*ids)[POMEX_SB_ID], size_t room);

/* The asset of an account (0: of any). */
int pomex_sb_store_asset(pomex_sb_store *store, int64_t account, const char *id, size_t length,
                         pomex_sb_asset *asset);

typedef struct pomex_sb_list {
    unsigned states;  /* a bit (1 << state) for each that is wanted */
    const char *name; /* a part of it, in any case; NULL: all */
    size_t name_length;
    bool by_update; /* else in the order of creation */
    bool ascending;
    int64_t offset;
    int64_t limit;
    int64_t total; /* out: how many there are in all */
} pomex_sb_list;

typedef bool (*pomex_sb_each_asset)(void *user, const pomex_sb_asset *asset);

/* A page of a group's assets. -1 too if `each` returned false. */
int pomex_sb_store_list(pomex_sb_store *store, const pomex_sb_group *group, int64_t now,
                        pomex_sb_list *list, pomex_sb_each_asset each, void *user);

/* ---------------------------------------------------------------------------- sessions */

enum pomex_sb_outcome {
    POMEX_SB_READY,
    POMEX_SB_PASSED,
    POMEX_SB_NOT_PASSED,
    POMEX_SB_PRE_RECORDED,
    POMEX_SB_EXPIRED
};

typedef struct pomex_sb_session {
    int64_t account;
    pomex_sb_text callback;
    pomex_sb_text lang;
    int64_t expires;
    enum pomex_sb_outcome outcome; /* EXPIRED too if its time is over */
} pomex_sb_session;

int pomex_sb_store_add_session(pomex_sb_store *store, int64_t account, const char *token,
                               pomex_sb_text callback, const char *lang, int64_t now,
                               int64_t expires);
int pomex_sb_store_session(pomex_sb_store *store, const char *token, int64_t now,
                           pomex_sb_session *session);

/* Ends a session that is ready; 0 if it is not. PASSED makes the person and its entry in the
 * ledger in the same transaction, and fills in `group`. */
int pomex_sb_store_end_session(pomex_sb_store *store, const char *token, int64_t account,
                               enum pomex_sb_outcome outcome, int64_t now,
                               char group[POMEX_SB_ID]);

/* -------------------------------------------------------------------------- generations */

typedef struct pomex_sb_task {
    pomex_sb_text id;
    pomex_sb_text prompt;
    int64_t images;
    int64_t created;
    int64_t ready;
    bool fails;
} pomex_sb_task;

/* Adds a task and its entry in the ledger, in one transaction. */
int pomex_sb_store_add_task(pomex_sb_store *store, int64_t account, const char *model,
                            const pomex_sb_task *task);
int pomex_sb_store_task(pomex_sb_store *store, int64_t account, const char *id, size_t length,
                        pomex_sb_task *task);

/* ------------------------------------------------------------------------ for the pages */

/* {"entries": [...], "generation": n, "verification": n}; at most `limit` entries, oldest
 * first; of more, the newest. Prompts are cut after `longest` characters. NULL if the store
 * failed. */
json_t *pomex_sb_store_ledger(pomex_sb_store *store, int64_t limit, int64_t longest);

/* {"sessions": n, "groups": n, "assets": n, "generations": n}: groups of people only. */
json_t *pomex_sb_store_counts(pomex_sb_store *store);

/* The newest `limit` rows of "sessions", "people", "assets" or "tasks", as objects. */
json_t *pomex_sb_store_newest(pomex_sb_store *store, const char *what, int64_t now,
                              int64_t limit);

#endif
