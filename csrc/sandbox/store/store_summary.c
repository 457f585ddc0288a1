#include "sandbox/store/sql.h"

#include <string.h>

json_t *pomex_sb_store_summary_counts(pomex_sb_store *store)
{
    sqlite3_stmt *statement = pomex_sb_sql_get(store, POMEX_SB_SQL_COUNTS);
    if (pomex_sb_sql_step(store, statement) != 1)
        return NULL;
    static const char *const names[] = {"sessions", "groups", "assets", "generations"};
    json_t *counts = json_object();
    for (int i = 0; counts && i < 4; i++)
        json_object_set_new(counts, names[i], json_integer(sqlite3_column_int64(statement, i)));
    sqlite3_reset(statement);
    return counts;
}

json_t *pomex_sb_store_summary_newest(pomex_sb_store *store, const char *what, int64_t now,
                                      int64_t limit)
{
    if (pomex_sb_store_assets_settle(store, now) < 0)
        return NULL;
    if (strcmp(what, "sessions") == 0)
        return pomex_sb_sql_rows(store, POMEX_SB_SQL_NEW_SESSIONS, limit, 0);
    if (strcmp(what, "people") == 0)
        return pomex_sb_sql_rows(store, POMEX_SB_SQL_NEW_PEOPLE, limit, 0);
    if (strcmp(what, "assets") == 0)
        return pomex_sb_sql_rows(store, POMEX_SB_SQL_NEW_ASSETS, limit, 0);
    return pomex_sb_sql_rows(store, POMEX_SB_SQL_NEW_TASKS, limit, 0);
}
