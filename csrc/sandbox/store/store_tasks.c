#include "sandbox/store/sql.h"

#include <string.h>

#define QUEUE_SHARE 0.25 /* the share of its time that a task is queued; then it runs */

static int add_task(pomex_sb_store *store, int64_t account, const pomex_sb_task *task)
{
    sqlite3_stmt *statement = pomex_sb_sql_get(store, POMEX_SB_SQL_ADD_TASK);
    if (!statement)
        return -1;
    pomex_sb_sql_bind(statement, 1, task->id.bytes, task->id.length);
    sqlite3_bind_int64(statement, 2, account);
    pomex_sb_sql_bind(statement, 3, task->model.bytes, task->model.length);
    pomex_sb_sql_bind(statement, 4, task->prompt.bytes, task->prompt.length);
    sqlite3_bind_int64(statement, 5, task->images);
    sqlite3_bind_int64(statement, 6, task->created);
    sqlite3_bind_int64(statement, 7, task->ready);
    sqlite3_bind_int(statement, 8, task->fails);
    pomex_sb_sql_bind(statement, 9, task->given.bytes, task->given.length);
    return pomex_sb_sql_run(store, statement);
}

int pomex_sb_store_tasks_add(pomex_sb_store *store, int64_t account, const pomex_sb_task *task)
{
    if (pomex_sb_sql_begin(store) < 0)
        return -1;
    int done = add_task(store, account, task);
    if (done == 1)
        done = pomex_sb_store_ledger_add(store, "generation", task->id, task->prompt,
                                         task->model.bytes, account, task->created);
    return pomex_sb_sql_end(store, done);
}

static pomex_sb_task task_of(sqlite3_stmt *row)
{
    return (pomex_sb_task){.id = pomex_sb_sql_column(row, 0),
                           .prompt = pomex_sb_sql_column(row, 1),
                           .images = sqlite3_column_int64(row, 2),
                           .created = sqlite3_column_int64(row, 3),
                           .ready = sqlite3_column_int64(row, 4),
                           .fails = sqlite3_column_int(row, 5) != 0,
                           .model = pomex_sb_sql_column(row, 6),
                           .given = pomex_sb_sql_column(row, 7),
                           .cancelled = sqlite3_column_int64(row, 8)};
}

int pomex_sb_store_tasks_find(pomex_sb_store *store, int64_t account, const char *id,
                              size_t length, pomex_sb_task *task)
{
    sqlite3_stmt *statement = pomex_sb_sql_get(store, POMEX_SB_SQL_TASK);
    if (!statement)
        return -1;
    pomex_sb_sql_bind(statement, 1, id, length);
    sqlite3_bind_int64(statement, 2, account);
    int found = pomex_sb_sql_step(store, statement);
    if (found == 1)
        *task = task_of(statement);
    return found;
}

int64_t pomex_sb_store_tasks_runs_from(const pomex_sb_task *task)
{
    return task->created + (int64_t)((double)(task->ready - task->created) * QUEUE_SHARE);
}

const char *pomex_sb_store_tasks_status(const pomex_sb_task *task, int64_t now)
{
    if (task->cancelled)
        return "cancelled";
    if (now >= task->ready)
        return task->fails ? "failed" : "succeeded";
    return now < pomex_sb_store_tasks_runs_from(task) ? "queued" : "running";
}

int64_t pomex_sb_store_tasks_changed(const pomex_sb_task *task, int64_t now)
{
    if (task->cancelled)
        return task->cancelled;
    if (now >= task->ready)
        return task->ready;
    return now < pomex_sb_store_tasks_runs_from(task) ? task->created
                                                      : pomex_sb_store_tasks_runs_from(task);
}

/* Runs a statement that is about the task `id`. */
static int run_for(pomex_sb_store *store, enum pomex_sb_sql which, const char *id, int64_t now)
{
    sqlite3_stmt *statement = pomex_sb_sql_get(store, which);
    if (!statement)
        return -1;
    pomex_sb_sql_bind(statement, 1, id, strlen(id));
    if (sqlite3_bind_parameter_count(statement) > 1)
        sqlite3_bind_int64(statement, 2, now);
    return pomex_sb_sql_run(store, statement);
}

int pomex_sb_store_tasks_cancel(pomex_sb_store *store, const char *id, int64_t now)
{
    if (pomex_sb_sql_begin(store) < 0)
        return -1;
    int done = run_for(store, POMEX_SB_SQL_CANCEL_TASK, id, now);
    if (done == 1)
        done = run_for(store, POMEX_SB_SQL_UNBILL_TASK, id, now);
    return pomex_sb_sql_end(store, done);
}

int pomex_sb_store_tasks_delete(pomex_sb_store *store, const char *id)
{
    return run_for(store, POMEX_SB_SQL_DELETE_TASK, id, 0);
}

int pomex_sb_store_tasks_each(pomex_sb_store *store, int64_t account, int64_t first,
                              int64_t last, bool ascending, pomex_sb_each_task each, void *user)
{
    sqlite3_stmt *statement =
        pomex_sb_sql_get(store, ascending ? POMEX_SB_SQL_TASKS_ASCENDING : POMEX_SB_SQL_TASKS);
    if (!statement)
        return -1;
    sqlite3_bind_int64(statement, 1, account);
    sqlite3_bind_int64(statement, 2, first);
    sqlite3_bind_int64(statement, 3, last);
    int more;
    while ((more = pomex_sb_sql_step(store, statement)) == 1) {
        pomex_sb_task task = task_of(statement);
        if (!each(user, &task)) {
            sqlite3_reset(statement);
            return -1;
        }
    }
    return more < 0 ? -1 : 1;
}
