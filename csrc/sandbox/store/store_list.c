#include "sandbox/store/sql.h"

#include "sandbox/base/fold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALL_STATES 7u

static const char columns[] = "id, name, file, type, created, ready, reason";

/* What decides which statement a list needs. Each combination has its own prepared statement,
 * which form_number numbers. */
struct form {
    unsigned states; /* ALL_STATES: no condition on the state */
    bool named;
    bool by_update;
    bool ascending;
    bool from_end; /* the page is nearer to the end of the list, so the search begins there */
    bool ranged;   /* every asset in the order of creation, so a page is a range of seq */
    bool counts;   /* asks how many assets there are; otherwise for a page of them */
};

static size_t form_number(const struct form *form)
{
    return (form->states & ALL_STATES) | (form->named ? 8u : 0) | (form->by_update ? 16u : 0) |
           (form->ascending ? 32u : 0) | (form->counts ? 64u : 0) |
           (form->from_end ? 128u : 0) | (form->ranged ? 256u : 0);
}

/* Writes one SELECT for each state. SQLite merges them from ranges of its index; for "state IN
 * (…)" it would sort, or read every asset of the other states. */
static void write_choice(const struct form *form, char *out, size_t size)
{
    size_t at = 0;
    const char *glue = "";
    for (int state = POMEX_SB_PROCESSING; state <= POMEX_SB_FAILED && at < size; state++) {
        bool all = form->states == ALL_STATES;
        if (all ? state > 0 : !(form->states >> state & 1))
            continue;
        char where[48] = "";
        if (!all)
            snprintf(where, sizeof where, " AND state = %d", state);
        at += (size_t)snprintf(out + at, size - at,
                               "%sSELECT seq%s FROM assets WHERE grp = ?1%s%s", glue,
                               form->by_update ? ", updated" : "", where,
                               form->named ? " AND instr(folded, ?2)" : "");
        glue = " UNION ALL ";
    }
}

/* Skipping to the page reads an index only; the rows are read for the page alone. */
static void write_form(const struct form *form, char *out, size_t size)
{
    char choice[512];
    const char *order = form->ascending ? "ASC" : "DESC";
    const char *sought = form->ascending == form->from_end ? "DESC" : "ASC";
    if (form->ranged) {
        snprintf(out, size,
                 "SELECT %s FROM assets WHERE grp = ?1 AND seq BETWEEN ?3 AND ?4"
                 " ORDER BY seq %s",
                 columns, order);
        return;
    }
    write_choice(form, choice, sizeof choice);
    if (form->counts)
        snprintf(out, size, "SELECT count(*) FROM (%s)", choice);
    else if (form->by_update)
        snprintf(out, size,
                 "WITH page AS MATERIALIZED"
                 " (%s ORDER BY updated %s, seq %s LIMIT ?3 OFFSET ?4) SELECT %s FROM page p"
                 " CROSS JOIN assets a ON a.grp = ?1 AND a.seq = p.seq"
                 " ORDER BY a.updated %s, a.seq %s",
                 choice, sought, sought, columns, order, order);
    else
        snprintf(out, size,
                 "WITH page AS MATERIALIZED (%s ORDER BY seq %s LIMIT ?3 OFFSET ?4)"
                 " SELECT %s FROM page p CROSS JOIN assets a ON a.grp = ?1 AND a.seq = p.seq"
                 " ORDER BY a.seq %s",
                 choice, sought, columns, order);
}

static sqlite3_stmt *statement_of(pomex_sb_store *store, const struct form *form)
{
    sqlite3_stmt **statement = &store->lists[form_number(form)];
    if (*statement) {
        sqlite3_reset(*statement);
        sqlite3_clear_bindings(*statement);
        return *statement;
    }
    char text[1024];
    write_form(form, text, sizeof text);
    if (sqlite3_prepare_v3(store->db, text, -1, SQLITE_PREPARE_PERSISTENT, statement, NULL) !=
        SQLITE_OK)
        pomex_sb_sql_failed(store);
    return *statement;
}

