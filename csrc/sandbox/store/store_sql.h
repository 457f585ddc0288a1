/* Within the store: its statements, each prepared once and kept. */
#ifndef POMEX_SB_STORE_SQL_H
#define POMEX_SB_STORE_SQL_H

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
    pomex_sb_account *accounts; /* all of them: asked for at each request */
    size_t account_count;
    int64_t next_ready; /* when the next asset stops being processed; INT64_MAX: none is */
};

/* The statement, reset and without bindings; NULL if it cannot be prepared. */
sqlite3_stmt *pomex_sb_sql(pomex_sb_store *store, enum pomex_sb_sql which);

/* Says what SQLite says; -1. */
int pomex_sb_sql_failed(pomex_sb_store *store);

/* Steps a statement (NULL: one that was not prepared): 1 a row, 0 the end, -1 failed. */
int pomex_sb_sql_step(pomex_sb_store *store, sqlite3_stmt *statement);

/* Runs one that gives no rows: 1 or -1. */
int pomex_sb_sql_run(pomex_sb_store *store, sqlite3_stmt *statement);

void pomex_sb_bind(sqlite3_stmt *statement, int at, const char *bytes, size_t length);
pomex_sb_text pomex_sb_column(sqlite3_stmt *statement, int at);

/* Ends the transaction: commits if `done` is 1, else rolls back. Returns `done`, or -1. */
int pomex_sb_sql_end(pomex_sb_store *store, int done);
int pomex_sb_sql_begin(pomex_sb_store *store);

/* Writes a line of the ledger. */
int pomex_sb_store_bill(pomex_sb_store *store, const char *kind, pomex_sb_text id,
                        pomex_sb_text prompt, const char *model, int64_t account, int64_t at);

/* Gives every asset that has stopped being processed its final state. */
int pomex_sb_store_settle(pomex_sb_store *store, int64_t now);

/* A lower-case copy for searching; NULL if memory ran out. The caller frees it. */
char *pomex_sb_fold(const char *bytes, size_t length, size_t *folded_length);

#endif
