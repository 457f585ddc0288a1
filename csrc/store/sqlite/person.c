/* What a person says, each time an event with a name. */
#include "store/sqlite/place.h"
#include "store/sqlite/row.h"

#include <string.h>

#define RESEND_MS INT64_C(900000) /* 15 minutes after begin */

static bool find(pomex_sq *self, pomex_store_request *request, pomex_sq_job *job)
{
    return pomex_sq_job_by_key(self, request, request->person.queue, request->person.key, job);
}

static bool refuse(pomex_store_request *request, const pomex_sq_job *job, const char *why)
{
    pomex_store_answer(request, POMEX_STORE_REFUSED, "\"%s\" %s", job->key, why);
    return false;
}

static void said(pomex_sq *self, pomex_store_request *request, const pomex_sq_job *job,
                 const char *name, const char *text)
{
    pomex_sq_event(self, job->queue, job->id, name, request->person.by, text);
    pomex_store_answer(request, POMEX_STORE_YES, NULL);
}

/* The job is nobody's, under a new fence, and due. */
static void set_free(pomex_sq *self, const pomex_sq_job *job, int64_t state)
{
    bool end = state == POMEX_STORE_CANCELLED;
    pomex_sq_run(self,
                 "UPDATE job SET state = ?2, worker = NULL, fence = fence + 1, due = 0,"
                 " stuck = 0, deaths = 0, ended = ?3 WHERE id = ?1",
                 "iii", job->id, state, end ? pomex_sq_wall() : 0);
}

/* Whether nobody knows what became of its newest request: it was cancelled while it was unclear. */
static bool is_perhaps_made(pomex_sq *self, pomex_store_request *request,
                            const pomex_sq_job *job)
{
    pomex_sq_attempt attempt;
    return pomex_sq_attempt_find(self, request, job->id, job->attempt, &attempt) &&
           (attempt.stage < 0 || attempt.stage == POMEX_STORE_TASK);
}

/* Whether its video was made, and it was cancelled while that was being saved. */
static bool is_made(pomex_sq *self, const pomex_sq_job *job)
{
    return job->state == POMEX_STORE_CANCELLED && job->task &&
           pomex_sq_number(self, 0,
                           "SELECT count(*) FROM attempt WHERE job = ?1 AND task = ?2"
                           " AND stage = ?3",
                           "isi", job->id, job->task, (int64_t)POMEX_STORE_MADE);
}

/* Whether the person asks for another video or portrait than the job's. */
static bool is_reworded(pomex_sq *self, const pomex_store_person *person,
                        const pomex_sq_job *job)
{
    if (!person->line)
        return person->body != NULL;
    return pomex_sq_number(self, 0, "SELECT line <> ?2 FROM content WHERE job = ?1", "is",
                           job->id, person->line);
}

/* Asks for a job anew that is over, with another body if one is given. */
static void ask_anew(pomex_sq *self, const pomex_store_person *person, const pomex_sq_job *job)
{
    set_free(self, job, POMEX_STORE_READY);
    pomex_sq_run(self,
                 "UPDATE job SET task = NULL, error = NULL, saved = NULL, sha256 = NULL,"
                 " length = NULL WHERE id = ?1",
                 "i", job->id);
    pomex_sq_run(self,
                 "UPDATE content SET line = coalesce(?2, line), body = coalesce(?3, body)"
                 " WHERE job = ?1",
                 "iss", job->id, person->line, person->body);
}

void pomex_sq_retry(pomex_sq *self, pomex_store_request *request)
{
    const pomex_store_person *person = &request->person;
    pomex_sq_job job;
    if (!find(self, request, &job))
        return;
    bool over = job.state == POMEX_STORE_FAILED || job.state == POMEX_STORE_CANCELLED ||
                job.state == POMEX_STORE_EXPIRED;
    if (!over && !job.stuck) {
        refuse(request, &job, "is not failed, cancelled, expired or stuck");
        return;
    }
    bool reworded = is_reworded(self, person, &job);
    bool made = !reworded && is_made(self, &job);
    bool unclear = over && !made && is_perhaps_made(self, request, &job);
    if (reworded && (!over || unclear)) {
        refuse(request, &job,
               unclear ? "was perhaps made, and keeps its body"
                       : "is stuck, and keeps its body");
        return;
    }
    if (pomex_sq_number(self, 0, "SELECT line = '' FROM content WHERE job = ?1", "i", job.id)) {
        refuse(request, &job, "was forgotten");
        return;
    }
    /* What is stuck goes on where it was, and what is paid is saved. Only `resend` sends again what
     * was perhaps made. */
    if (over && !unclear && !made)
        ask_anew(self, person, &job);
    else
        set_free(self, &job,
                 made      ? POMEX_STORE_SAVING
                 : unclear ? POMEX_STORE_UNCLEAR
                           : job.state);
    said(self, request, &job, "retry", reworded ? "with another body" : NULL);
}

