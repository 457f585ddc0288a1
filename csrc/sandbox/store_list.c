#include "store_sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALL_STATES 7u

/* Everything that makes another statement; `number` tells them apart. */
struct form {
    unsigned states; /* ALL_STATES: no condition */
    bool named;
    bool by_update;
    bool ascending;
    bool counts; /* how many there are, rather than which */
};

static size_t form_number(const struct form *form)
{
    return (form->states & ALL_STATES) | (form->named ? 8u : 0) | (form->by_update ? 16u : 0) |
           (form->ascending ? 32u : 0) | (form->counts ? 64u : 0);
}

/* One SELECT for each state, put together by SQLite as a merge of index ranges: with "state IN
 * (…)" it would have to sort, or to walk past all that are in another state. */
static void write_form(const struct form *form, char *out, size_t size)
{
    static const char columns[] = "id, name, file, type, created, ready, reason, seq, updated";
    size_t at = 0;
    const char *glue = "";
    for (int state = 0; state < 3 && at < size; state++) {
        bool all = form->states == ALL_STATES;
        if (all ? state > 0 : !(form->states >> state & 1))
            continue;
        char where[48] = "";
        if (!all)
            snprintf(where, sizeof where, " AND state = %d", state);
        at += (size_t)snprintf(
            out + at, size - at, "%sSELECT %s FROM assets WHERE grp = ?1%s%s", glue,
            form->counts ? "1" : columns, where, form->named ? " AND instr(folded, ?2)" : "");
        glue = " UNION ALL ";
    }
    const char *order = form->ascending ? "ASC" : "DESC";
    if (form->counts || at >= size)
        return;
    if (form->by_update)
        snprintf(out + at, size - at, " ORDER BY updated %s, seq %s LIMIT ?3 OFFSET ?4", order,
                 order);
    else
        snprintf(out + at, size - at, " ORDER BY seq %s LIMIT ?3 OFFSET ?4", order);
}

static sqlite3_stmt *statement_of(pomex_sb_store *store, const struct form *form)
{
    sqlite3_stmt **statement = &store->lists[form_number(form)];
    if (*statement) {
        sqlite3_reset(*statement);
        sqlite3_clear_bindings(*statement);
        return *statement;
    }
    char select[1024];
    char text[1100];
    write_form(form, select, sizeof select);
    snprintf(text, sizeof text, form->counts ? "SELECT count(*) FROM (%s)" : "%s", select);
    if (sqlite3_prepare_v3(store->db, text, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) !=
        SQLITE_OK)
        pomex_sb_sql_failed(store);
    return *statement;
}

static int count_named(pomex_sb_store *store, int64_t group, const struct form *form,
                       const char *name, size_t length, int64_t *total)
{
    struct form counting = {form->states, true, false, false, true};
    sqlite3_stmt *statement = statement_of(store, &counting);
    if (!statement)
        return -1;
    sqlite3_bind_int64(statement, 1, group);
    pomex_sb_bind(statement, 2, name, length);
    if (pomex_sb_sql_step(store, statement) != 1)
        return -1;
    *total = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return 1;
}

static int count_by_state(pomex_sb_store *store, int64_t group, unsigned states, int64_t *total)
{
    sqlite3_stmt *statement = pomex_sb_sql(store, POMEX_SB_SQL_COUNTS_OF_GROUP);
    if (!statement)
        return -1;
    sqlite3_bind_int64(statement, 1, group);
    if (pomex_sb_sql_step(store, statement) != 1)
        return -1;
    *total = 0;
    for (int state = 0; state < 3; state++)
        *total += states >> state & 1 ? sqlite3_column_int64(statement, state) : 0;
    sqlite3_reset(statement);
    return 1;
}

static pomex_sb_asset asset_of(sqlite3_stmt *row, pomex_sb_text group)
{
    return (pomex_sb_asset){.id = pomex_sb_column(row, 0),
                            .name = pomex_sb_column(row, 1),
                            .file = pomex_sb_column(row, 2),
                            .type = pomex_sb_column(row, 3),
                            .group = group,
                            .created = sqlite3_column_int64(row, 4),
                            .ready = sqlite3_column_int64(row, 5),
                            .reason = (enum pomex_sb_reason)sqlite3_column_int(row, 6)};
}

static int run_list(pomex_sb_store *store, sqlite3_stmt *statement, const pomex_sb_group *group,
                    pomex_sb_each_asset each, void *user)
{
    pomex_sb_text group_id = {group->id, strlen(group->id)};
    int more;
    while ((more = pomex_sb_sql_step(store, statement)) == 1) {
        pomex_sb_asset asset = asset_of(statement, group_id);
        if (!each(user, &asset)) {
            sqlite3_reset(statement);
            return -1;
        }
    }
    return more < 0 ? -1 : 1;
}

static int list_named(pomex_sb_store *store, const pomex_sb_group *group, pomex_sb_list *list,
                      const struct form *form, pomex_sb_each_asset each, void *user)
{
    size_t length = 0;
    char *name = form->named ? pomex_sb_fold(list->name, list->name_length, &length) : NULL;
    if (form->named && !name)
        return -1;
    int done = form->named ? count_named(store, group->number, form, name, length, &list->total)
                           : count_by_state(store, group->number, form->states, &list->total);
    if (done == 1 && list->offset < list->total) {
        sqlite3_stmt *statement = statement_of(store, form);
        done = -1;
        if (statement) {
            sqlite3_bind_int64(statement, 1, group->number);
            if (name)
                pomex_sb_bind(statement, 2, name, length);
            sqlite3_bind_int64(statement, 3, list->limit);
            sqlite3_bind_int64(statement, 4, list->offset);
            done = run_list(store, statement, group, each, user);
        }
    }
    free(name);
    return done;
}

int pomex_sb_store_list(pomex_sb_store *store, const pomex_sb_group *group, int64_t now,
                        pomex_sb_list *list, pomex_sb_each_asset each, void *user)
{
    if (pomex_sb_store_settle(store, now) < 0)
        return -1;
    struct form form = {list->states & ALL_STATES, list->name_length > 0, list->by_update,
                        list->ascending, false};
    return list_named(store, group, list, &form, each, user);
}
