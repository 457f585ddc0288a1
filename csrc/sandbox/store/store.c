#include "sandbox/store/sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Assets are never deleted, so `seq` numbers a group's assets without a gap, and a page of all of
 * them in the order of creation is a range of `seq`. `state` and `updated` are as of the last
 * pomex_sb_store_assets_settle; each group counts its assets by that state. */
static const char schema[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = OFF;"
    "PRAGMA temp_store = MEMORY; PRAGMA locking_mode = EXCLUSIVE;"
    "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS accounts (n INTEGER PRIMARY KEY, key TEXT UNIQUE);"
    "CREATE TABLE IF NOT EXISTS groups (n INTEGER PRIMARY KEY, id TEXT UNIQUE, account INTEGER,"
    " person INTEGER, created INTEGER, processing INTEGER DEFAULT 0, active INTEGER DEFAULT 0,"
    " failed INTEGER DEFAULT 0);"
    "CREATE INDEX IF NOT EXISTS groups_virtual ON groups (account) WHERE person = 0;"
    "CREATE INDEX IF NOT EXISTS groups_people ON groups (n) WHERE person = 1;"
    "CREATE TABLE IF NOT EXISTS assets (grp INTEGER, seq INTEGER, id TEXT UNIQUE, name TEXT,"
    " folded TEXT, file TEXT, type TEXT, created INTEGER, ready INTEGER, updated INTEGER,"
    " state INTEGER, reason INTEGER, PRIMARY KEY (grp, seq)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS assets_state ON assets (grp, state, seq);"
    "CREATE INDEX IF NOT EXISTS assets_updated ON assets (grp, updated, seq);"
    "CREATE INDEX IF NOT EXISTS assets_state_updated ON assets (grp, state, updated, seq);"
    "CREATE INDEX IF NOT EXISTS assets_ready ON assets (ready) WHERE state = 0;"
    "CREATE INDEX IF NOT EXISTS assets_created ON assets (created);"
    "CREATE TRIGGER IF NOT EXISTS assets_settled AFTER UPDATE OF state ON assets BEGIN"
    " UPDATE groups SET processing = processing - 1, active = active + (new.state = 1),"
    " failed = failed + (new.state = 2) WHERE n = new.grp; END;"
    "CREATE TABLE IF NOT EXISTS sessions (n INTEGER PRIMARY KEY, token TEXT UNIQUE,"
    " account INTEGER, callback TEXT, lang TEXT, created INTEGER, expires INTEGER,"
    " outcome INTEGER DEFAULT 0, person TEXT);"
    "CREATE TABLE IF NOT EXISTS tasks (n INTEGER PRIMARY KEY, id TEXT UNIQUE, account INTEGER,"
    " model TEXT, prompt TEXT, images INTEGER, created INTEGER, ready INTEGER, fails INTEGER,"
    " given TEXT, cancelled INTEGER DEFAULT 0);"
    "CREATE INDEX IF NOT EXISTS tasks_account ON tasks (account);"
    "CREATE TABLE IF NOT EXISTS ledger (n INTEGER PRIMARY KEY, kind TEXT, id TEXT, prompt TEXT,"
    " model TEXT, account INTEGER, at INTEGER);"
    "CREATE INDEX IF NOT EXISTS ledger_kind ON ledger (kind);";

/* Adds the columns that a database of an earlier version lacks. */
static bool bring_up_to_date(sqlite3 *db, char **message)
{
    static const char columns[] = "ALTER TABLE tasks ADD COLUMN given TEXT;"
                                  "ALTER TABLE tasks ADD COLUMN cancelled INTEGER DEFAULT 0;";
    return sqlite3_table_column_metadata(db, NULL, "tasks", "given", NULL, NULL, NULL, NULL,
                                         NULL) == SQLITE_OK ||
           sqlite3_exec(db, columns, NULL, NULL, message) == SQLITE_OK;
}

pomex_sb_store *pomex_sb_store_open(const char *path, char *why, size_t why_size)
{
    pomex_sb_store *store = calloc(1, sizeof *store);
    if (!store) {
        snprintf(why, why_size, "out of memory");
        return NULL;
    }
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    char *message = NULL;
    if (sqlite3_open_v2(path ? path : ":memory:", &store->db, flags, NULL) != SQLITE_OK ||
        sqlite3_exec(store->db, schema, NULL, NULL, &message) != SQLITE_OK ||
        !bring_up_to_date(store->db, &message) || pomex_sb_store_accounts_load(store) < 0 ||
        pomex_sb_store_assets_next_ready(store) < 0) {
        snprintf(why, why_size, "%s: %s", path ? path : "memory",
                 message     ? message
                 : store->db ? sqlite3_errmsg(store->db)
                             : "out of memory");
        sqlite3_free(message);
        pomex_sb_store_close(store);
        return NULL;
    }
    return store;
}

void pomex_sb_store_close(pomex_sb_store *store)
{
    if (!store)
        return;
    for (size_t i = 0; i < POMEX_SB_SQL_ALL; i++)
        sqlite3_finalize(store->statements[i]);
    for (size_t i = 0; i < POMEX_SB_LIST_FORMS; i++)
        sqlite3_finalize(store->lists[i]);
    sqlite3_close(store->db);
    pomex_sb_store_accounts_free(store);
    free(store);
}

int pomex_sb_store_get_meta(pomex_sb_store *store, const char *name, char *out, size_t size)
{
    sqlite3_stmt *statement = pomex_sb_sql_get(store, POMEX_SB_SQL_GET_META);
    if (statement)
        pomex_sb_sql_bind(statement, 1, name, strlen(name));
    int found = pomex_sb_sql_step(store, statement);
    if (found == 1) {
        snprintf(out, size, "%s", pomex_sb_sql_column(statement, 0).bytes);
        sqlite3_reset(statement);
    }
    return found;
}

int pomex_sb_store_set_meta(pomex_sb_store *store, const char *name, const char *value)
{
    sqlite3_stmt *statement = pomex_sb_sql_get(store, POMEX_SB_SQL_SET_META);
    if (!statement)
        return -1;
    pomex_sb_sql_bind(statement, 1, name, strlen(name));
    pomex_sb_sql_bind(statement, 2, value, strlen(value));
    return pomex_sb_sql_run(store, statement);
}
