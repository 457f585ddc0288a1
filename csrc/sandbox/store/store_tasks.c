#include "sandbox/store/sql.h"

#include <string.h>

#define QUEUE_SHARE 0.25 /* the share of its time that a task is queued; then it runs */

static int add_task(pomex_sb_store *store, int64_t account, const char *model,
                    const pomex_sb_task *task)
{
    sqlite3_stmt *statement = pomex_sb_sql_get(store, POMEX_SB_SQL_ADD_TASK);
    if (!statement)
        return -1;
    pomex_sb_sql_bind(statement, 1, task->id.bytes, task->id.length);
    sqlite3_bind_int64(statement, 2, account);
    pomex_sb_sql_bind(statement, 3, model, strlen(model));
    pomex_sb_sql_bind(statement, 4, task->prompt.bytes, task->prompt.length);
    sqlite3_bind_int64(statement, 5, task->images);
    sqlite3_bind_int64(statement, 6, task->created);
    sqlite3_bind_int64(statement, 7, task->ready);
    sqlite3_bind_int(statement, 8, task->fails);
    return pomex_sb_sql_run(store, statement);
}

int pomex_sb_store_tasks_add(pomex_sb_store *store, int64_t account, const char *model,
                             const pomex_sb_task *task)
{
    if (pomex_sb_sql_begin(store) < 0)
        return -1;
    int done = add_task(store, account, model, task);
    if (done == 1)
        done = pomex_sb_store_ledger_add(store, "generation", task->id, task->prompt, model,
                                         account, task->created);
    return pomex_sb_sql_end(store, done);
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
    if (found == 1) {
        *task = (pomex_sb_task){.id = pomex_sb_sql_column(statement, 0),
                                .prompt = pomex_sb_sql_column(statement, 1),
                                .images = sqlite3_column_int64(statement, 2),
                                .created = sqlite3_column_int64(statement, 3),
                                .ready = sqlite3_column_int64(statement, 4),
                                .fails = sqlite3_column_int(statement, 5) != 0};
    }
    return found;
}

const char *pomex_sb_store_tasks_status(const pomex_sb_task *task, int64_t now)
{
    double share = task->ready > task->created
                       ? (double)(now - task->created) / (double)(task->ready - task->created)
                       : 1;
    if (share < QUEUE_SHARE)
        return "queued";
    if (share < 1)
        return "running";
    return task->fails ? "failed" : "succeeded";
}
