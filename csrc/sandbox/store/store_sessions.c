#include "sandbox/store/sql.h"

#include <string.h>

int pomex_sb_store_sessions_add(pomex_sb_store *store, int64_t account, const char *token,
                                pomex_sb_text callback, const char *lang, int64_t now,
                                int64_t expires)
{
    sqlite3_stmt *statement = pomex_sb_sql_get(store, POMEX_SB_SQL_ADD_SESSION);
    if (!statement)
        return -1;
    pomex_sb_sql_bind(statement, 1, token, strlen(token));
    sqlite3_bind_int64(statement, 2, account);
    pomex_sb_sql_bind(statement, 3, callback.bytes, callback.length);
    pomex_sb_sql_bind(statement, 4, lang, strlen(lang));
    sqlite3_bind_int64(statement, 5, now);
    sqlite3_bind_int64(statement, 6, expires);
    return pomex_sb_sql_run(store, statement);
}

int pomex_sb_store_sessions_find(pomex_sb_store *store, const char *token, int64_t now,
                                 pomex_sb_session *session)
{
    sqlite3_stmt *statement = pomex_sb_sql_get(store, POMEX_SB_SQL_SESSION);
    if (!statement)
        return -1;
    pomex_sb_sql_bind(statement, 1, token, strlen(token));
    int found = pomex_sb_sql_step(store, statement);
    if (found != 1)
        return found;
    session->account = sqlite3_column_int64(statement, 0);
    session->callback = pomex_sb_sql_column(statement, 1);
    session->lang = pomex_sb_sql_column(statement, 2);
    session->expires = sqlite3_column_int64(statement, 3);
    session->outcome = (enum pomex_sb_outcome)sqlite3_column_int(statement, 4);
    if (session->outcome == POMEX_SB_READY && now >= session->expires)
        session->outcome = POMEX_SB_EXPIRED;
    return 1;
}

static int end_ready_session(pomex_sb_store *store, const char *token,
                             enum pomex_sb_outcome outcome, int64_t now, const char *person)
{
    sqlite3_stmt *statement = pomex_sb_sql_get(store, POMEX_SB_SQL_END_SESSION);
    if (!statement)
        return -1;
    pomex_sb_sql_bind(statement, 1, token, strlen(token));
    sqlite3_bind_int(statement, 2, (int)outcome);
    if (person)
        pomex_sb_sql_bind(statement, 3, person, strlen(person));
    sqlite3_bind_int64(statement, 4, now);
    if (pomex_sb_sql_run(store, statement) < 0)
        return -1;
    return sqlite3_changes(store->db) == 1;
}

int pomex_sb_store_sessions_end(pomex_sb_store *store, const char *token, int64_t account,
                                enum pomex_sb_outcome outcome, int64_t now,
                                char group[POMEX_SB_ID])
{
    if (outcome != POMEX_SB_PASSED)
        return end_ready_session(store, token, outcome, now, NULL);
    if (pomex_sb_sql_begin(store) < 0)
        return -1;
    int done = pomex_sb_store_groups_add(store, account, true, now, group);
    if (done == 1)
        done = end_ready_session(store, token, outcome, now, group);
    if (done == 1)
        done = pomex_sb_store_ledger_add(store, "verification",
                                         (pomex_sb_text){group, strlen(group)},
                                         (pomex_sb_text){NULL, 0}, NULL, account, now);
    return pomex_sb_sql_end(store, done);
}
