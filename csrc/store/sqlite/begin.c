/* `begin`: the record that is written before a byte of a request leaves. All that is asked is asked
 * here, by statements that change a sum only if it stays within its limit. */
#include "store/sqlite/place.h"
#include "store/sqlite/row.h"

/* When a limit that passes by itself is asked about again: milliseconds. */
enum { AGAIN_TASKS = 1000, AGAIN_PROBE = 1000, AGAIN_ROOM = 30000 };

static void later(pomex_store_request *request, enum pomex_store_reason reason, int64_t after,
                  const char *why)
{
    request->begin.reason = reason;
    request->begin.not_before = after == POMEX_STORE_NEVER ? after : pomex_sq_wall() + after;
    if (why)
        pomex_store_answer(request, POMEX_STORE_LATER, "%s", why);
    else
        pomex_store_answer(request, POMEX_STORE_LATER, NULL);
}

/* An attempt of that number is there: the answer that was given, if it is still true. */
static void answer_again(pomex_store_request *request, const pomex_sq_job *job,
                         const pomex_sq_attempt *attempt)
{
    const pomex_store_begin *begin = &request->begin;
    bool same = attempt->worker == begin->worker && attempt->fence == begin->fence &&
                attempt->stage < 0 && job->state == POMEX_STORE_SENDING &&
                job->attempt == attempt->number;
    pomex_store_answer(request, same ? POMEX_STORE_KNOWN : POMEX_STORE_STALE, NULL);
}

/* What stands against it and does not change by this transaction. */
static bool may_begin(pomex_sq *self, pomex_store_request *request, const pomex_sq_job *job)
{
    if (pomex_sq_is_foreign(self))
        later(
            request, POMEX_STORE_REASON_CONTINUE, POMEX_STORE_NEVER,
            "this store was moved, copied or put back from a copy, and may be older than what "
            "the account made; look first, and then continue");
    else if (job->blocked > 0)
        later(request, POMEX_STORE_REASON_BLOCKED, POMEX_STORE_NEVER,
              "a portrait that it needs is not active");
    else if (request->begin.reason == POMEX_STORE_REASON_EXISTS)
        later(request, POMEX_STORE_REASON_EXISTS, POMEX_STORE_NEVER,
              "there is a file at its name");
    else if (request->begin.reason == POMEX_STORE_REASON_ROOM)
        later(request, POMEX_STORE_REASON_ROOM, AGAIN_ROOM,
              request->begin.lacking ? request->begin.lacking : "too little room on a disk");
    else
        return true;
    return false;
}

/* Counts it against the queue's caps. */
static bool take_money(pomex_sq *self, pomex_store_request *request, const pomex_sq_job *job,
                       int64_t video)
{
    int64_t cost = request->begin.cost;
    int64_t taken = pomex_sq_run(
        self,
        "UPDATE queue SET videos = videos + ?2, money = money + max(?3, 0)"
        " WHERE id = ?1 AND paused = 0 AND (videos_cap < 0 OR videos + ?2 <= videos_cap)"
        " AND (money_cap < 0 OR (?3 >= 0 AND money + ?3 <= money_cap))",
        "iii", job->queue, video, cost);
    if (taken != 0)
        return taken > 0;
    int64_t paused =
        pomex_sq_number(self, 0, "SELECT paused FROM queue WHERE id = ?1", "i", job->queue);
    int64_t capped = pomex_sq_number(self, 0, "SELECT money_cap >= 0 FROM queue WHERE id = ?1",
                                     "i", job->queue);
    if (paused)
        later(request, POMEX_STORE_REASON_PAUSED, POMEX_STORE_NEVER, "the queue is paused");
    else if (capped && cost < 0)
        later(request, POMEX_STORE_REASON_UNPRICED, POMEX_STORE_NEVER,
              "the queue's money is capped, and nobody knows what this can cost");
    else
        later(request, POMEX_STORE_REASON_CAP, POMEX_STORE_NEVER, "the queue's cap is reached");
    return false;
}

/* A gate that is shut: what the service refused its last request with. Until when is for the asker
 * to say. */
