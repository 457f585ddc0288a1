/* Workers: joining, beating, leaving, and being declared dead. */
#include "store/sqlite/place.h"
#include "store/sqlite/row.h"

enum { DEATHS = 3, TIDY_ROWS = 500 };
#define NAMED          INT64_C(5)
#define TIDY_MS        INT64_C(3600000)
#define EVENTS_KEPT_MS INT64_C(2592000000) /* 30 days */

/* Events of jobs that ended long ago go, some at a time. */
static void tidy(pomex_sq *self)
{
    int64_t now = pomex_sq_boottime();
    if (self->tidied && now - self->tidied < TIDY_MS)
        return;
    int64_t gone =
        pomex_sq_run(self,
                     "DELETE FROM event WHERE id IN (SELECT e.id FROM job j JOIN event e"
                     " ON e.job = j.id WHERE j.ended > 0 AND j.ended < ?1 LIMIT ?2)",
                     "ii", pomex_sq_wall() - EVENTS_KEPT_MS, (int64_t)TIDY_ROWS);
    if (gone < TIDY_ROWS)
        self->tidied = now;
}

void pomex_sq_beat(pomex_sq *self, pomex_store_request *request)
{
    int64_t account;
    if (!pomex_sq_worker_lives(self, request, request->beat.worker, &account)) {
        pomex_sq_unlock_worker(self, request->beat.worker);
        return;
    }
    pomex_sq_run(self, "UPDATE worker SET beat = beat + 1 WHERE id = ?1", "i",
                 request->beat.worker);
    self->others =
        pomex_sq_number(self, 1, "SELECT count(*) - 1 FROM worker WHERE buried = 0", "");
    tidy(self);
    pomex_store_answer(request, POMEX_STORE_YES, NULL);
}

/* The row of an account; its key may be another one than last time, which is worth a warning. */
static int64_t account_of(pomex_sq *self, pomex_store_join *join)
{
    int64_t account =
        pomex_sq_account(self, join->account, join->base_url, join->key_hash, join->max_tasks);
    join->key_changed =
        pomex_sq_number(self, 0, "SELECT key_hash <> ?2 FROM account WHERE id = ?1", "is",
                        account, join->key_hash) != 0;
    pomex_sq_run(self,
                 "UPDATE account SET key_hash = ?2,"
                 " max_tasks = CASE WHEN ?3 > 0 THEN ?3 ELSE max_tasks END WHERE id = ?1",
                 "isi", account, join->key_hash, join->max_tasks);
    return account;
}

void pomex_sq_join(pomex_sq *self, pomex_store_request *request)
{
    pomex_store_join *join = &request->join;
    int64_t account = account_of(self, join);
    char who[POMEX_STORE_WHO];
    pomex_store_who(join->name, who);
    pomex_sq_run(self, "INSERT INTO worker (account, boot, who) VALUES (?1, ?2, ?3)", "iss",
                 account, self->boot, who);
    join->worker = sqlite3_last_insert_rowid(self->db);
    self->others =
        pomex_sq_number(self, 1, "SELECT count(*) - 1 FROM worker WHERE buried = 0", "");
    /* Before the commit: who reads of the worker finds it alive. */
    if (self->error == SQLITE_OK && !pomex_sq_lock_worker(self, join->worker))
        pomex_store_answer(request, POMEX_STORE_BROKEN,
                           "%s-lock: the lock of worker %lld is taken", self->path,
                           (long long)join->worker);
    else
        pomex_store_answer(request, POMEX_STORE_YES, NULL);
}

/* The worker's jobs are nobody's from here on. What was being sent is never sent again by itself;
 * what has an id is looked at for ever, however many workers die over it. */
