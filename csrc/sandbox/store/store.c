#include "sandbox/store/store_sql.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Assets are never deleted, so `seq` counts a group's assets without a gap: a page of all of
 * them, in the order of creation, is a range of it. `state` and `updated` are what the clock
 * last left (see pomex_sb_store_settle); each group counts its assets by that state. */
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
    " model TEXT, prompt TEXT, images INTEGER, created INTEGER, ready INTEGER, fails INTEGER);"
    "CREATE TABLE IF NOT EXISTS ledger (n INTEGER PRIMARY KEY, kind TEXT, id TEXT, prompt TEXT,"
    " model TEXT, account INTEGER, at INTEGER);"
    "CREATE INDEX IF NOT EXISTS ledger_kind ON ledger (kind);";

static const char *const texts[POMEX_SB_SQL_ALL] = {
    [POMEX_SB_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [POMEX_SB_SQL_COMMIT] = "COMMIT",
    [POMEX_SB_SQL_ROLLBACK] = "ROLLBACK",
    [POMEX_SB_SQL_GET_META] = "SELECT value FROM meta WHERE name = ?1",
    [POMEX_SB_SQL_SET_META] = "INSERT OR REPLACE INTO meta VALUES (?1, ?2)",
    [POMEX_SB_SQL_ACCOUNTS] = "SELECT n, key FROM accounts",
    [POMEX_SB_SQL_SET_ACCOUNT] = "INSERT OR REPLACE INTO accounts VALUES (?1, ?2)",
    [POMEX_SB_SQL_GROUP] = "SELECT n, person, id, processing, active, failed FROM groups"
                           " WHERE id = ?2 AND account = ?1",
    [POMEX_SB_SQL_VIRTUAL_GROUP] = "SELECT n, person, id, processing, active, failed"
                                   " FROM groups WHERE account = ?1 AND person = 0",
    [POMEX_SB_SQL_ADD_GROUP] =
        "INSERT INTO groups (id, account, person, created) VALUES (?1, ?2, ?3, ?4)",
    [POMEX_SB_SQL_ASSET] = "SELECT a.id, a.name, a.file, a.type, g.id, a.created, a.ready,"
                           " a.reason FROM assets a JOIN groups g ON g.n = a.grp"
                           " WHERE a.id = ?1 AND (g.account = ?2 OR ?2 = 0)",
    [POMEX_SB_SQL_ADD_ASSET] =
        "INSERT INTO assets VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?8, ?10, ?11)",
    [POMEX_SB_SQL_COUNT_ASSETS] = "UPDATE groups SET processing = processing + ?2,"
                                  " active = active + ?3, failed = failed + ?4 WHERE n = ?1",
    [POMEX_SB_SQL_NEXT_READY] = "SELECT min(ready) FROM assets WHERE state = 0",
    [POMEX_SB_SQL_SETTLE] = "UPDATE assets SET state = 1 + (reason <> 0), updated = ready"
                            " WHERE state = 0 AND ready <= ?1",
    [POMEX_SB_SQL_COUNTS_OF_GROUP] =
        "SELECT processing, active, failed FROM groups WHERE n = ?1",
    [POMEX_SB_SQL_SESSION] = "SELECT account, callback, lang, expires, outcome FROM sessions"
                             " WHERE token = ?1",
    [POMEX_SB_SQL_ADD_SESSION] =
        "INSERT INTO sessions (token, account, callback, lang, created, expires)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [POMEX_SB_SQL_END_SESSION] = "UPDATE sessions SET outcome = ?2, person = ?3"
                                 " WHERE token = ?1 AND outcome = 0 AND expires > ?4",
    [POMEX_SB_SQL_TASK] = "SELECT id, prompt, images, created, ready, fails FROM tasks"
                          " WHERE id = ?1 AND (account = ?2 OR ?2 = 0)",
    [POMEX_SB_SQL_ADD_TASK] =
        "INSERT INTO tasks (id, account, model, prompt, images, created, ready, fails)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [POMEX_SB_SQL_ADD_LEDGER] = "INSERT INTO ledger (kind, id, prompt, model, account, at)"
                                " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [POMEX_SB_SQL_LEDGER] =
        "SELECT kind, id, substr(prompt, 1, ?2) AS prompt, model, account, at FROM"
        " (SELECT * FROM ledger ORDER BY n DESC LIMIT ?1) ORDER BY n",
    [POMEX_SB_SQL_LEDGER_COUNTS] =
        "SELECT (SELECT count(*) FROM ledger WHERE kind = 'generation'),"
        " (SELECT count(*) FROM ledger WHERE kind = 'verification')",
    [POMEX_SB_SQL_COUNTS] = "SELECT (SELECT count(*) FROM sessions),"
                            " (SELECT count(*) FROM groups WHERE person = 1),"
                            " (SELECT sum(processing + active + failed) FROM groups),"
                            " (SELECT count(*) FROM tasks)",
    [POMEX_SB_SQL_NEW_SESSIONS] =
        "SELECT token, substr(callback, 1, 500) AS detail, lang, created, expires, "
        "outcome, person FROM sessions"
        " ORDER BY n DESC LIMIT ?1",
    [POMEX_SB_SQL_NEW_PEOPLE] =
        "SELECT id, account, created, processing + active + failed AS assets FROM groups"
        " WHERE person = 1 ORDER BY n DESC LIMIT ?1",
    [POMEX_SB_SQL_NEW_ASSETS] =
        "SELECT a.id, substr(a.name, 1, 300) AS name, a.type, a.file, g.id AS grp, a.created, "
        "a.state FROM assets a"
        " JOIN groups g ON g.n = a.grp ORDER BY a.created DESC, a.grp DESC,"
        " a.seq DESC LIMIT ?1",
    [POMEX_SB_SQL_NEW_TASKS] =
        "SELECT id, substr(model, 1, 100) AS model, substr(prompt, 1, 1000) AS prompt, images,"
        " created, ready, fails"
        " FROM tasks ORDER BY n DESC LIMIT ?1",
};

int pomex_sb_sql_failed(pomex_sb_store *store)
{
    fprintf(stderr, "pomex-sandbox: database: %s\n", sqlite3_errmsg(store->db));
    return -1;
}

sqlite3_stmt *pomex_sb_sql(pomex_sb_store *store, enum pomex_sb_sql which)
{
    sqlite3_stmt **statement = &store->statements[which];
    if (!*statement) {
        if (sqlite3_prepare_v3(store->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT,
                               statement, NULL) != SQLITE_OK) {
            pomex_sb_sql_failed(store);
            return NULL;
        }
        return *statement;
    }
    sqlite3_reset(*statement);
    sqlite3_clear_bindings(*statement);
    return *statement;
}

int pomex_sb_sql_step(pomex_sb_store *store, sqlite3_stmt *statement)
{
    int code = statement ? sqlite3_step(statement) : SQLITE_ERROR;
    if (code == SQLITE_ROW)
        return 1;
    if (statement)
        sqlite3_reset(statement);
    return code == SQLITE_DONE ? 0 : statement ? pomex_sb_sql_failed(store) : -1;
}

int pomex_sb_sql_run(pomex_sb_store *store, sqlite3_stmt *statement)
{
    return pomex_sb_sql_step(store, statement) < 0 ? -1 : 1;
}

/* SQLite takes what is bound as it is: the caller's bytes outlive the step. */
void pomex_sb_bind(sqlite3_stmt *statement, int at, const char *bytes, size_t length)
{
    sqlite3_bind_text64(statement, at, bytes, length, SQLITE_STATIC, SQLITE_UTF8);
}

pomex_sb_text pomex_sb_column(sqlite3_stmt *statement, int at)
{
    const char *bytes = (const char *)sqlite3_column_text(statement, at);
    if (!bytes)
        return (pomex_sb_text){"", 0};
    return (pomex_sb_text){bytes, (size_t)sqlite3_column_bytes(statement, at)};
}

int pomex_sb_sql_begin(pomex_sb_store *store)
{
    return pomex_sb_sql_run(store, pomex_sb_sql(store, POMEX_SB_SQL_BEGIN));
}

int pomex_sb_sql_end(pomex_sb_store *store, int done)
{
    if (done == 1) {
        if (pomex_sb_sql_run(store, pomex_sb_sql(store, POMEX_SB_SQL_COMMIT)) == 1)
            return 1;
        done = -1;
    }
    if (!sqlite3_get_autocommit(store->db))
        pomex_sb_sql_run(store, pomex_sb_sql(store, POMEX_SB_SQL_ROLLBACK));
    return done;
}

/* All or none: an account that is known stays known when memory runs out. */
static int remember_account(pomex_sb_store *store, int64_t number, const char *key,
                            size_t length)
{
    char *copy = strndup(key, length);
    pomex_sb_account *grown =
        copy ? realloc(store->accounts, (store->account_count + 1) * sizeof *grown) : NULL;
    if (!grown) {
        free(copy);
        return -1;
    }
    store->accounts = grown;
    for (size_t i = 0; i < store->account_count; i++) {
        if (grown[i].number == number) {
            free(grown[i].key);
            grown[i].key = copy;
            grown[i].length = length;
            return 1;
        }
    }
    grown[store->account_count++] = (pomex_sb_account){number, copy, length};
    return 1;
}

static int load_accounts(pomex_sb_store *store)
{
    sqlite3_stmt *statement = pomex_sb_sql(store, POMEX_SB_SQL_ACCOUNTS);
    int more;
    while ((more = pomex_sb_sql_step(store, statement)) == 1) {
        pomex_sb_text key = pomex_sb_column(statement, 1);
        if (remember_account(store, sqlite3_column_int64(statement, 0), key.bytes, key.length) <
            0)
            return -1;
    }
    return more < 0 ? -1 : 1;
}

static int load_next_ready(pomex_sb_store *store)
{
    sqlite3_stmt *statement = pomex_sb_sql(store, POMEX_SB_SQL_NEXT_READY);
    int found = pomex_sb_sql_step(store, statement);
    if (found < 0)
        return -1;
    store->next_ready = sqlite3_column_type(statement, 0) == SQLITE_NULL
                            ? INT64_MAX
                            : sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return 1;
}

int pomex_sb_store_settle(pomex_sb_store *store, int64_t now)
{
    if (now < store->next_ready)
        return 1;
    sqlite3_stmt *statement = pomex_sb_sql(store, POMEX_SB_SQL_SETTLE);
    if (statement)
        sqlite3_bind_int64(statement, 1, now);
    return pomex_sb_sql_run(store, statement) == 1 ? load_next_ready(store) : -1;
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
        load_accounts(store) < 0 || load_next_ready(store) < 0) {
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
    for (size_t i = 0; i < store->account_count; i++)
        free(store->accounts[i].key);
    free(store->accounts);
    free(store);
}

int pomex_sb_store_get_meta(pomex_sb_store *store, const char *name, char *out, size_t size)
{
    sqlite3_stmt *statement = pomex_sb_sql(store, POMEX_SB_SQL_GET_META);
    if (statement)
        pomex_sb_bind(statement, 1, name, strlen(name));
    int found = pomex_sb_sql_step(store, statement);
    if (found == 1) {
        snprintf(out, size, "%s", pomex_sb_column(statement, 0).bytes);
        sqlite3_reset(statement);
    }
    return found;
}

int pomex_sb_store_set_meta(pomex_sb_store *store, const char *name, const char *value)
{
    sqlite3_stmt *statement = pomex_sb_sql(store, POMEX_SB_SQL_SET_META);
    if (!statement)
        return -1;
    pomex_sb_bind(statement, 1, name, strlen(name));
    pomex_sb_bind(statement, 2, value, strlen(value));
    return pomex_sb_sql_run(store, statement);
}

int64_t pomex_sb_store_account(const pomex_sb_store *store, const char *key, size_t length)
{
    int64_t found = 0;
    for (size_t i = 0; i < store->account_count; i++) {
        const pomex_sb_account *account = &store->accounts[i];
        if (pomex_sb_same(account->key, account->length, key, length))
            found = account->number;
    }
    return found;
}

static int add_group(pomex_sb_store *store, int64_t account, bool person, int64_t now,
                     char id[POMEX_SB_ID])
{
    pomex_sb_make_id("group", now, id);
    sqlite3_stmt *statement = pomex_sb_sql(store, POMEX_SB_SQL_ADD_GROUP);
    if (!statement)
        return -1;
    pomex_sb_bind(statement, 1, id, strlen(id));
    sqlite3_bind_int64(statement, 2, account);
    sqlite3_bind_int(statement, 3, person);
    sqlite3_bind_int64(statement, 4, now);
    return pomex_sb_sql_run(store, statement);
}

int pomex_sb_store_add_person(pomex_sb_store *store, int64_t account, int64_t now,
                              char id[POMEX_SB_ID])
{
    return add_group(store, account, true, now, id);
}

int pomex_sb_store_add_account(pomex_sb_store *store, int64_t number, const char *key,
                               int64_t now, int64_t *added)
{
    if (pomex_sb_sql_begin(store) < 0)
        return -1;
    int done = -1;
    sqlite3_stmt *statement = pomex_sb_sql(store, POMEX_SB_SQL_SET_ACCOUNT);
    if (statement) {
        if (number)
            sqlite3_bind_int64(statement, 1, number);
        pomex_sb_bind(statement, 2, key, strlen(key));
        done = pomex_sb_sql_run(store, statement);
    }
    *added = number ? number : sqlite3_last_insert_rowid(store->db);
    pomex_sb_group group;
    char id[POMEX_SB_ID];
    if (done == 1 && pomex_sb_store_group(store, *added, NULL, 0, &group) == 0)
        done = add_group(store, *added, false, now, id);
    done = pomex_sb_sql_end(store, done);
    return done == 1 ? remember_account(store, *added, key, strlen(key)) : done;
}
