#include "sandbox/store/sql.h"

#include <string.h>

int pomex_sb_store_ledger_add(pomex_sb_store *store, const char *kind, pomex_sb_text id,
                              pomex_sb_text prompt, const char *model, int64_t account,
                              int64_t at)
{
    sqlite3_stmt *statement = pomex_sb_sql_get(store, POMEX_SB_SQL_ADD_LEDGER);
    if (!statement)
        return -1;
    pomex_sb_sql_bind(statement, 1, kind, strlen(kind));
    pomex_sb_sql_bind(statement, 2, id.bytes, id.length);
    if (prompt.bytes)
        pomex_sb_sql_bind(statement, 3, prompt.bytes, prompt.length);
    if (model)
        pomex_sb_sql_bind(statement, 4, model, strlen(model));
    sqlite3_bind_int64(statement, 5, account);
    sqlite3_bind_int64(statement, 6, at);
    return pomex_sb_sql_run(store, statement);
}

json_t *pomex_sb_store_ledger_entries(pomex_sb_store *store, int64_t limit, int64_t longest)
{
    sqlite3_stmt *statement = pomex_sb_sql_get(store, POMEX_SB_SQL_LEDGER_COUNTS);
    if (pomex_sb_sql_step(store, statement) != 1)
        return NULL;
    json_int_t generations = sqlite3_column_int64(statement, 0);
    json_int_t verifications = sqlite3_column_int64(statement, 1);
    sqlite3_reset(statement);
    json_t *entries = pomex_sb_sql_rows(store, POMEX_SB_SQL_LEDGER, limit, longest);
    return entries ? json_pack("{s:o, s:I, s:I}", "entries", entries, "generation", generations,
                               "verification", verifications)
                   : NULL;
}
