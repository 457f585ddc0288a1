#include "store/sqlite/row.h"

#define JOB                                                                                    \
    "SELECT j.id, j.queue, j.state, j.kind, j.fence, j.worker, j.attempt, j.account,"          \
    " j.blocked, j.stuck, j.key, j.task, j.sha256 FROM job j "

static bool read_job(pomex_sq *self, pomex_store_request *request, sqlite3_stmt *row,
                     pomex_sq_job *job)
{
    if (pomex_sq_step(self, row) != POMEX_SQ_ROW) {
        pomex_store_answer(request, POMEX_STORE_MISSING, "there is no such job");
        return false;
    }
    *job = (pomex_sq_job){
        .id = sqlite3_column_int64(row, 0),
        .queue = sqlite3_column_int64(row, 1),
        .state = sqlite3_column_int64(row, 2),
        .kind = sqlite3_column_int64(row, 3),
        .fence = sqlite3_column_int64(row, 4),
        .worker = sqlite3_column_int64(row, 5),
        .attempt = sqlite3_column_int64(row, 6),
        .account = sqlite3_column_int64(row, 7),
        .blocked = sqlite3_column_int64(row, 8),
        .stuck = sqlite3_column_int64(row, 9),
        .key = pomex_sq_text(request, row, 10),
        .task = pomex_sq_text(request, row, 11),
        .sha256 = pomex_sq_text(request, row, 12),
    };
    sqlite3_reset(row);
    if (request->starved)
        pomex_sq_failed(self, NULL, SQLITE_NOMEM);
    return !request->starved;
}

bool pomex_sq_job_by_id(pomex_sq *self, pomex_store_request *request, int64_t id,
                        pomex_sq_job *job)
{
    return read_job(self, request, pomex_sq_bind(self, JOB "WHERE j.id = ?1", "i", id), job);
}

bool pomex_sq_job_by_key(pomex_sq *self, pomex_store_request *request, const char *queue,
                         const char *key, pomex_sq_job *job)
{
    sqlite3_stmt *row = pomex_sq_bind(
        self, JOB "JOIN queue q ON q.id = j.queue WHERE q.name = ?1 AND j.key = ?2", "ss",
        queue, key);
    return read_job(self, request, row, job);
}

bool pomex_sq_job_by_task(pomex_sq *self, pomex_store_request *request, const char *queue,
                          const char *task, pomex_sq_job *job)
{
    /* The key of a task begins with its account, and a store has few accounts. */
    sqlite3_stmt *row = pomex_sq_bind(
        self,
        JOB "JOIN queue q ON q.id = j.queue WHERE j.id IN"
            " (SELECT t.job FROM account a CROSS JOIN task t WHERE t.account = a.id"
            " AND t.id = ?2) AND (?1 IS NULL OR q.name = ?1)",
        "ss", queue, task);
    return read_job(self, request, row, job);
}

bool pomex_sq_attempt_find(pomex_sq *self, pomex_store_request *request, int64_t job,
                           int64_t number, pomex_sq_attempt *attempt)
{
    sqlite3_stmt *row = pomex_sq_bind(
        self,
        "SELECT a.job, a.number, j.queue, a.worker, a.fence, a.account, a.begun, a.begun_boot,"
        " a.cost, a.held, a.counted, a.in_flight, a.video, a.stage, a.over, a.task, a.boot"
        " FROM attempt a JOIN job j ON j.id = a.job WHERE a.job = ?1 AND a.number = ?2",
        "ii", job, number);
    if (pomex_sq_step(self, row) != POMEX_SQ_ROW)
        return false;
    int64_t *const numbers[] = {
        &attempt->job,   &attempt->number,  &attempt->queue,   &attempt->worker,
        &attempt->fence, &attempt->account, &attempt->begun,   &attempt->begun_boot,
        &attempt->cost,  &attempt->held,    &attempt->counted, &attempt->in_flight,
        &attempt->video, &attempt->stage,   &attempt->over,
    };
    enum { NUMBERS = sizeof numbers / sizeof *numbers };
    for (int i = 0; i < NUMBERS; i++)
        *numbers[i] = sqlite3_column_int64(row, i);
    attempt->task = pomex_sq_text(request, row, NUMBERS);
    attempt->boot = pomex_sq_text(request, row, NUMBERS + 1);
    sqlite3_reset(row);
    if (request->starved)
        pomex_sq_failed(self, NULL, SQLITE_NOMEM);
    return !request->starved;
}

void pomex_sq_attempt_hold(pomex_sq *self, pomex_sq_attempt *attempt, int64_t held,
                           int64_t counted, int64_t in_flight)
{
    pomex_sq_run(self,
                 "UPDATE queue SET money = money + ?2, videos = videos + ?3 WHERE id = ?1",
                 "iii", attempt->queue, held - attempt->held, counted - attempt->counted);
    pomex_sq_run(self, "UPDATE account SET tasks = tasks + ?2 WHERE id = ?1", "ii",
                 attempt->account, in_flight - attempt->in_flight);
    pomex_sq_run(self,
                 "UPDATE attempt SET held = ?3, counted = ?4, in_flight = ?5"
                 " WHERE job = ?1 AND number = ?2",
                 "iiiii", attempt->job, attempt->number, held, counted, in_flight);
    attempt->held = held;
    attempt->counted = counted;
    attempt->in_flight = in_flight;
}

void pomex_sq_probe_over(pomex_sq *self, const pomex_sq_attempt *attempt, bool answered)
{
    pomex_sq_run(self,
                 "UPDATE account SET gate_until = CASE WHEN ?3 THEN 0 ELSE ?2 END"
                 " WHERE id = ?1 AND gate_until = ?2 + ?4",
                 "iiii", attempt->account, attempt->begun, (int64_t)answered,
                 POMEX_SQ_PROBE_MS);
}

int64_t pomex_sq_account(pomex_sq *self, const char *name, const char *base_url,
                         const char *key_hash, int64_t max_tasks)
{
    enum { MAX_TASKS = 100 };
    pomex_sq_run(self,
                 "INSERT INTO account (name, base_url, key_hash, max_tasks)"
                 " VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
                 "sssi", name, base_url, key_hash, max_tasks > 0 ? max_tasks : MAX_TASKS);
    return pomex_sq_number(self, 0, "SELECT id FROM account WHERE name = ?1 AND base_url = ?2",
                           "ss", name, base_url);
}

int64_t pomex_sq_queue_find(pomex_sq *self, pomex_store_request *request, const char *name)
{
    int64_t id = pomex_sq_number(self, 0, "SELECT id FROM queue WHERE name = ?1", "s", name);
    if (id == 0)
        pomex_store_answer(request, POMEX_STORE_MISSING, "there is no queue \"%s\"", name);
    return id;
}

bool pomex_sq_worker_lives(pomex_sq *self, pomex_store_request *request, int64_t worker,
                           int64_t *account)
{
    sqlite3_stmt *row =
        pomex_sq_bind(self, "SELECT buried, account FROM worker WHERE id = ?1", "i", worker);
    if (pomex_sq_step(self, row) != POMEX_SQ_ROW) {
        pomex_store_answer(request, POMEX_STORE_MISSING, "there is no such worker");
        return false;
    }
    bool buried = sqlite3_column_int64(row, 0) != 0;
    *account = sqlite3_column_int64(row, 1);
    sqlite3_reset(row);
    if (buried)
        pomex_store_answer(request, POMEX_STORE_BURIED, NULL);
    return !buried;
}