/* Whether the attempt's request is over for sure, or so old that a person may decide. A worker that
 * was buried may live: stopped, or cut off. Where its process holds its lock, it does. */
static bool is_over(pomex_sq *self, pomex_store_request *request, const pomex_sq_job *job,
                    const pomex_sq_attempt *attempt)
{
    if (!attempt->over && attempt->stage < 0 && pomex_sq_is_held(self, attempt->worker))
        return refuse(request, job, "may still be sent: its worker lives; end that first");
    /* In the same run of the machine the wall clock is not asked. */
    int64_t age = strcmp(attempt->boot, self->boot) == 0
                      ? pomex_sq_boottime() - attempt->begun_boot
                      : pomex_sq_wall() - attempt->begun;
    if (age < RESEND_MS && !request->person.now)
        return refuse(request, job, "was begun less than 15 minutes ago; look first");
    return true;
}

void pomex_sq_resend(pomex_sq *self, pomex_store_request *request)
{
    pomex_sq_job job;
    pomex_sq_attempt attempt;
    if (!find(self, request, &job))
        return;
    if (job.state != POMEX_STORE_UNCLEAR) {
        refuse(request, &job, "is not unclear");
        return;
    }
    if (pomex_sq_attempt_find(self, request, job.id, job.attempt, &attempt) &&
        !is_over(self, request, &job, &attempt))
        return;
    set_free(self, &job, POMEX_STORE_READY);
    pomex_sq_run(self, "UPDATE job SET task = NULL WHERE id = ?1", "i", job.id);
    said(self, request, &job, "resend", NULL);
}

/* The attempt that an id is said to be of: the one that is unclear, else one that a person says was
 * made, of which the store knows nothing. Nothing is written yet. False: it was refused. */
static bool find_adopting(pomex_sq *self, pomex_store_request *request, const pomex_sq_job *job,
                          pomex_sq_attempt *attempt)
{
    const pomex_store_person *person = &request->person;
    bool has = pomex_sq_attempt_find(self, request, job->id, job->attempt, attempt);
    bool cancelled = job->state == POMEX_STORE_CANCELLED;
    if (!person->task)
        return refuse(request, job, "is not unclear");
    if (has && (job->state == POMEX_STORE_UNCLEAR || (cancelled && attempt->stage < 0)))
        return true;
    if (!person->account || (job->state != POMEX_STORE_READY && !cancelled))
        return refuse(request, job, "is not unclear, ready or cancelled");
    if (cancelled && has &&
        (attempt->stage == POMEX_STORE_TASK || attempt->stage == POMEX_STORE_MADE))
        return refuse(request, job, "has an id already: retry goes on with it");
    int64_t account = pomex_sq_account(self, person->account, person->base_url,
                                       person->key_hash ? person->key_hash : "", 0);
    if (job->account != 0 && job->account != account)
        return refuse(request, job, "was begun with another base URL or account");
    int64_t cost = person->cost < POMEX_STORE_MOST_MONEY ? person->cost : -1;
    *attempt = (pomex_sq_attempt){.job = job->id,
                                  .number = job->attempt + 1,
                                  .queue = job->queue,
                                  .account = account,
                                  .cost = cost,
                                  .video = job->kind == POMEX_STORE_VIDEO};
    return true;
}

