/* What the holder of a job does with it: claim, move, release; and the account's gate. */
#include "store/sqlite/query.h"
#include "store/sqlite/row.h"

/* Due, or due so late that the wall clock was set back since. */
#define DUE  "(due <= ?3 OR due > ?4)"
#define OURS "account IN (0, ?2)"

/* Takes the jobs that one statement finds, and lists them after `count` others. */
static size_t take(pomex_sq *self, pomex_store_request *request, const char *sql, int64_t queue,
                   int64_t account, pomex_store_job *jobs, size_t count)
{
    const pomex_store_claim *claim = &request->claim;
    int64_t ids[POMEX_STORE_ROWS], now = pomex_sq_wall();
    size_t found = 0;
    sqlite3_stmt *row =
        pomex_sq_bind(self, sql, "iiiii", queue, account, now,
                      now + POMEX_STORE_LONGEST_DUE_MS + 1, claim->count - (int64_t)count);
    while (pomex_sq_step(self, row) == POMEX_SQ_ROW && found < POMEX_STORE_ROWS)
        ids[found++] = sqlite3_column_int64(row, 0);
    for (size_t i = 0; i < found; i++) {
        pomex_sq_run(self, "UPDATE job SET worker = ?2, fence = fence + 1 WHERE id = ?1", "ii",
                     ids[i], claim->worker);
        if (!pomex_sq_read_job(self, request, ids[i], &jobs[count]))
            return count;
        count++;
    }
    return count;
}

void pomex_sq_claim(pomex_sq *self, pomex_store_request *request)
{
    pomex_store_claim *claim = &request->claim;
    int64_t account;
    if (!pomex_sq_worker_lives(self, request, claim->worker, &account))
        return;
    int64_t queue = pomex_sq_queue_find(self, request, claim->queue);
    if (queue == 0)
        return;
    if (claim->count < 0 || claim->count > POMEX_STORE_ROWS)
        claim->count = POMEX_STORE_ROWS;
    pomex_store_job *jobs =
        pomex_store_memory(request, ((size_t)claim->count + 1) * sizeof *jobs);
    if (!jobs) {
        pomex_sq_failed(self, NULL, SQLITE_NOMEM);
        return;
    }
    size_t count =
        take(self, request,
             "SELECT id FROM job WHERE queue = ?1 AND state IN (3, 4)"
             " AND worker IS NULL AND stuck = 0 AND " DUE " AND " OURS " ORDER BY due LIMIT ?5",
             queue, account, jobs, 0);
    if (!pomex_sq_number(self, 1, "SELECT paused FROM queue WHERE id = ?1", "i", queue))
        count = take(self, request,
                     "SELECT id FROM job WHERE queue = ?1 AND state = 1 AND worker IS NULL"
                     " AND stuck = 0 AND blocked = 0 AND " DUE " AND " OURS
                     " ORDER BY due LIMIT ?5",
                     queue, account, jobs, count);
    claim->jobs = jobs;
    claim->job_count = count;
    int64_t ready = pomex_sq_number(self, POMEX_STORE_NEVER,
                                    "SELECT min(due) FROM job WHERE queue = ?1 AND state = 1"
                                    " AND worker IS NULL AND stuck = 0 AND blocked = 0",
                                    "i", queue);
    int64_t look = pomex_sq_number(self, POMEX_STORE_NEVER,
                                   "SELECT min(due) FROM job WHERE queue = ?1"
                                   " AND state IN (3, 4) AND worker IS NULL AND stuck = 0",
                                   "i", queue);
    claim->next_due = ready < look ? ready : look;
    pomex_store_answer(request, POMEX_STORE_YES, NULL);
}

static bool is_move(int64_t from, int64_t to)
{
    static const unsigned char moves[][2] = {
        {POMEX_STORE_SENDING, POMEX_STORE_UNCLEAR}, {POMEX_STORE_READY, POMEX_STORE_READY},
        {POMEX_STORE_POLLING, POMEX_STORE_POLLING}, {POMEX_STORE_POLLING, POMEX_STORE_UNCLEAR},
        {POMEX_STORE_SAVING, POMEX_STORE_SAVING},   {POMEX_STORE_SAVING, POMEX_STORE_DONE},
    };
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
        if (moves[i][0] == from && moves[i][1] == to)
            return true;
    }
    return false;
}

