#include "sandbox/store/store_sql.h"

#include <string.h>

int pomex_sb_store_bill(pomex_sb_store *store, const char *kind, pomex_sb_text id,
                        pomex_sb_text prompt, const char *model, int64_t account, int64_t at)
{
    sqlite3_stmt *statement = pomex_sb_sql(store, POMEX_SB_SQL_ADD_LEDGER);
    if (!statement)
        return -1;
    pomex_sb_bind(statement, 1, kind, strlen(kind));
    pomex_sb_bind(statement, 2, id.bytes, id.length);
    if (prompt.bytes)
        pomex_sb_bind(statement, 3, prompt.bytes, prompt.length);
    if (model)
        pomex_sb_bind(statement, 4, model, strlen(model));
    sqlite3_bind_int64(statement, 5, account);
    sqlite3_bind_int64(statement, 6, at);
    return pomex_sb_sql_run(store, statement);
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
        text = pomex_sb_column(row, at);
        return json_stringn(text.bytes, text.length);
    }
}

/* The rows of a statement as objects under the names of its columns. `longest`: see
 * pomex_sb_store_ledger; 0 where the statement has no such bound. */
static json_t *rows_json(pomex_sb_store *store, enum pomex_sb_sql which, int64_t limit,
                         int64_t longest)
{
    sqlite3_stmt *statement = pomex_sb_sql(store, which);
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

json_t *pomex_sb_store_ledger(pomex_sb_store *store, int64_t limit, int64_t longest)
{
    sqlite3_stmt *statement = pomex_sb_sql(store, POMEX_SB_SQL_LEDGER_COUNTS);
    if (pomex_sb_sql_step(store, statement) != 1)
        return NULL;
    json_int_t generations = sqlite3_column_int64(statement, 0);
    json_int_t verifications = sqlite3_column_int64(statement, 1);
    sqlite3_reset(statement);
    json_t *entries = rows_json(store, POMEX_SB_SQL_LEDGER, limit, longest);
    return entries ? json_pack("{s:o, s:I, s:I}", "entries", entries, "generation", generations,
                               "verification", verifications)
                   : NULL;
}

json_t *pomex_sb_store_counts(pomex_sb_store *store)
{
    sqlite3_stmt *statement = pomex_sb_sql(store, POMEX_SB_SQL_COUNTS);
    if (pomex_sb_sql_step(store, statement) != 1)
        return NULL;
    static const char *const names[] = {"sessions", "groups", "assets", "generations"};
    json_t *counts = json_object();
    for (int i = 0; counts && i < 4; i++)
        json_object_set_new(counts, names[i], json_integer(sqlite3_column_int64(statement, i)));
    sqlite3_reset(statement);
    return counts;
}

json_t *pomex_sb_store_newest(pomex_sb_store *store, const char *what, int64_t now,
                              int64_t limit)
{
    if (pomex_sb_store_settle(store, now) < 0)
        return NULL;
    if (strcmp(what, "sessions") == 0)
        return rows_json(store, POMEX_SB_SQL_NEW_SESSIONS, limit, 0);
    if (strcmp(what, "people") == 0)
        return rows_json(store, POMEX_SB_SQL_NEW_PEOPLE, limit, 0);
    if (strcmp(what, "assets") == 0)
        return rows_json(store, POMEX_SB_SQL_NEW_ASSETS, limit, 0);
    return rows_json(store, POMEX_SB_SQL_NEW_TASKS, limit, 0);
}
