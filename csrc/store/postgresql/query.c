/* What only reads: one job, a part of a list, counters, events, workers. */
#include "store/postgresql/pq.h"

#include <string.h>

enum { ATTEMPT = 23 }; /* the first column of an attempt in pomex.shown_with_attempts */

static int64_t bounded(int64_t limit)
{
    return limit > 0 && limit < POMEX_STORE_ROWS ? limit : POMEX_STORE_ROWS;
}

/* A number that is an index into so many; what a database says is not trusted with an address. */
static size_t read_index(const PGresult *result, int row, int column, int64_t count)
{
    int64_t number = pomex_pq_number(result, row, column);
    return number >= 0 && number < count ? (size_t)number : 0;
}

/* A row of pomex.shown. */
static void read_job(pomex_store_request *request, const PGresult *result, int row,
                     pomex_store_job *job)
{
    const char **const texts[] = {&job->key,      &job->save,   &job->body,  &job->task,
                                  &job->saved,    &job->sha256, &job->error, &job->note,
                                  &job->base_url, &job->account};
    job->id = pomex_pq_number(result, row, 2);
    job->kind = (enum pomex_store_kind)pomex_pq_number(result, row, 3);
    job->state = (enum pomex_store_state)pomex_pq_number(result, row, 4);
    job->fence = pomex_pq_number(result, row, 5);
    job->worker = pomex_pq_number(result, row, 6);
    job->attempt = pomex_pq_number(result, row, 7);
    job->due = pomex_pq_number(result, row, 8);
    job->blocked = (int)pomex_pq_number(result, row, 9);
    job->stuck = (int)pomex_pq_number(result, row, 10);
    job->length = pomex_pq_number(result, row, 11);
    for (int i = 0; i < (int)(sizeof texts / sizeof *texts); i++)
        *texts[i] = pomex_pq_text(request, result, row, 12 + i);
}

const pomex_store_job *pomex_pq_read_jobs(pomex_store_request *request, const PGresult *result,
                                          size_t *count)
{
    int rows = PQntuples(result);
    pomex_store_job *jobs = pomex_store_memory(request, ((size_t)rows + 1) * sizeof *jobs);
    *count = 0;
    for (int i = 0; jobs && i < rows; i++)
        read_job(request, result, i, &jobs[(*count)++]);
    return jobs;
}

void pomex_pq_write_get(pomex_pq *self, pomex_pq_message *message,
                        const pomex_store_request *request)
{
    (void)self;
    pomex_pq_call(message, "get", "sss", request->get.queue, request->get.key,
                  request->get.task);
}

static void read_attempt(pomex_store_request *request, const PGresult *result, int row,
                         pomex_store_attempt *attempt)
{
    static const char *const stages[] = {"out",  "never_left", "late", "turned_away",
                                         "task", "ended",      "made"};
    *attempt = (pomex_store_attempt){
        .number = pomex_pq_number(result, row, ATTEMPT),
        .worker = pomex_pq_number(result, row, ATTEMPT + 1),
        .begun = pomex_pq_number(result, row, ATTEMPT + 2),
        .body = pomex_pq_text(request, result, row, ATTEMPT + 3),
        .model = pomex_pq_text(request, result, row, ATTEMPT + 4),
        .version = pomex_pq_text(request, result, row, ATTEMPT + 5),
        .cost = pomex_pq_number(result, row, ATTEMPT + 6),
        .held = pomex_pq_number(result, row, ATTEMPT + 7),
        .task = pomex_pq_text(request, result, row, ATTEMPT + 8),
        .error = pomex_pq_text(request, result, row, ATTEMPT + 9),
        .stage = stages[read_index(result, row, ATTEMPT + 10, 7)],
        .counted = (int)pomex_pq_number(result, row, ATTEMPT + 11),
    };
}

void pomex_pq_read_get(pomex_pq *self, pomex_store_request *request, const PGresult *result)
{
    pomex_store_get *get = &request->get;
    int rows = PQntuples(result);
    (void)self;
    if (request->answer != POMEX_STORE_YES)
        return;
    pomex_store_attempt *attempts =
        pomex_store_memory(request, ((size_t)rows + 1) * sizeof *attempts);
    if (!attempts)
        return;
    read_job(request, result, 0, &get->job);
    get->attempts = attempts;
    get->attempt_count = 0;
    for (int i = 0; i < rows; i++) {
        if (!PQgetisnull(result, i, ATTEMPT))
            read_attempt(request, result, i, &attempts[get->attempt_count++]);
    }
}

void pomex_pq_write_list(pomex_pq *self, pomex_pq_message *message,
                         const pomex_store_request *request)
{
    const pomex_store_list *list = &request->list;
    unsigned visible = (1u << POMEX_STORE_STATES) - 2; /* not those that come in */
    unsigned states = list->states ? list->states & visible : visible;
    (void)self;
    pomex_pq_call(message, "list", "sifii", list->queue, (int64_t)states, list->stuck,
                  list->after, bounded(list->limit));
}

