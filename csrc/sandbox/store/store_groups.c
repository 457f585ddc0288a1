#include "sandbox/store/sql.h"

#include <stdio.h>
#include <string.h>

int pomex_sb_store_groups_find(pomex_sb_store *store, int64_t account, const char *id,
                               size_t length, pomex_sb_group *group)
{
    sqlite3_stmt *statement =
        pomex_sb_sql_get(store, id ? POMEX_SB_SQL_GROUP : POMEX_SB_SQL_VIRTUAL_GROUP);
    if (!statement)
        return -1;
    sqlite3_bind_int64(statement, 1, account);
    if (id)
        pomex_sb_sql_bind(statement, 2, id, length);
    int found = pomex_sb_sql_step(store, statement);
    if (found != 1)
        return found;
    group->number = sqlite3_column_int64(statement, 0);
    group->person = sqlite3_column_int(statement, 1) != 0;
    snprintf(group->id, sizeof group->id, "%s", pomex_sb_sql_column(statement, 2).bytes);
    for (int i = 0; i < 3; i++)
        group->counts[i] = sqlite3_column_int64(statement, 3 + i);
    sqlite3_reset(statement);
    return 1;
}

int pomex_sb_store_groups_add(pomex_sb_store *store, int64_t account, bool person, int64_t now,
                              char id[POMEX_SB_ID])
{
    pomex_sb_id_make("group", now, id);
    sqlite3_stmt *statement = pomex_sb_sql_get(store, POMEX_SB_SQL_ADD_GROUP);
    if (!statement)
        return -1;
    pomex_sb_sql_bind(statement, 1, id, strlen(id));
    sqlite3_bind_int64(statement, 2, account);
    sqlite3_bind_int(statement, 3, person);
    sqlite3_bind_int64(statement, 4, now);
    return pomex_sb_sql_run(store, statement);
}
