/* For the store's own files: its statements, each prepared once and kept. */
#ifndef POMEX_SB_SQL_H
#define POMEX_SB_SQL_H

#include "sandbox/store/store.h"

#include <sqlite3.h>

#define POMEX_SB_LIST_FORMS 512

enum pomex_sb_sql {
    POMEX_SB_SQL_BEGIN,
    POMEX_SB_SQL_COMMIT,
    POMEX_SB_SQL_ROLLBACK,
    POMEX_SB_SQL_GET_META,
    POMEX_SB_SQL_SET_META,
    POMEX_SB_SQL_ACCOUNTS,
    POMEX_SB_SQL_SET_ACCOUNT,
    POMEX_SB_SQL_GROUP,
    POMEX_SB_SQL_VIRTUAL_GROUP,
    POMEX_SB_SQL_ADD_GROUP,
    POMEX_SB_SQL_ASSET,
    POMEX_SB_SQL_ADD_ASSET,
    POMEX_SB_SQL_COUNT_ASSETS,
    POMEX_SB_SQL_NEXT_READY,
    POMEX_SB_SQL_SETTLE,
    POMEX_SB_SQL_COUNTS_OF_GROUP,
    POMEX_SB_SQL_SESSION,
    POMEX_SB_SQL_ADD_SESSION,
    POMEX_SB_SQL_END_SESSION,
    POMEX_SB_SQL_TASK,
    POMEX_SB_SQL_ADD_TASK,
    POMEX_SB_SQL_TASKS,
    POMEX_SB_SQL_TASKS_ASCENDING,
    POMEX_SB_SQL_CANCEL_TASK,
    POMEX_SB_SQL_DELETE_TASK,
    POMEX_SB_SQL_UNBILL_TASK,
    POMEX_SB_SQL_ADD_LEDGER,
    POMEX_SB_SQL_LEDGER,
    POMEX_SB_SQL_LEDGER_COUNTS,
    POMEX_SB_SQL_COUNTS,
    POMEX_SB_SQL_NEW_SESSIONS,
    POMEX_SB_SQL_NEW_PEOPLE,
    POMEX_SB_SQL_NEW_ASSETS,
    POMEX_SB_SQL_NEW_TASKS,
    POMEX_SB_SQL_ALL
};

typedef struct pomex_sb_account {
    int64_t number;
    char *key;
    size_t length;
} pomex_sb_account;

struct pomex_sb_store {
    sqlite3 *db;
    sqlite3_stmt *statements[POMEX_SB_SQL_ALL];
    sqlite3_stmt *lists[POMEX_SB_LIST_FORMS];
    pomex_sb_account *accounts; /* all of them, since every request looks for its key */
    size_t account_count;
    int64_t next_ready; /* when the next asset leaves "processing"; INT64_MAX: none will */
};

/* The statement, reset and without bindings. NULL if it cannot be prepared. */
sqlite3_stmt *pomex_sb_sql_get(pomex_sb_store *store, enum pomex_sb_sql which);

/* Prints SQLite's reason to stderr. Always -1. */
int pomex_sb_sql_failed(pomex_sb_store *store);

/* Steps a statement; NULL counts as one that failed. 1: a row; 0: the end; -1: failed. */
int pomex_sb_sql_step(pomex_sb_store *store, sqlite3_stmt *statement);

/* Runs a statement that yields no rows: 1 or -1. */
int pomex_sb_sql_run(pomex_sb_store *store, sqlite3_stmt *statement);

/* The rows of a statement, as objects with the names of its columns as keys. `limit` is bound as
 * ?1, and `longest` as ?2 unless it is 0. NULL if the store failed or memory ran out. */
json_t *pomex_sb_sql_rows(pomex_sb_store *store, enum pomex_sb_sql which, int64_t limit,
                          int64_t longest);

/* Binds bytes that stay in place until the statement was stepped: SQLite does not copy them. */
void pomex_sb_sql_bind(sqlite3_stmt *statement, int at, const char *bytes, size_t length);

/* A column of the row at hand; "" for NULL. */
pomex_sb_text pomex_sb_sql_column(sqlite3_stmt *statement, int at);

/* Begins a transaction; `end` commits it if `done` is 1, and otherwise rolls it back. `end`
 * returns `done`, or -1 if the commit failed. */
int pomex_sb_sql_begin(pomex_sb_store *store);
int pomex_sb_sql_end(pomex_sb_store *store, int done);

/* Reads all accounts into memory; `free` forgets them. */
int pomex_sb_store_accounts_load(pomex_sb_store *store);
void pomex_sb_store_accounts_free(pomex_sb_store *store);

/* Adds an entry to the ledger. */
int pomex_sb_store_ledger_add(pomex_sb_store *store, const char *kind, pomex_sb_text id,
                              pomex_sb_text prompt, const char *model, int64_t account,
                              int64_t at);

/* Gives every asset whose processing has ended by `now` its final state. */
int pomex_sb_store_assets_settle(pomex_sb_store *store, int64_t now);

/* Reads from the database when the next asset leaves "processing". */
int pomex_sb_store_assets_next_ready(pomex_sb_store *store);

#endif
