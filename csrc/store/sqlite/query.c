/* What only reads: one job, a part of a list, counters, events, workers. */
#include "store/sqlite/query.h"

#include "store/sqlite/place.h"
#include "store/sqlite/row.h"

#include <string.h>

#define JOB                                                                                    \
    "SELECT j.id, j.kind, j.state, j.fence, j.worker, j.attempt, j.due, j.blocked, j.stuck,"   \
    " j.length, j.key, j.save, c.body, j.task, j.saved, j.sha256, j.error, j.note,"            \
    " a.base_url, a.name FROM job j JOIN content c ON c.job = j.id"                            \
    " LEFT JOIN account a ON a.id = j.account "

static void fill_job(pomex_store_request *request, sqlite3_stmt *row, pomex_store_job *job)
{
    const char **const texts[] = {&job->key,      &job->save,   &job->body,  &job->task,
                                  &job->saved,    &job->sha256, &job->error, &job->note,
                                  &job->base_url, &job->account};
    job->id = sqlite3_column_int64(row, 0);
    job->kind = (enum pomex_store_kind)sqlite3_column_int(row, 1);
    job->state = (enum pomex_store_state)sqlite3_column_int(row, 2);
    job->fence = sqlite3_column_int64(row, 3);
    job->worker = sqlite3_column_int64(row, 4);
    job->attempt = sqlite3_column_int64(row, 5);
    job->due = sqlite3_column_int64(row, 6);
    job->blocked = sqlite3_column_int(row, 7);
    job->stuck = sqlite3_column_int(row, 8);
    job->length = sqlite3_column_int64(row, 9);
    for (int i = 0; i < (int)(sizeof texts / sizeof *texts); i++)
        *texts[i] = pomex_sq_text(request, row, 10 + i);
}

bool pomex_sq_read_job(pomex_sq *self, pomex_store_request *request, int64_t id,
                       pomex_store_job *job)
{
    sqlite3_stmt *row = pomex_sq_bind(self, JOB "WHERE j.id = ?1", "i", id);
    if (pomex_sq_step(self, row) != POMEX_SQ_ROW)
        return false;
    fill_job(request, row, job);
    sqlite3_reset(row);
    return true;
}

static bool read_attempts(pomex_sq *self, pomex_store_request *request)
{
    static const char *const stages[] = {"out",  "never_left", "late", "turned_away",
                                         "task", "ended",      "made"};
    pomex_store_get *get = &request->get;
    pomex_store_attempt *attempts =
        pomex_store_memory(request, ((size_t)get->job.attempt + 1) * sizeof *attempts);
    size_t count = 0;
    if (!attempts)
        return false;
    sqlite3_stmt *row = pomex_sq_bind(
        self,
        "SELECT number, worker, begun, body, model, version, cost, held, task, error, stage,"
        " counted"
        " FROM attempt WHERE job = ?1 ORDER BY number",
        "i", get->job.id);
    while (pomex_sq_step(self, row) == POMEX_SQ_ROW && count < (size_t)get->job.attempt) {
        attempts[count++] = (pomex_store_attempt){
            .number = sqlite3_column_int64(row, 0),
            .worker = sqlite3_column_int64(row, 1),
            .begun = sqlite3_column_int64(row, 2),
            .body = pomex_sq_text(request, row, 3),
            .model = pomex_sq_text(request, row, 4),
            .version = pomex_sq_text(request, row, 5),
            .cost = sqlite3_column_int64(row, 6),
            .held = sqlite3_column_int64(row, 7),
            .task = pomex_sq_text(request, row, 8),
            .error = pomex_sq_text(request, row, 9),
            .stage = stages[sqlite3_column_int(row, 10) + 1],
            .counted = sqlite3_column_int(row, 11),
        };
    }
    get->attempts = attempts;
    get->attempt_count = count;
    return true;
}

void pomex_sq_get(pomex_sq *self, pomex_store_request *request)
{
    const pomex_store_get *get = &request->get;
    pomex_sq_job job;
    if (!(get->key ? pomex_sq_job_by_key(self, request, get->queue, get->key, &job)
                   : pomex_sq_job_by_task(self, request, get->queue, get->task, &job)))
        return;
    if (!pomex_sq_read_job(self, request, job.id, &request->get.job) ||
        !read_attempts(self, request))
        pomex_sq_failed(self, NULL, SQLITE_NOMEM);
}