static void take_jobs_away(pomex_sq *self, int64_t worker)
{
    pomex_sq_run(self,
                 "INSERT INTO event (at, queue, job, name, text)"
                 " SELECT ?2, queue, id, 'unclear', 'its worker died while it was sent: '"
                 " || (SELECT who FROM worker WHERE id = ?1)"
                 " FROM job WHERE worker = ?1 AND state = ?3",
                 "iii", worker, pomex_sq_wall(), (int64_t)POMEX_STORE_SENDING);
    pomex_sq_run(
        self,
        "UPDATE account SET tasks = tasks - (SELECT count(*) FROM job j JOIN attempt a"
        " ON a.job = j.id AND a.number = j.attempt WHERE j.worker = ?1 AND j.state = ?2"
        " AND a.in_flight = 1 AND a.account = account.id)",
        "ii", worker, (int64_t)POMEX_STORE_SENDING);
    pomex_sq_run(self,
                 "UPDATE account SET gate_until = gate_until - ?3 WHERE gate_until - ?3 IN"
                 " (SELECT a.begun FROM job j JOIN attempt a ON a.job = j.id"
                 " AND a.number = j.attempt WHERE j.worker = ?1 AND j.state = ?2"
                 " AND a.account = account.id)",
                 "iii", worker, (int64_t)POMEX_STORE_SENDING, POMEX_SQ_PROBE_MS);
    pomex_sq_run(self,
                 "UPDATE attempt SET in_flight = 0 WHERE (job, number) IN"
                 " (SELECT id, attempt FROM job WHERE worker = ?1 AND state = ?2)",
                 "ii", worker, (int64_t)POMEX_STORE_SENDING);
    pomex_sq_run(self,
                 "UPDATE job SET worker = NULL, fence = fence + 1,"
                 " state = CASE state WHEN ?2 THEN ?3 ELSE state END,"
                 " deaths = deaths + (state IN (?4, ?5)),"
                 " stuck = stuck OR (state IN (?4, ?5) AND deaths + 1 >= ?6)"
                 " WHERE worker = ?1",
                 "iiiiii", worker, (int64_t)POMEX_STORE_SENDING, (int64_t)POMEX_STORE_UNCLEAR,
                 (int64_t)POMEX_STORE_READY, (int64_t)POMEX_STORE_SAVING, (int64_t)DEATHS);
}

/* Who it was, and what it had in hand: the first few of its jobs by name. */
static void say_who_died(pomex_sq *self, int64_t worker)
{
    pomex_sq_run(self,
                 "INSERT INTO event (at, queue, job, name, text)"
                 " SELECT ?2, 0, 0, 'worker buried', w.who || CASE"
                 "  WHEN h.n = 0 THEN ', which had no job'"
                 "  ELSE ', which had ' || h.keys END"
                 "  || CASE WHEN h.n > ?3 THEN ' and ' || (h.n - ?3) || ' more' ELSE '' END"
                 " FROM worker w, (SELECT"
                 "  (SELECT count(*) FROM job WHERE worker = ?1) AS n,"
                 "  (SELECT group_concat(key, ', ') FROM (SELECT key FROM job WHERE worker = ?1"
                 "   ORDER BY id LIMIT ?3)) AS keys) h WHERE w.id = ?1",
                 "iii", worker, pomex_sq_wall(), NAMED);
}

void pomex_sq_bury(pomex_sq *self, pomex_store_request *request)
{
    const pomex_store_bury *bury = &request->bury;
    int64_t buried = pomex_sq_run(
        self, "UPDATE worker SET buried = 1 WHERE id = ?1 AND buried = 0 AND beat = ?2", "ii",
        bury->worker, bury->beat);
    if (buried > 0) {
        say_who_died(self, bury->worker);
        take_jobs_away(self, bury->worker);
        pomex_store_answer(request, POMEX_STORE_YES, NULL);
        return;
    }
    int64_t was =
        pomex_sq_number(self, -1, "SELECT buried FROM worker WHERE id = ?1", "i", bury->worker);
    static const enum pomex_store_answer answers[] = {POMEX_STORE_MISSING, POMEX_STORE_STALE,
                                                      POMEX_STORE_KNOWN};
    pomex_store_answer(request, answers[was + 1], NULL);
}

/* A worker that leaves died in order: what it had in hand is no death of a job. */
void pomex_sq_leave(pomex_sq *self, pomex_store_request *request)
{
    int64_t worker = request->leave.worker, account;
    if (!pomex_sq_worker_lives(self, request, worker, &account)) {
        if (request->answer == POMEX_STORE_BURIED)
            pomex_store_answer(request, POMEX_STORE_KNOWN, NULL);
        return;
    }
    pomex_sq_run(self, "UPDATE job SET worker = NULL WHERE worker = ?1 AND state <> ?2", "ii",
                 worker, (int64_t)POMEX_STORE_SENDING);
    if (request->leave.ending &&
        pomex_sq_number(self, 0, "SELECT count(*) FROM job WHERE worker = ?1", "i", worker)) {
        pomex_sq_run(self, "UPDATE worker SET beat = ?2 WHERE id = ?1", "ii", worker,
                     POMEX_STORE_LAST_BEAT);
    } else {
        pomex_sq_run(self, "UPDATE worker SET buried = 1 WHERE id = ?1", "i", worker);
        take_jobs_away(self, worker);
    }
    pomex_sq_unlock_worker(self, worker);
    pomex_store_answer(request, POMEX_STORE_YES, NULL);
}