/* Its own worker says that the request is over, and that nobody knows what it did. */
static void becomes_unclear(pomex_sq *self, pomex_store_request *request,
                            const pomex_sq_job *job)
{
    pomex_sq_attempt attempt;
    if (!pomex_sq_attempt_find(self, request, job->id, job->attempt, &attempt))
        return;
    pomex_sq_attempt_hold(self, &attempt, attempt.held, attempt.counted, 0);
    pomex_sq_probe_over(self, &attempt, false);
    pomex_sq_run(self,
                 "UPDATE attempt SET over = 1, error = coalesce(?3, error)"
                 " WHERE job = ?1 AND number = ?2",
                 "iis", job->id, attempt.number, request->move.error);
    pomex_sq_event(self, job->queue, job->id, "unclear", NULL, request->move.error);
}

static void move(pomex_sq *self, pomex_store_request *request, const pomex_sq_job *job)
{
    const pomex_store_move *move = &request->move;
    bool lets_go = move->to == POMEX_STORE_UNCLEAR || move->to == POMEX_STORE_DONE;
    if (move->to == POMEX_STORE_UNCLEAR)
        becomes_unclear(self, request, job);
    pomex_sq_run(self,
                 "UPDATE job SET state = ?2, due = ?3, stuck = stuck OR ?4, error = ?5,"
                 " note = coalesce(?6, note), worker = CASE WHEN ?7 THEN NULL ELSE worker END,"
                 " ended = ?8, deaths = CASE WHEN ?9 THEN 0 ELSE deaths END WHERE id = ?1",
                 "iiiissiii", job->id, (int64_t)move->to, pomex_sq_due(move->due),
                 (int64_t)(move->stuck != 0), move->error, move->note,
                 (int64_t)(lets_go || move->stuck),
                 move->to == POMEX_STORE_DONE ? pomex_sq_wall() : 0,
                 (int64_t)(move->to == POMEX_STORE_POLLING));
    if (move->sha256)
        pomex_sq_run(self, "UPDATE job SET saved = ?2, length = ?3, sha256 = ?4 WHERE id = ?1",
                     "isis", job->id, move->saved, move->length, move->sha256);
    if (move->to == POMEX_STORE_DONE)
        pomex_sq_event(self, job->queue, job->id, "done", NULL, NULL);
    pomex_store_answer(request, POMEX_STORE_YES, NULL);
}

void pomex_sq_move(pomex_sq *self, pomex_store_request *request)
{
    const pomex_store_move *asked = &request->move;
    int64_t account;
    pomex_sq_job job;
    if (!pomex_sq_job_by_id(self, request, asked->job, &job))
        return;
    if (asked->from != asked->to && job.state == asked->to && job.fence == asked->fence) {
        pomex_store_answer(request, POMEX_STORE_KNOWN, NULL);
        return;
    }
    if (!pomex_sq_worker_lives(self, request, asked->worker, &account))
        return;
    if (!is_move(asked->from, asked->to))
        pomex_store_answer(request, POMEX_STORE_REFUSED, "no job moves so");
    else if (job.worker != asked->worker || job.fence != asked->fence ||
             job.state != asked->from)
        pomex_store_answer(request, POMEX_STORE_STALE, NULL);
    else if (asked->to == POMEX_STORE_DONE && !job.sha256)
        pomex_store_answer(request, POMEX_STORE_REFUSED,
                           "the sum of its file was not noted before");
    else
        move(self, request, &job);
}

void pomex_sq_release(pomex_sq *self, pomex_store_request *request)
{
    const pomex_store_release *release = &request->release;
    if (!release->jobs)
        pomex_sq_run(self, "UPDATE job SET worker = NULL WHERE worker = ?1 AND state <> ?2",
                     "ii", release->worker, (int64_t)POMEX_STORE_SENDING);
    for (size_t i = 0; i < release->job_count; i++)
        pomex_sq_run(
            self, "UPDATE job SET worker = NULL WHERE id = ?1 AND worker = ?2 AND state <> ?3",
            "iii", release->jobs[i], release->worker, (int64_t)POMEX_STORE_SENDING);
    pomex_store_answer(request, POMEX_STORE_YES, NULL);
}

void pomex_sq_gate(pomex_sq *self, pomex_store_request *request)
{
    const pomex_store_gate *gate = &request->gate;
    int64_t account;
    if (!pomex_sq_worker_lives(self, request, gate->worker, &account))
        return;
    pomex_sq_run(
        self, "UPDATE account SET gate_until = ?2, gate_why = ?3 WHERE id = ?1", "iis", account,
        gate->until == POMEX_STORE_NEVER ? gate->until : pomex_sq_due(gate->until), gate->text);
    pomex_store_answer(request, POMEX_STORE_YES, NULL);
}