static void meet_gate(pomex_sq *self, pomex_store_request *request, int64_t account,
                      int64_t gate, int64_t now)
{
    const char *why = NULL;
    sqlite3_stmt *row =
        pomex_sq_bind(self, "SELECT gate_why FROM account WHERE id = ?1", "i", account);
    if (pomex_sq_step(self, row) == POMEX_SQ_ROW) {
        why = pomex_sq_text(request, row, 0);
        sqlite3_reset(row);
    }
    /* A probe opens the gate early. */
    later(request, POMEX_STORE_REASON_GATE, AGAIN_PROBE, NULL);
    request->why = why;
    if (gate > now + POMEX_SQ_PROBE_MS || gate < request->begin.not_before)
        request->begin.not_before = gate;
}

/* Counts it among the account's tasks in flight. The first that passes a gate which was shut is the
 * probe: it shuts the gate again, for those behind it to see what becomes of it. */
static bool take_task(pomex_sq *self, pomex_store_request *request, int64_t account,
                      int64_t video, int64_t now)
{
    int64_t taken = pomex_sq_run(
        self,
        "UPDATE account SET tasks = tasks + ?2,"
        " gate_until = CASE WHEN gate_until > 0 THEN ?3 + ?5 ELSE 0 END"
        " WHERE id = ?1 AND (?2 = 0 OR tasks < max_tasks)"
        " AND (gate_until <= ?3 OR gate_until BETWEEN ?4 AND 9000000000000000)",
        "iiiii", account, video, now, now + POMEX_STORE_LONGEST_DUE_MS + 1, POMEX_SQ_PROBE_MS);
    if (taken != 0)
        return taken > 0;
    int64_t gate =
        pomex_sq_number(self, 0, "SELECT gate_until FROM account WHERE id = ?1", "i", account);
    if (gate <= now || (gate > now + POMEX_STORE_LONGEST_DUE_MS && gate != POMEX_STORE_NEVER)) {
        later(request, POMEX_STORE_REASON_TASKS, AGAIN_TASKS,
              "as many tasks as the account may have are in flight");
    } else {
        meet_gate(self, request, account, gate, now);
    }
    return false;
}

static void write_attempt(pomex_sq *self, pomex_store_request *request, int64_t account,
                          int64_t video, int64_t now)
{
    const pomex_store_begin *begin = &request->begin;
    int64_t held = begin->cost > 0 ? begin->cost : 0;
    pomex_sq_run(
        self,
        "INSERT INTO attempt (job, number, worker, fence, account, begun, boot,"
        " begun_boot, body, model, version, cost, held, counted, in_flight, video, stage)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?14, ?14,"
        " -1)",
        "iiiiiisisssiii", begin->job, begin->attempt, begin->worker, begin->fence, account, now,
        self->boot, pomex_sq_boottime(), begin->body, begin->model, begin->version, begin->cost,
        held, video);
    pomex_sq_run(self,
                 "UPDATE job SET state = ?2, attempt = ?3, account = ?4, error = NULL"
                 " WHERE id = ?1",
                 "iiii", begin->job, (int64_t)POMEX_STORE_SENDING, begin->attempt, account);
}

void pomex_sq_begin(pomex_sq *self, pomex_store_request *request)
{
    const pomex_store_begin *begin = &request->begin;
    int64_t account, now = pomex_sq_wall();
    pomex_sq_job job;
    pomex_sq_attempt attempt;
    if (!pomex_sq_worker_lives(self, request, begin->worker, &account) ||
        !pomex_sq_job_by_id(self, request, begin->job, &job))
        return;
    if (pomex_sq_attempt_find(self, request, begin->job, begin->attempt, &attempt)) {
        answer_again(request, &job, &attempt);
        return;
    }
    int64_t video = job.kind == POMEX_STORE_VIDEO;
    if (job.fence != begin->fence || job.worker != begin->worker ||
        job.state != POMEX_STORE_READY || begin->attempt != job.attempt + 1)
        pomex_store_answer(request, POMEX_STORE_STALE, NULL);
    else if (begin->cost > POMEX_STORE_MOST_MONEY)
        pomex_store_answer(request, POMEX_STORE_REFUSED, "no attempt costs so much");
    else if (job.account != 0 && job.account != account)
        pomex_store_answer(request, POMEX_STORE_REFUSED,
                           "\"%s\" was begun with another base URL or account", job.key);
    else if (may_begin(self, request, &job) && take_money(self, request, &job, video) &&
             take_task(self, request, account, video, now)) {
        write_attempt(self, request, account, video, now);
        pomex_sq_event(self, job.queue, job.id, "begun", NULL, NULL);
        pomex_store_answer(request, POMEX_STORE_YES, NULL);
    }
}