/* The attempt that nobody here began: it is of no worker. */
static void write_adopted(pomex_sq *self, const pomex_store_person *person,
                          const pomex_sq_job *job, const pomex_sq_attempt *attempt)
{
    int64_t now = pomex_sq_wall();
    pomex_sq_run(
        self,
        "INSERT INTO attempt (job, number, worker, fence, account, begun, boot, begun_boot,"
        " cost, held, counted, in_flight, video, stage)"
        " VALUES (?1, ?2, 0, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0, 0, ?9, ?10)",
        "iiiiisiiii", job->id, attempt->number, job->fence, attempt->account,
        person->made > 0 && person->made < now ? person->made : now, self->boot,
        pomex_sq_boottime(), attempt->cost, attempt->video, (int64_t)POMEX_STORE_TASK);
    pomex_sq_run(self, "UPDATE job SET attempt = ?2, account = ?3 WHERE id = ?1", "iii",
                 job->id, attempt->number, attempt->account);
}

void pomex_sq_adopt(pomex_sq *self, pomex_store_request *request)
{
    const char *task = request->person.task;
    pomex_sq_job job;
    pomex_sq_attempt attempt;
    if (!find(self, request, &job) || !find_adopting(self, request, &job, &attempt))
        return;
    bool is_new = attempt.number > job.attempt;
    int64_t holder =
        pomex_sq_number(self, 0, "SELECT job FROM task WHERE account = ?1 AND id = ?2", "is",
                        attempt.account, task);
    if (holder != 0 && (holder != job.id || is_new)) {
        pomex_store_answer(request, POMEX_STORE_REFUSED, "the id %s belongs to %s", task,
                           holder == job.id ? "an earlier attempt of this job"
                                            : "another job of this store");
        return;
    }
    if (is_new)
        write_adopted(self, &request->person, &job, &attempt);
    if (holder == 0)
        pomex_sq_run(self, "INSERT INTO task VALUES (?1, ?2, ?3, ?4)", "isii", attempt.account,
                     task, job.id, attempt.number);
    pomex_sq_run(self,
                 "UPDATE attempt SET task = ?3, stage = ?4 WHERE job = ?1 AND number = ?2",
                 "iisi", job.id, attempt.number, task, (int64_t)POMEX_STORE_TASK);
    pomex_sq_attempt_hold(self, &attempt, attempt.cost > 0 ? attempt.cost : 0, attempt.video,
                          attempt.video);
    set_free(self, &job, POMEX_STORE_POLLING);
    pomex_sq_run(self, "UPDATE job SET task = ?2, error = NULL WHERE id = ?1", "is", job.id,
                 task);
    said(self, request, &job, "adopt", task);
}

void pomex_sq_resolve(pomex_sq *self, pomex_store_request *request)
{
    const pomex_store_person *person = &request->person;
    pomex_sq_job job;
    pomex_sq_attempt attempt;
    if (!find(self, request, &job))
        return;
    int64_t number = person->attempt ? person->attempt : job.attempt;
    if (!pomex_sq_attempt_find(self, request, job.id, number, &attempt)) {
        pomex_store_answer(request, POMEX_STORE_MISSING, "there is no such attempt");
        return;
    }
    if (job.state == POMEX_STORE_SENDING && number == job.attempt) {
        refuse(request, &job, "is being sent");
        return;
    }
    pomex_sq_attempt_hold(self, &attempt, person->not_billed ? 0 : attempt.held,
                          person->not_billed ? 0 : attempt.counted, attempt.in_flight);
    said(self, request, &job, "resolve", person->not_billed ? "not billed" : "billed");
}

void pomex_sq_cancel(pomex_sq *self, pomex_store_request *request)
{
    pomex_sq_job job;
    if (!find(self, request, &job))
        return;
    if (job.state == POMEX_STORE_CANCELLED) {
        pomex_store_answer(request, POMEX_STORE_KNOWN, NULL);
        return;
    }
    if (job.state != POMEX_STORE_READY && job.state != POMEX_STORE_POLLING &&
        job.state != POMEX_STORE_SAVING && job.state != POMEX_STORE_UNCLEAR) {
        refuse(request, &job, "is not ready, unclear, being made or being saved");
        return;
    }
    set_free(self, &job, POMEX_STORE_CANCELLED);
    said(self, request, &job, "cancel", NULL);
}

static bool is_over_state(int64_t state)
{
    return state >= POMEX_STORE_DONE && state <= POMEX_STORE_EXPIRED;
}