static int64_t bounded(int64_t limit)
{
    return limit > 0 && limit < POMEX_STORE_ROWS ? limit : POMEX_STORE_ROWS;
}

void pomex_sq_list(pomex_sq *self, pomex_store_request *request)
{
    /* Both in the order of an index: a part of a long list costs as much as a part of a short one. */
    static const char of_one[] = JOB "WHERE j.queue = ?1 AND j.id > ?2 AND j.state = ?3"
                                     " AND (?4 = 0 OR j.stuck) ORDER BY j.id LIMIT ?5";
    static const char of_several[] =
        JOB "WHERE +j.queue = ?1 AND j.id > ?2 AND (?3 >> j.state) & 1"
            " AND (?4 = 0 OR j.stuck) ORDER BY j.id LIMIT ?5";
    pomex_store_list *list = &request->list;
    int64_t queue = pomex_sq_queue_find(self, request, list->queue);
    int64_t limit = bounded(list->limit);
    unsigned visible = (1u << POMEX_STORE_STATES) - 2; /* not those that come in */
    pomex_store_job *jobs = pomex_store_memory(request, (size_t)limit * sizeof *jobs);
    if (queue == 0)
        return;
    if (!jobs) {
        pomex_sq_failed(self, NULL, SQLITE_NOMEM);
        return;
    }
    list->job_count = 0;
    unsigned states = list->states ? list->states & visible : visible;
    int64_t one = 0;
    while ((1u << one) < states)
        one++;
    bool several = 1u << one != states;
    sqlite3_stmt *row =
        pomex_sq_bind(self, several ? of_several : of_one, "iiiii", queue, list->after,
                      several ? (int64_t)states : one, (int64_t)(list->stuck != 0), limit);
    while (pomex_sq_step(self, row) == POMEX_SQ_ROW && list->job_count < (size_t)limit)
        fill_job(request, row, &jobs[list->job_count++]);
    list->jobs = jobs;
}

static void count_states(pomex_sq *self, pomex_store_counts *counts, int64_t queue,
                         int64_t account)
{
    sqlite3_stmt *row = pomex_sq_bind(
        self, "SELECT account, state, mark, n FROM tally WHERE queue = ?1", "i", queue);
    while (pomex_sq_step(self, row) == POMEX_SQ_ROW) {
        int64_t whose = sqlite3_column_int64(row, 0), n = sqlite3_column_int64(row, 3);
        int state = sqlite3_column_int(row, 1), mark = sqlite3_column_int(row, 2);
        if (account != 0 && whose != 0 && whose != account) {
            counts->foreign += pomex_store_is_given_up(state) ? 0 : n;
            continue;
        }
        counts->states[state] += n;
        counts->blocked += mark == 1 ? n : 0;
        counts->stuck += mark == 2 ? n : 0;
        counts->stuck_saving += mark == 2 && state == POMEX_STORE_SAVING ? n : 0;
    }
}

