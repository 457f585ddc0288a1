/* Everything that the service remembers, in SQLite. Times are in ms of the sandbox's own clock
 * (base/clock.h). A function that returns an int returns 1 (done, or found), 0 (not found), or
 * -1 (the store failed, and the reason is on stderr). A text in a row that was found lives until
 * the next call of the store. */
#ifndef POMEX_SB_STORE_H
#define POMEX_SB_STORE_H

#include "sandbox/base/id.h"
#include "sandbox/base/text.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pomex_sb_store pomex_sb_store;

/* Opens the database file `path`, or one in memory if `path` is NULL. NULL, with the reason in
 * `why`, if that fails. */
pomex_sb_store *pomex_sb_store_open(const char *path, char *why, size_t why_size);
void pomex_sb_store_close(pomex_sb_store *store);

/* A small value by its name. `set_meta` replaces an older one. */
int pomex_sb_store_get_meta(pomex_sb_store *store, const char *name, char *out, size_t size);
int pomex_sb_store_set_meta(pomex_sb_store *store, const char *name, const char *value);

/* ---------------------------------------------------------------------------- accounts */

/* The number of the account that has this key, or 0 if none has. The first account is 1. */
int64_t pomex_sb_store_accounts_find(const pomex_sb_store *store, const char *key,
                                     size_t length);

/* If `number` is 0: adds an account with its Virtual group. Otherwise: gives account `number`
 * this key, and a Virtual group if it has none. *added is the account's number. */
int pomex_sb_store_accounts_add(pomex_sb_store *store, int64_t number, const char *key,
                                int64_t now, int64_t *added);

/* ------------------------------------------------------------------------------ groups */

typedef struct pomex_sb_group {
    int64_t number;
    bool person; /* a verified person; otherwise the account's Virtual group */
    char id[POMEX_SB_ID];
    int64_t counts[3]; /* its assets by pomex_sb_state, as last settled */
} pomex_sb_group;

/* The group `id` of an account. If `id` is NULL: the account's Virtual group. */
int pomex_sb_store_groups_find(pomex_sb_store *store, int64_t account, const char *id,
                               size_t length, pomex_sb_group *group);

/* Adds a group, of a verified person or the account's Virtual one, and writes its id. */
int pomex_sb_store_groups_add(pomex_sb_store *store, int64_t account, bool person, int64_t now,
                              char id[POMEX_SB_ID]);

/* ------------------------------------------------------------------------------ assets */

enum pomex_sb_state { POMEX_SB_PROCESSING, POMEX_SB_ACTIVE, POMEX_SB_FAILED };

/* Why an asset fails once it has been processed. */
enum pomex_sb_reason {
    POMEX_SB_FINE, /* it does not fail */
    POMEX_SB_NO_FACE,
    POMEX_SB_SEVERAL_FACES,
    POMEX_SB_OTHER_PERSON
};

typedef struct pomex_sb_asset {
    pomex_sb_text id;
    pomex_sb_text name;
    pomex_sb_text file; /* the last part of its link */
    pomex_sb_text type;
    pomex_sb_text group;
    int64_t created;
    int64_t ready; /* when its processing ends */
    enum pomex_sb_reason reason;
} pomex_sb_asset;

enum pomex_sb_state pomex_sb_store_assets_state(const pomex_sb_asset *asset, int64_t now);

/* The document's name of a state. */
const char *pomex_sb_store_assets_state_name(enum pomex_sb_state state);

/* Adds `count` assets like `like` in one transaction. If there are several, each name gets a
 * number. Writes the ids of the first ones to `ids`, which has room for `room` of them. */
int pomex_sb_store_assets_add(pomex_sb_store *store, const pomex_sb_group *group,
                              const pomex_sb_asset *like, int64_t count,
                              char (*ids)[POMEX_SB_ID], size_t room);

/* The asset `id` of an account. If `account` is 0: of any account. */
int pomex_sb_store_assets_find(pomex_sb_store *store, int64_t account, const char *id,
                               size_t length, pomex_sb_asset *asset);