void pomex_sq_forget(pomex_sq *self, pomex_store_request *request)
{
    pomex_sq_job job;
    if (!find(self, request, &job))
        return;
    if (!is_over_state(job.state)) {
        refuse(request, &job, "is not done, failed, cancelled or expired");
        return;
    }
    int64_t needed = pomex_sq_number(self, 0,
                                     "SELECT count(*) FROM need n JOIN job j ON j.id = n.job"
                                     " WHERE n.queue = ?1 AND n.key = ?2"
                                     " AND j.state NOT BETWEEN ?3 AND ?4",
                                     "isii", job.queue, job.key, (int64_t)POMEX_STORE_DONE,
                                     (int64_t)POMEX_STORE_EXPIRED);
    if (needed > 0) {
        refuse(request, &job, "is needed by jobs that are not over");
        return;
    }
    pomex_sq_run(self, "UPDATE content SET line = '', body = '' WHERE job = ?1", "i", job.id);
    pomex_sq_run(self, "UPDATE attempt SET body = NULL, error = NULL WHERE job = ?1", "i",
                 job.id);
    pomex_sq_run(self, "UPDATE event SET text = NULL WHERE job = ?1", "i", job.id);
    pomex_sq_run(self, "DELETE FROM need WHERE job = ?1", "i", job.id);
    pomex_sq_run(self,
                 "UPDATE job SET key = '(forgotten ' || id || ')', save = NULL, saved = NULL,"
                 " length = NULL, sha256 = NULL, error = NULL, note = NULL WHERE id = ?1",
                 "i", job.id);
    said(self, request, &job, "forget", NULL);
}

/* ------------------------------------------------------------------------------ of a queue */

void pomex_sq_queue(pomex_sq *self, pomex_store_request *request)
{
    const pomex_store_queue *queue = &request->queue;
    int64_t made = pomex_sq_run(
        self, "INSERT INTO queue (name) VALUES (?1) ON CONFLICT DO NOTHING", "s", queue->queue);
    int64_t set = 0;
    if (queue->videos_cap >= 0 || queue->money_cap >= 0)
        set = pomex_sq_run(self,
                           "UPDATE queue SET capped = 1, videos_cap = ?2, money_cap = ?3"
                           " WHERE name = ?1 AND capped = 0",
                           "sii", queue->queue, queue->videos_cap, queue->money_cap);
    pomex_store_answer(request, made > 0 || set > 0 ? POMEX_STORE_YES : POMEX_STORE_KNOWN,
                       NULL);
}

void pomex_sq_cap(pomex_sq *self, pomex_store_request *request)
{
    const pomex_store_queue *queue = &request->queue;
    int64_t id = pomex_sq_queue_find(self, request, queue->queue);
    if (id == 0)
        return;
    pomex_sq_run(self,
                 "UPDATE queue SET capped = 1, videos_cap = ?2, money_cap = ?3 WHERE id = ?1",
                 "iii", id, queue->videos_cap, queue->money_cap);
    pomex_sq_event(self, id, 0, "cap", queue->by, queue->text);
    pomex_store_answer(request, POMEX_STORE_YES, NULL);
}

void pomex_sq_pause(pomex_sq *self, pomex_store_request *request)
{
    const pomex_store_queue *queue = &request->queue;
    int64_t id = pomex_sq_queue_find(self, request, queue->queue);
    if (id == 0)
        return;
    pomex_sq_run(self,
                 "UPDATE queue SET paused = ?2, why = ?3, failure = NULL, failures = 0"
                 " WHERE id = ?1",
                 "iis", id, (int64_t)(queue->paused != 0), queue->paused ? queue->text : NULL);
    pomex_sq_event(self, id, 0, queue->paused ? "pause" : "go on", queue->by, queue->text);
    pomex_store_answer(request, POMEX_STORE_YES, NULL);
}

void pomex_sq_continue(pomex_sq *self, pomex_store_request *request)
{
    bool was = pomex_sq_is_foreign(self);
    pomex_sq_take_lineage(self);
    if (was)
        pomex_sq_event(self, 0, 0, "continue", request->go_on.by, NULL);
    pomex_store_answer(request, was ? POMEX_STORE_YES : POMEX_STORE_KNOWN, NULL);
}