void pomex_sq_counts(pomex_sq *self, pomex_store_request *request)
{
    pomex_store_counts *counts = &request->counts;
    int64_t queue = pomex_sq_queue_find(self, request, counts->queue);
    if (queue == 0)
        return;
    int64_t account = counts->account ? pomex_sq_number(self, -1,
                                                        "SELECT id FROM account WHERE name = ?1"
                                                        " AND base_url = ?2",
                                                        "ss", counts->account, counts->base_url)
                                      : 0;
    memset(counts->states, 0, sizeof counts->states);
    counts->blocked = counts->stuck = counts->stuck_saving = counts->foreign = 0;
    count_states(self, counts, queue, account);
    sqlite3_stmt *row = pomex_sq_bind(
        self,
        "SELECT videos, videos_cap, money, money_cap, paused, why FROM queue WHERE id = ?1",
        "i", queue);
    if (pomex_sq_step(self, row) == POMEX_SQ_ROW) {
        counts->videos = sqlite3_column_int64(row, 0);
        counts->videos_cap = sqlite3_column_int64(row, 1);
        counts->money = sqlite3_column_int64(row, 2);
        counts->money_cap = sqlite3_column_int64(row, 3);
        counts->paused = sqlite3_column_int(row, 4);
        counts->why = pomex_sq_text(request, row, 5);
        sqlite3_reset(row);
    }
    counts->tasks =
        pomex_sq_number(self, 0, "SELECT tasks FROM account WHERE id = ?1", "i", account);
    counts->gate_until =
        pomex_sq_number(self, 0, "SELECT gate_until FROM account WHERE id = ?1", "i", account);
    counts->must_continue = pomex_sq_is_foreign(self);
    counts->newest_event =
        pomex_sq_number(self, 0, "SELECT at FROM event ORDER BY id DESC", "");
    /* What a person decides before continue is an event, too, and says nothing of when the store
     * last knew what the account made. Before continue nothing begins. */
    if (counts->must_continue)
        counts->newest_event = pomex_sq_number(self, counts->newest_event,
                                               "SELECT max(begun) FROM attempt WHERE worker > 0"
                                               " HAVING count(*) > 0",
                                               "");
    counts->lasting = self->lasting;
}

void pomex_sq_events(pomex_sq *self, pomex_store_request *request)
{
    pomex_store_events *list = &request->events;
    int64_t limit = bounded(list->limit);
    pomex_store_event *events = pomex_store_memory(request, (size_t)limit * sizeof *events);
    if (!events) {
        pomex_sq_failed(self, NULL, SQLITE_NOMEM);
        return;
    }
    int64_t now = pomex_sq_wall();
    list->event_count = 0;
    sqlite3_stmt *row =
        pomex_sq_bind(self,
                      "SELECT e.id, e.at, e.job, j.key, e.name, e.by, e.text FROM event e"
                      " LEFT JOIN job j ON j.id = e.job LEFT JOIN queue q ON q.id = e.queue"
                      " WHERE e.id > ?1 AND (?2 IS NULL OR q.name = ?2 OR e.queue = 0)"
                      " AND (?3 IS NULL OR j.key = ?3)"
                      " ORDER BY e.id LIMIT ?4",
                      "issi", list->after, list->queue, list->key, limit);
    while (pomex_sq_step(self, row) == POMEX_SQ_ROW && list->event_count < (size_t)limit) {
        events[list->event_count++] = (pomex_store_event){
            .id = sqlite3_column_int64(row, 0),
            .at = sqlite3_column_int64(row, 1),
            .age = now - sqlite3_column_int64(row, 1),
            .job = sqlite3_column_int64(row, 2),
            .key = pomex_sq_text(request, row, 3),
            .name = pomex_sq_text(request, row, 4),
            .by = pomex_sq_text(request, row, 5),
            .text = pomex_sq_text(request, row, 6),
        };
    }
    list->events = events;
}

void pomex_sq_workers(pomex_sq *self, pomex_store_request *request)
{
    pomex_store_workers *list = &request->workers;
    int64_t count =
        pomex_sq_number(self, 0, "SELECT count(*) FROM worker WHERE buried = 0", "");
    pomex_store_worker *workers =
        pomex_store_memory(request, ((size_t)count + 1) * sizeof *workers);
    if (!workers) {
        pomex_sq_failed(self, NULL, SQLITE_NOMEM);
        return;
    }
    list->worker_count = 0;
    sqlite3_stmt *row =
        pomex_sq_bind(self, "SELECT id, beat, boot FROM worker WHERE buried = 0", "");
    while (pomex_sq_step(self, row) == POMEX_SQ_ROW && list->worker_count < (size_t)count) {
        int64_t id = sqlite3_column_int64(row, 0), beat = sqlite3_column_int64(row, 1);
        workers[list->worker_count++] = (pomex_store_worker){
            .id = id,
            .beat = beat,
            .dead = beat == POMEX_STORE_LAST_BEAT ||
                    pomex_sq_is_dead(self, id, (const char *)sqlite3_column_text(row, 2)),
        };
    }
    list->workers = workers;
    self->others = list->worker_count > 0 ? (int64_t)list->worker_count - 1 : 0;
}
