/* `fact`: what became of an attempt. Facts are true whoever brings them and whenever: a worker that
 * was cut off for two minutes comes back with the id of a paid video. So no fence is asked for
 * here, and a job is moved by what is known of it alone. */
#include "store/sqlite/row.h"

#include <string.h>

enum { FAILURES_IN_A_ROW = 10 };

static bool equal(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

/* Moves the job and answers with its new state. The end of a job takes it from its worker. */
static void set_state(pomex_sq *self, pomex_store_request *request, const pomex_sq_job *job,
                      int64_t state)
{
    pomex_store_fact *fact = &request->fact;
    bool end = state >= POMEX_STORE_DONE && state <= POMEX_STORE_EXPIRED;
    pomex_sq_run(self,
                 "UPDATE job SET state = ?2, due = ?3, deaths = 0, error = ?4,"
                 " note = coalesce(?5, note), ended = ?6,"
                 " worker = CASE WHEN ?6 > 0 THEN NULL ELSE worker END WHERE id = ?1",
                 "iiissi", job->id, state, pomex_sq_due(fact->due), fact->error, fact->note,
                 end ? pomex_sq_wall() : 0);
    fact->state = (enum pomex_store_state)state;
}

static void set_stage(pomex_sq *self, const pomex_store_fact *fact)
{
    bool made = fact->kind == POMEX_STORE_ENDED && fact->outcome == POMEX_STORE_SAVING;
    pomex_sq_run(self,
                 "UPDATE attempt SET stage = ?3, error = coalesce(?4, error)"
                 " WHERE job = ?1 AND number = ?2",
                 "iiis", fact->job, fact->attempt,
                 made ? (int64_t)POMEX_STORE_MADE : (int64_t)fact->kind, fact->error);
}

/* It never left, or was turned away: the money is back, and the job is ready again. */
static void not_made(pomex_sq *self, pomex_store_request *request, pomex_sq_job *job,
                     pomex_sq_attempt *attempt)
{
    const pomex_store_fact *fact = &request->fact;
    static const char *const names[] = {"never left", "late", "turned away"};
    if (attempt->stage >= 0) {
        pomex_store_answer(request, POMEX_STORE_KNOWN, NULL);
        return;
    }
    set_stage(self, fact);
    pomex_sq_attempt_hold(self, attempt, 0, 0, 0);
    pomex_sq_probe_over(self, attempt, false);
    if (fact->kind == POMEX_STORE_TURNED_AWAY && fact->gate_until > 0)
        pomex_sq_run(self,
                     "UPDATE account SET gate_until = max(gate_until, ?2), gate_why = ?3"
                     " WHERE id = ?1",
                     "iis", attempt->account,
                     fact->gate_until == POMEX_STORE_NEVER ? fact->gate_until
                                                           : pomex_sq_due(fact->gate_until),
                     fact->error);
    if (job->attempt == attempt->number && !job->task &&
        (job->state == POMEX_STORE_SENDING || job->state == POMEX_STORE_UNCLEAR))
        set_state(self, request, job, POMEX_STORE_READY);
    pomex_sq_event(self, job->queue, job->id, names[fact->kind], NULL, fact->error);
    pomex_store_answer(request, POMEX_STORE_YES, NULL);
}

/* Notes whose the id is. False: it is another job's, which is answered. */
static bool note_task(pomex_sq *self, pomex_store_request *request, const pomex_sq_job *job,
                      const pomex_sq_attempt *attempt, bool *known)
{
    const pomex_store_fact *fact = &request->fact;
    int64_t holder =
        pomex_sq_number(self, 0, "SELECT job FROM task WHERE account = ?1 AND id = ?2", "is",
                        attempt->account, fact->task);
    *known = holder == job->id;
    if (holder != 0 && holder != job->id) {
        pomex_store_answer(request, POMEX_STORE_REFUSED,
                           "the id %s belongs to another job of this store", fact->task);
        return false;
    }
    if (holder == 0)
        pomex_sq_run(self, "INSERT INTO task VALUES (?1, ?2, ?3, ?4)", "isii", attempt->account,
                     fact->task, job->id, attempt->number);
    return true;
}

/* Money that was given back, because the request was said never to have left, is held again, and
 * a task that nobody knew of is in flight: no limit is asked about what is true. */
static void hold_again(pomex_sq *self, pomex_sq_attempt *attempt)
{
    if (attempt->stage < POMEX_STORE_ENDED)
        pomex_sq_attempt_hold(self, attempt, attempt->cost > 0 ? attempt->cost : 0,
                              attempt->video, attempt->video);
}

/* The attempt has an id. */
static void has_task(pomex_sq *self, pomex_store_request *request, pomex_sq_job *job,
                     pomex_sq_attempt *attempt)
{
    const pomex_store_fact *fact = &request->fact;
    bool known;
    if (!note_task(self, request, job, attempt, &known))
        return;
    pomex_sq_probe_over(self, attempt, true);
    if (!attempt->task) {
        pomex_sq_run(self,
                     "UPDATE attempt SET task = ?3, stage = max(stage, ?4)"
                     " WHERE job = ?1 AND number = ?2",
                     "iisi", job->id, attempt->number, fact->task, (int64_t)POMEX_STORE_TASK);
        hold_again(self, attempt);
        attempt->task = fact->task;
    }
    bool waits = job->state == POMEX_STORE_SENDING || job->state == POMEX_STORE_UNCLEAR ||
                 job->state == POMEX_STORE_READY;
    if (waits && (!job->task || equal(job->task, fact->task))) {
        job->task = fact->task;
        hold_again(self, attempt);
        pomex_sq_run(self, "UPDATE job SET task = ?2 WHERE id = ?1", "is", job->id, job->task);
        set_state(self, request, job, POMEX_STORE_POLLING);
        job->state = POMEX_STORE_POLLING;
        pomex_sq_event(self, job->queue, job->id, "id", NULL, fact->task);
        pomex_store_answer(request, POMEX_STORE_YES, NULL);
    } else if (known) {
        pomex_store_answer(request, POMEX_STORE_KNOWN, NULL);
    } else {
        pomex_sq_event(self, job->queue, job->id, "second id", NULL, fact->task);
        pomex_store_answer(request, POMEX_STORE_SECOND,
                           "%s has the id %s beside what it had: perhaps both are billed",
                           job->key, fact->task);
    }
}

/* Ten failures of one kind in a row pause the queue: it is not the videos that are at fault. */
static void count_failure(pomex_sq *self, const pomex_sq_job *job, const pomex_store_fact *fact)
{
    if (fact->outcome != POMEX_STORE_FAILED) {
        pomex_sq_run(self, "UPDATE queue SET failure = NULL, failures = 0 WHERE id = ?1", "i",
                     job->queue);
        return;
    }
    if (!fact->failure)
        return;
    pomex_sq_run(self,
                 "UPDATE queue SET failures = CASE WHEN failure IS ?2 THEN failures + 1 ELSE 1"
                 " END, failure = ?2 WHERE id = ?1",
                 "is", job->queue, fact->failure);
    if (pomex_sq_run(self,
                     "UPDATE queue SET paused = 1, failures = 0,"
                     " why = 'ten failures in a row: ' || failure"
                     " WHERE id = ?1 AND failures >= ?2",
                     "ii", job->queue, (int64_t)FAILURES_IN_A_ROW) > 0)
        pomex_sq_event(self, job->queue, 0, "paused", NULL, fact->failure);
}

static void unblock(pomex_sq *self, const pomex_sq_job *job)
{
    pomex_sq_run(self,
                 "UPDATE job SET blocked = blocked - 1 WHERE blocked > 0 AND id IN"
                 " (SELECT job FROM need WHERE queue = ?1 AND key = ?2)",
                 "is", job->queue, job->key);
}

static void has_ended(pomex_sq *self, pomex_store_request *request, pomex_sq_job *job,
                      pomex_sq_attempt *attempt)
{
    static const char *const names[POMEX_STORE_STATES] = {
        [POMEX_STORE_SAVING] = "made",     [POMEX_STORE_DONE] = "done",
        [POMEX_STORE_FAILED] = "failed",   [POMEX_STORE_CANCELLED] = "cancelled",
        [POMEX_STORE_EXPIRED] = "expired",
    };
    const pomex_store_fact *fact = &request->fact;
    if (fact->outcome < POMEX_STORE_SAVING || fact->outcome > POMEX_STORE_EXPIRED ||
        fact->cost > POMEX_STORE_MOST_MONEY) {
        pomex_store_answer(request, POMEX_STORE_REFUSED,
                           "this is no outcome of an attempt, or no cost");
        return;
    }
    if (attempt->stage >= POMEX_STORE_ENDED) {
        pomex_store_answer(request, POMEX_STORE_KNOWN, NULL);
        return;
    }
    if (fact->task && !attempt->task) {
        has_task(self, request, job, attempt);
        if (request->answer == POMEX_STORE_REFUSED)
            return;
    }
    pomex_sq_probe_over(self, attempt, true);
    int64_t cost = fact->cost >= 0 ? fact->cost : attempt->cost;
    set_stage(self, fact);
    pomex_sq_attempt_hold(self, attempt, fact->free || cost < 0 ? 0 : cost,
                          fact->free ? 0 : attempt->video, 0);
    bool looked_at =
        job->task ? equal(job->task, attempt->task) : job->attempt == attempt->number;
    bool moves = job->state == POMEX_STORE_SENDING || job->state == POMEX_STORE_UNCLEAR ||
                 job->state == POMEX_STORE_POLLING;
    if (looked_at && moves) {
        set_state(self, request, job, fact->outcome);
        count_failure(self, job, fact);
        if (fact->outcome == POMEX_STORE_DONE)
            unblock(self, job);
    }
    pomex_sq_event(self, job->queue, job->id, names[fact->outcome], NULL, fact->error);
    if (request->answer != POMEX_STORE_SECOND)
        pomex_store_answer(request, POMEX_STORE_YES, NULL);
}

void pomex_sq_fact(pomex_sq *self, pomex_store_request *request)
{
    pomex_store_fact *fact = &request->fact;
    pomex_sq_job job;
    pomex_sq_attempt attempt;
    if (!pomex_sq_job_by_id(self, request, fact->job, &job))
        return;
    fact->state = (enum pomex_store_state)job.state;
    if (!pomex_sq_attempt_find(self, request, fact->job, fact->attempt, &attempt))
        pomex_store_answer(request, POMEX_STORE_MISSING, "there is no such attempt");
    else if (fact->kind == POMEX_STORE_TASK && !fact->task)
        pomex_store_answer(request, POMEX_STORE_REFUSED, "a task needs an id");
    else if (fact->kind == POMEX_STORE_TASK)
        has_task(self, request, &job, &attempt);
    else if (fact->kind == POMEX_STORE_ENDED)
        has_ended(self, request, &job, &attempt);
    else
        not_made(self, request, &job, &attempt);
}
