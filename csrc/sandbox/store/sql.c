#include "sandbox/store/sql.h"

#include <stdio.h>

#define TASK                                                                                   \
    "SELECT id, prompt, images, created, ready, fails, model, given, cancelled FROM tasks"

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
    [POMEX_SB_SQL_TASK] = TASK " WHERE id = ?1 AND (account = ?2 OR ?2 = 0)",
    [POMEX_SB_SQL_ADD_TASK] =
        "INSERT INTO tasks (id, account, model, prompt, images, created, ready, fails, given)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [POMEX_SB_SQL_TASKS] =
        TASK " WHERE account = ?1 AND created BETWEEN ?2 AND ?3 ORDER BY n DESC",
    [POMEX_SB_SQL_TASKS_ASCENDING] =
        TASK " WHERE account = ?1 AND created BETWEEN ?2 AND ?3 ORDER BY n",
    [POMEX_SB_SQL_CANCEL_TASK] = "UPDATE tasks SET cancelled = ?2 WHERE id = ?1",
    [POMEX_SB_SQL_DELETE_TASK] = "DELETE FROM tasks WHERE id = ?1",
    [POMEX_SB_SQL_UNBILL_TASK] = "DELETE FROM ledger WHERE kind = 'generation' AND id = ?1",
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
        " created, ready, fails, cancelled, substr(given, 1, 1000) AS given"
        " FROM tasks ORDER BY n DESC LIMIT ?1",
};

int pomex_sb_sql_failed(pomex_sb_store *store)
{
    fprintf(stderr, "pomex-sandbox: database: %s\n", sqlite3_errmsg(store->db));
    return -1;
}

sqlite3_stmt *pomex_sb_sql_get(pomex_sb_store *store, enum pomex_sb_sql which)
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

void pomex_sb_sql_bind(sqlite3_stmt *statement, int at, const char *bytes, size_t length)
{
    sqlite3_bind_text64(statement, at, bytes, length, SQLITE_STATIC, SQLITE_UTF8);
}

pomex_sb_text pomex_sb_sql_column(sqlite3_stmt *statement, int at)
{
    const char *bytes = (const char *)sqlite3_column_text(statement, at);
    if (!bytes)
        return (pomex_sb_text){"", 0};
    return (pomex_sb_text){bytes, (size_t)sqlite3_column_bytes(statement, at)};
}

int pomex_sb_sql_begin(pomex_sb_store *store)
{
    return pomex_sb_sql_run(store, pomex_sb_sql_get(store, POMEX_SB_SQL_BEGIN));
}

int pomex_sb_sql_end(pomex_sb_store *store, int done)
{
    if (done == 1) {
        if (pomex_sb_sql_run(store, pomex_sb_sql_get(store, POMEX_SB_SQL_COMMIT)) == 1)
            return 1;
        done = -1;
    }
    if (!sqlite3_get_autocommit(store->db))
        pomex_sb_sql_run(store, pomex_sb_sql_get(store, POMEX_SB_SQL_ROLLBACK));
    return done;
}

static json_t *value_json(sqlite3_stmt *row, int at)
{
    pomex_sb_text text;
    switch (sqlite3_column_type(row, at)) {
    case SQLITE_INTEGER:
        return json_integer(sqlite3_column_int64(row, at));
    case SQLITE_NULL:
        return json_null();
    default:
        text = pomex_sb_sql_column(row, at);
        return json_stringn(text.bytes, text.length);
    }
}

json_t *pomex_sb_sql_rows(pomex_sb_store *store, enum pomex_sb_sql which, int64_t limit,
                          int64_t longest)
{
    sqlite3_stmt *statement = pomex_sb_sql_get(store, which);
    json_t *list = statement ? json_array() : NULL;
    if (!list)
        return NULL;
    sqlite3_bind_int64(statement, 1, limit);
    if (longest > 0)
        sqlite3_bind_int64(statement, 2, longest);
    int more;
    while ((more = pomex_sb_sql_step(store, statement)) == 1) {
        json_t *row = json_object();
        int failed = row == NULL;
        for (int i = 0; i < sqlite3_column_count(statement) && !failed; i++)
            failed = json_object_set_new(row, sqlite3_column_name(statement, i),
                                         value_json(statement, i));
        if (json_array_append_new(list, row) || failed) {
            more = -1;
            break;
        }
    }
    sqlite3_reset(statement);
    if (more == 0)
        return list;
    json_decref(list);
    return NULL;
}