void pomex_pq_read_list(pomex_pq *self, pomex_store_request *request, const PGresult *result)
{
    (void)self;
    if (request->answer == POMEX_STORE_YES)
        request->list.jobs = pomex_pq_read_jobs(request, result, &request->list.job_count);
}

void pomex_pq_write_counts(pomex_pq *self, pomex_pq_message *message,
                           const pomex_store_request *request)
{
    const pomex_store_counts *counts = &request->counts;
    (void)self;
    pomex_pq_call(message, "counts", "sss", counts->queue, counts->base_url, counts->account);
}

/* How many there are of one state and mark, see pomex.tally. */
static void count_some(pomex_store_counts *counts, const PGresult *result, int row)
{
    int64_t n = pomex_pq_number(result, row, 15);
    size_t state = read_index(result, row, 13, POMEX_STORE_STATES);
    int64_t mark = pomex_pq_number(result, row, 14);
    if (pomex_pq_number(result, row, 12) == 1) {
        counts->foreign += pomex_store_is_given_up((int)state) ? 0 : n;
        return;
    }
    counts->states[state] += n;
    counts->blocked += mark == 1 ? n : 0;
    counts->stuck += mark == 2 ? n : 0;
    counts->stuck_saving += mark == 2 && state == POMEX_STORE_SAVING ? n : 0;
}

void pomex_pq_read_counts(pomex_pq *self, pomex_store_request *request, const PGresult *result)
{
    pomex_store_counts *counts = &request->counts;
    (void)self;
    if (request->answer != POMEX_STORE_YES)
        return;
    memset(counts->states, 0, sizeof counts->states);
    counts->blocked = counts->stuck = counts->stuck_saving = counts->foreign = 0;
    counts->videos = pomex_pq_number(result, 0, 2);
    counts->videos_cap = pomex_pq_number(result, 0, 3);
    counts->money = pomex_pq_number(result, 0, 4);
    counts->money_cap = pomex_pq_number(result, 0, 5);
    counts->paused = (int)pomex_pq_number(result, 0, 6);
    counts->why = pomex_pq_text(request, result, 0, 7);
    counts->tasks = pomex_pq_number(result, 0, 8);
    counts->gate_until = pomex_pq_number(result, 0, 9);
    counts->must_continue = (int)pomex_pq_number(result, 0, 10);
    counts->newest_event = pomex_pq_number(result, 0, 11);
    counts->lasting = 1;
    for (int i = 0; i < PQntuples(result); i++)
        count_some(counts, result, i);
}

void pomex_pq_write_events(pomex_pq *self, pomex_pq_message *message,
                           const pomex_store_request *request)
{
    const pomex_store_events *list = &request->events;
    (void)self;
    pomex_pq_call(message, "events", "ssii", list->queue, list->key, list->after,
                  bounded(list->limit));
}

void pomex_pq_read_events(pomex_pq *self, pomex_store_request *request, const PGresult *result)
{
    pomex_store_events *list = &request->events;
    int rows = PQntuples(result);
    (void)self;
    pomex_store_event *events =
        pomex_store_memory(request, ((size_t)rows + 1) * sizeof *events);
    for (int i = 0; events && i < rows; i++)
        events[i] = (pomex_store_event){
            .id = pomex_pq_number(result, i, 2),
            .at = pomex_pq_number(result, i, 3),
            .job = pomex_pq_number(result, i, 4),
            .key = pomex_pq_text(request, result, i, 5),
            .name = pomex_pq_text(request, result, i, 6),
            .by = pomex_pq_text(request, result, i, 7),
            .text = pomex_pq_text(request, result, i, 8),
            .age = pomex_pq_number(result, i, 9),
        };
    list->events = events;
    list->event_count = events ? (size_t)rows : 0;
}

void pomex_pq_write_workers(pomex_pq *self, pomex_pq_message *message,
                            const pomex_store_request *request)
{
    (void)self;
    (void)request;
    pomex_pq_call(message, "workers", "");
}

/* Only who said so is known to be dead without watching: most are on other machines. */
void pomex_pq_read_workers(pomex_pq *self, pomex_store_request *request, const PGresult *result)
{
    pomex_store_workers *list = &request->workers;
    int rows = PQntuples(result);
    (void)self;
    pomex_store_worker *workers =
        pomex_store_memory(request, ((size_t)rows + 1) * sizeof *workers);
    for (int i = 0; workers && i < rows; i++)
        workers[i] = (pomex_store_worker){.id = pomex_pq_number(result, i, 2),
                                          .beat = pomex_pq_number(result, i, 3),
                                          .dead = pomex_pq_number(result, i, 3) ==
                                                  POMEX_STORE_LAST_BEAT};
    list->workers = workers;
    list->worker_count = workers ? (size_t)rows : 0;
}

void pomex_pq_write_backup(pomex_pq *self, pomex_pq_message *message,
                           const pomex_store_request *request)
{
    (void)self;
    (void)request;
    pomex_pq_add(message, "SELECT 6, 'a database is backed up by its own means: pg_dump, or"
                          " pg_basebackup with an archive of its log';");
}
