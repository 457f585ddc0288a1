#include "sandbox/store/sql.h"

#include "sandbox/base/fold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *pomex_sb_store_assets_state_name(enum pomex_sb_state state)
{
    static const char *const names[] = {"processing", "active", "failed"};
    return names[state];
}

enum pomex_sb_state pomex_sb_store_assets_state(const pomex_sb_asset *asset, int64_t now)
{
    if (now < asset->ready)
        return POMEX_SB_PROCESSING;
    return asset->reason == POMEX_SB_FINE ? POMEX_SB_ACTIVE : POMEX_SB_FAILED;
}

static int add_asset(pomex_sb_store *store, int64_t group, int64_t seq,
                     const pomex_sb_asset *asset)
{
    size_t folded_length = 0;
    char *folded = pomex_sb_fold(asset->name.bytes, asset->name.length, &folded_length);
    sqlite3_stmt *statement = folded ? pomex_sb_sql_get(store, POMEX_SB_SQL_ADD_ASSET) : NULL;
    int done = -1;
    if (statement) {
        sqlite3_bind_int64(statement, 1, group);
        sqlite3_bind_int64(statement, 2, seq);
        pomex_sb_sql_bind(statement, 3, asset->id.bytes, asset->id.length);
        pomex_sb_sql_bind(statement, 4, asset->name.bytes, asset->name.length);
        pomex_sb_sql_bind(statement, 5, folded, folded_length);
        pomex_sb_sql_bind(statement, 6, asset->file.bytes, asset->file.length);
        pomex_sb_sql_bind(statement, 7, asset->type.bytes, asset->type.length);
        sqlite3_bind_int64(statement, 8, asset->created);
        sqlite3_bind_int64(statement, 9, asset->ready);
        sqlite3_bind_int(statement, 10,
                         (int)pomex_sb_store_assets_state(asset, asset->created));
        sqlite3_bind_int(statement, 11, (int)asset->reason);
        done = pomex_sb_sql_run(store, statement);
    }
    free(folded);
    return done;
}

static int add_numbered(pomex_sb_store *store, const pomex_sb_group *group,
                        const pomex_sb_asset *like, int64_t i, bool numbered,
                        char id[POMEX_SB_ID])
{
    pomex_sb_asset asset = *like;
    char name[320];
    if (numbered) {
        int length = snprintf(name, sizeof name, "%.256s-%lld", like->name.bytes, (long long)i);
        asset.name = (pomex_sb_text){name, length > 0 ? (size_t)length : 0};
    }
    pomex_sb_id_make("asset", like->created, id);
    asset.id = (pomex_sb_text){id, strlen(id)};
    int64_t before = group->counts[0] + group->counts[1] + group->counts[2];
    return add_asset(store, group->number, before + i, &asset);
}

static int count_added(pomex_sb_store *store, int64_t group, enum pomex_sb_state state,
                       int64_t count)
{
    sqlite3_stmt *statement = pomex_sb_sql_get(store, POMEX_SB_SQL_COUNT_ASSETS);
    if (!statement)
        return -1;
    sqlite3_bind_int64(statement, 1, group);
    for (int i = POMEX_SB_PROCESSING; i <= POMEX_SB_FAILED; i++)
        sqlite3_bind_int64(statement, 2 + i, i == (int)state ? count : 0);
    return pomex_sb_sql_run(store, statement);
}

int pomex_sb_store_assets_add(pomex_sb_store *store, const pomex_sb_group *group,
                              const pomex_sb_asset *like, int64_t count,
                              char (*ids)[POMEX_SB_ID], size_t room)
{
    if (pomex_sb_sql_begin(store) < 0)
        return -1;
    int done = 1;
    for (int64_t i = 1; i <= count && done == 1; i++) {
        char id[POMEX_SB_ID];
        done = add_numbered(store, group, like, i, count > 1, id);
        if ((size_t)i <= room)
            memcpy(ids[i - 1], id, sizeof id);
    }
    enum pomex_sb_state state = pomex_sb_store_assets_state(like, like->created);
    if (done == 1)
        done = count_added(store, group->number, state, count);
    done = pomex_sb_sql_end(store, done);
    if (done == 1 && state == POMEX_SB_PROCESSING && like->ready < store->next_ready)
        store->next_ready = like->ready;
    return done;
}

int pomex_sb_store_assets_find(pomex_sb_store *store, int64_t account, const char *id,
                               size_t length, pomex_sb_asset *asset)
{
    sqlite3_stmt *statement = pomex_sb_sql_get(store, POMEX_SB_SQL_ASSET);
    if (!statement)
        return -1;
    pomex_sb_sql_bind(statement, 1, id, length);
    sqlite3_bind_int64(statement, 2, account);
    int found = pomex_sb_sql_step(store, statement);
    if (found == 1) {
        *asset =
            (pomex_sb_asset){.id = pomex_sb_sql_column(statement, 0),
                             .name = pomex_sb_sql_column(statement, 1),
                             .file = pomex_sb_sql_column(statement, 2),
                             .type = pomex_sb_sql_column(statement, 3),
                             .group = pomex_sb_sql_column(statement, 4),
                             .created = sqlite3_column_int64(statement, 5),
                             .ready = sqlite3_column_int64(statement, 6),
                             .reason = (enum pomex_sb_reason)sqlite3_column_int(statement, 7)};
    }
    return found;
}

int pomex_sb_store_assets_next_ready(pomex_sb_store *store)
{
    sqlite3_stmt *statement = pomex_sb_sql_get(store, POMEX_SB_SQL_NEXT_READY);
    int found = pomex_sb_sql_step(store, statement);
    if (found < 0)
        return -1;
    store->next_ready = sqlite3_column_type(statement, 0) == SQLITE_NULL
                            ? INT64_MAX
                            : sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return 1;
}

int pomex_sb_store_assets_settle(pomex_sb_store *store, int64_t now)
{
    if (now < store->next_ready)
        return 1;
    sqlite3_stmt *statement = pomex_sb_sql_get(store, POMEX_SB_SQL_SETTLE);
    if (statement)
        sqlite3_bind_int64(statement, 1, now);
    return pomex_sb_sql_run(store, statement) == 1 ? pomex_sb_store_assets_next_ready(store)
                                                   : -1;
}