static int count_named(pomex_sb_store *store, int64_t group, const struct form *form,
                       const char *name, size_t length, int64_t *total)
{
    struct form counting = {.states = form->states, .named = true, .counts = true};
    sqlite3_stmt *statement = statement_of(store, &counting);
    if (!statement)
        return -1;
    sqlite3_bind_int64(statement, 1, group);
    pomex_sb_sql_bind(statement, 2, name, length);
    if (pomex_sb_sql_step(store, statement) != 1)
        return -1;
    *total = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return 1;
}

/* Counts the assets in the wanted states. States without assets are dropped from the condition:
 * if no other state remains unwanted, the faster list of all assets serves. */
static int count_by_state(pomex_sb_store *store, int64_t group, struct form *form,
                          int64_t *total)
{
    sqlite3_stmt *statement = pomex_sb_sql_get(store, POMEX_SB_SQL_COUNTS_OF_GROUP);
    if (!statement)
        return -1;
    sqlite3_bind_int64(statement, 1, group);
    if (pomex_sb_sql_step(store, statement) != 1)
        return -1;
    unsigned wanted = 0;
    unsigned present = 0;
    *total = 0;
    for (int state = POMEX_SB_PROCESSING; state <= POMEX_SB_FAILED; state++) {
        int64_t count = sqlite3_column_int64(statement, state);
        unsigned bit = count > 0 ? 1u << state : 0;
        present |= bit;
        wanted |= bit & form->states;
        *total += form->states >> state & 1 ? count : 0;
    }
    form->states = wanted == present ? ALL_STATES : wanted;
    sqlite3_reset(statement);
    return 1;
}

static pomex_sb_asset asset_of(sqlite3_stmt *row, pomex_sb_text group)
{
    return (pomex_sb_asset){.id = pomex_sb_sql_column(row, 0),
                            .name = pomex_sb_sql_column(row, 1),
                            .file = pomex_sb_sql_column(row, 2),
                            .type = pomex_sb_sql_column(row, 3),
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

/* Selects the page by its range of seq, or else by its distance from the nearer end. */
static void bind_page(sqlite3_stmt *statement, const pomex_sb_list *list,
                      const struct form *form)
{
    int64_t left = list->total - list->offset;
    int64_t limit = list->limit < left ? list->limit : left;
    if (form->ranged) {
        int64_t first = form->ascending ? list->offset + 1 : left - limit + 1;
        sqlite3_bind_int64(statement, 3, first);
        sqlite3_bind_int64(statement, 4, first + limit - 1);
        return;
    }
    sqlite3_bind_int64(statement, 3, limit);
    sqlite3_bind_int64(statement, 4, form->from_end ? left - limit : list->offset);
}

static int list_page(pomex_sb_store *store, const pomex_sb_group *group,
                     const pomex_sb_list *list, struct form form, pomex_sb_text name,
                     pomex_sb_each_asset each, void *user)
{
    form.ranged = form.states == ALL_STATES && !form.named && !form.by_update;
    form.from_end = !form.ranged && list->offset > list->total / 2;
    sqlite3_stmt *statement = statement_of(store, &form);
    if (!statement)
        return -1;
    sqlite3_bind_int64(statement, 1, group->number);
    if (form.named)
        pomex_sb_sql_bind(statement, 2, name.bytes, name.length);
    bind_page(statement, list, &form);
    return run_list(store, statement, group, each, user);
}

int pomex_sb_store_list(pomex_sb_store *store, const pomex_sb_group *group, int64_t now,
                        pomex_sb_list *list, pomex_sb_each_asset each, void *user)
{
    if (pomex_sb_store_assets_settle(store, now) < 0)
        return -1;
    struct form form = {.states = list->states & ALL_STATES,
                        .named = list->name_length > 0,
                        .by_update = list->by_update,
                        .ascending = list->ascending};
    pomex_sb_text name = {NULL, 0};
    char *folded =
        form.named ? pomex_sb_fold(list->name, list->name_length, &name.length) : NULL;
    if (form.named && !folded)
        return -1;
    name.bytes = folded;
    int done = count_by_state(store, group->number, &form, &list->total);
    if (done == 1 && form.named && list->total > 0)
        done = count_named(store, group->number, &form, folded, name.length, &list->total);
    if (done == 1 && list->offset < list->total)
        done = list_page(store, group, list, form, name, each, user);
    free(folded);
    return done;
}