typedef struct pomex_sb_list {
    unsigned states;  /* a bit (1 << state) for each wanted state */
    const char *name; /* a part of the name, in any case; NULL: every name */
    size_t name_length;
    bool by_update; /* ordered by the last change; otherwise by creation */
    bool ascending;
    int64_t offset;
    int64_t limit;
    int64_t total; /* set by the call: how many assets fit, on all pages */
} pomex_sb_list;

typedef bool (*pomex_sb_each_asset)(void *user, const pomex_sb_asset *asset);

/* Calls `each` for every asset on a page of a group's assets. -1 also if `each` returned false. */
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
    enum pomex_sb_outcome outcome; /* POMEX_SB_EXPIRED also if its time is over */
} pomex_sb_session;

int pomex_sb_store_sessions_add(pomex_sb_store *store, int64_t account, const char *token,
                                pomex_sb_text callback, const char *lang, int64_t now,
                                int64_t expires);

int pomex_sb_store_sessions_find(pomex_sb_store *store, const char *token, int64_t now,
                                 pomex_sb_session *session);

/* Ends a session that is ready; 0 if it is not. For POMEX_SB_PASSED the same transaction adds the
 * person, whose id it writes to `group`, and the ledger's entry. */
int pomex_sb_store_sessions_end(pomex_sb_store *store, const char *token, int64_t account,
                                enum pomex_sb_outcome outcome, int64_t now,
                                char group[POMEX_SB_ID]);

/* -------------------------------------------------------------------------- generations */

typedef struct pomex_sb_task {
    pomex_sb_text id;
    pomex_sb_text model;
    pomex_sb_text prompt;
    pomex_sb_text given; /* fields of the body that an answer can repeat, as JSON */
    int64_t images;
    int64_t created;
    int64_t ready;     /* when it ends */
    int64_t cancelled; /* when it was cancelled; 0: it was not */
    bool fails;
} pomex_sb_task;

/* Adds a task and its entry in the ledger, in one transaction. */
int pomex_sb_store_tasks_add(pomex_sb_store *store, int64_t account, const pomex_sb_task *task);

/* The task `id` of an account. If `account` is 0: of any account. */
int pomex_sb_store_tasks_find(pomex_sb_store *store, int64_t account, const char *id,
                              size_t length, pomex_sb_task *task);

/* "queued", "running", "succeeded", "failed" or "cancelled". */
const char *pomex_sb_store_tasks_status(const pomex_sb_task *task, int64_t now);

/* When it stops being queued, unless it is cancelled. */
int64_t pomex_sb_store_tasks_runs_from(const pomex_sb_task *task);

/* When that status began. */
int64_t pomex_sb_store_tasks_changed(const pomex_sb_task *task, int64_t now);

/* Cancels a task, and takes its entry out of the ledger, in one transaction. */
int pomex_sb_store_tasks_cancel(pomex_sb_store *store, const char *id, int64_t now);

/* Deletes the record of a task. What it cost stays in the ledger. */
int pomex_sb_store_tasks_delete(pomex_sb_store *store, const char *id);

/* Calls `each` for every task of an account that was created from `first` to `last`, the newest
 * first, or the oldest. -1 also if `each` returned false. */
typedef bool (*pomex_sb_each_task)(void *user, const pomex_sb_task *task);
int pomex_sb_store_tasks_each(pomex_sb_store *store, int64_t account, int64_t first,
                              int64_t last, bool ascending, pomex_sb_each_task each,
                              void *user);

/* ------------------------------------------------------------------- ledger and summary */

/* {"entries": [...], "generation": n, "verification": n}, or NULL if the store failed. The
 * entries are the newest `limit`, oldest first; -1 for `limit`: all of them. Prompts are cut
 * after `longest` characters. */
json_t *pomex_sb_store_ledger_entries(pomex_sb_store *store, int64_t limit, int64_t longest);

/* {"sessions": n, "groups": n, "assets": n, "generations": n}; groups of people only. NULL if the
 * store failed. */
json_t *pomex_sb_store_summary_counts(pomex_sb_store *store);

/* The newest `limit` rows of "sessions", "people", "assets" or "tasks", as objects; NULL if the
 * store failed. */
json_t *pomex_sb_store_summary_newest(pomex_sb_store *store, const char *what, int64_t now,
                                      int64_t limit);

#endif
