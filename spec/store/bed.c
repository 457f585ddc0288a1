#include "bed.h"

#include "server.h"
#include "store/backend.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const pomex_store_backend *backend(void)
{
    static const pomex_store_backend *const all[] = {&pomex_store_sqlite,
#ifdef POMEX_WITH_POSTGRESQL
                                                     &pomex_store_postgresql
#endif
    };
    const char *name = getenv("POMEX_STORE_BACKEND");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (!name || strcmp(name, all[i]->name) == 0)
            return all[i];
    }
    fail_msg("there is no back end %s", name);
    return NULL;
}

bool bed_is_file(void)
{
    return backend() == &pomex_store_sqlite;
}

void bed_fresh(store_bed *bed)
{
    bed->stores++;
    if (bed_is_file())
        snprintf(bed->path, sizeof bed->path, "%s/jobs%.0d.db", bed->folder, bed->stores - 1);
#ifdef POMEX_WITH_POSTGRESQL
    else
        server_fresh(bed->path, sizeof bed->path);
#endif
}

store_bed *bed_new(void)
{
    store_bed *bed = calloc(1, sizeof *bed);
    const char *folder = getenv("TMPDIR");
    assert_non_null(bed);
    snprintf(bed->folder, sizeof bed->folder, "%.32s/store-XXXXXX", folder ? folder : "/tmp");
    assert_non_null(mkdtemp(bed->folder));
    bed_fresh(bed);
    return bed;
}

void bed_open(store_bed *bed, bool quick)
{
    bed_open_beating(bed, quick ? 0.05 : 0, quick ? 0.3 : 0);
}

void bed_open_beating(store_bed *bed, double beat, double still)
{
    char why[512] = "";
    pomex_store_options options = {
        .backend = backend(), .path = bed->path, .beat_seconds = beat, .still_seconds = still};
    bed->store = pomex_store_open(&options, why, sizeof why);
    if (!bed->store)
        fail_msg("%s", why);
}

void bed_close(store_bed *bed)
{
    if (bed->store)
        pomex_store_close(bed->store);
    bed->store = NULL;
    bed->worker = 0;
}

int bed_start(void **state)
{
    store_bed *bed = bed_new();
    bed_open(bed, false);
    bed_queue(bed);
    *state = bed;
    return 0;
}

int bed_stop(void **state)
{
    store_bed *bed = *state;
    char command[128];
    bed_close(bed);
    while (bed->count > 0)
        pomex_store_request_free(bed->kept[--bed->count]);
    snprintf(command, sizeof command, "rm -rf '%s'", bed->folder);
    if (system(command) != 0)
        return -1;
    free(bed);
    return 0;
}

pomex_store_request *bed_new_request(enum pomex_store_verb verb)
{
    pomex_store_request *request = pomex_store_request_new(verb);
    assert_non_null(request);
    return request;
}

void bed_submit(store_bed *bed, pomex_store_request *request)
{
    char why[256] = "";
    if (!pomex_store_submit(bed->store, request, why, sizeof why))
        fail_msg("%s", why);
}

pomex_store_request *bed_wait(store_bed *bed)
{
    pomex_store_request *request;
    while (!(request = pomex_store_take(bed->store))) {
        struct pollfd wait = {.fd = pomex_store_fd(bed->store), .events = POLLIN};
        if (poll(&wait, 1, 30000) <= 0)
            fail_msg("no answer within 30 s");
    }
    if (bed->count < sizeof bed->kept / sizeof *bed->kept)
        bed->kept[bed->count++] = request;
    else
        fail_msg("too many requests for one test");
    return request;
}

pomex_store_request *bed_ask(store_bed *bed, pomex_store_request *request)
{
    bed_submit(bed, request);
    pomex_store_request *answered = bed_wait(bed);
    assert_ptr_equal(answered, request);
    return answered;
}

static enum pomex_store_answer answer(store_bed *bed, pomex_store_request *request)
{
    return bed_ask(bed, request)->answer;
}

void bed_queue(store_bed *bed)
{
    pomex_store_request *request = bed_new_request(POMEX_STORE_QUEUE);
    request->queue = (pomex_store_queue){.queue = "q", .videos_cap = -1, .money_cap = -1};
    enum pomex_store_answer made = answer(bed, request);
    if (made != POMEX_STORE_YES && made != POMEX_STORE_KNOWN)
        fail_msg("no queue: %s", request->why);
}

void bed_cap(store_bed *bed, int64_t videos, int64_t money)
{
    pomex_store_request *request = bed_new_request(POMEX_STORE_CAP);
    request->queue =
        (pomex_store_queue){.queue = "q", .videos_cap = videos, .money_cap = money, .by = "me"};
    assert_int_equal(answer(bed, request), POMEX_STORE_YES);
}

int64_t bed_join(store_bed *bed)
{
    pomex_store_request *request = bed_new_request(POMEX_STORE_JOIN);
    request->join = (pomex_store_join){
        .base_url = "https://host/api", .account = "host", .key_hash = "hash"};
    if (answer(bed, request) != POMEX_STORE_YES)
        fail_msg("no worker: %s", request->why);
    return bed->worker = request->join.worker;
}

enum pomex_store_verdict bed_put_new(store_bed *bed, const pomex_store_new *job)
{
    pomex_store_request *request = bed_new_request(POMEX_STORE_PUT);
    request->put = (pomex_store_put){.queue = "q", .jobs = job, .job_count = 1};
    if (answer(bed, request) != POMEX_STORE_YES)
        fail_msg("not put: %d %s", request->answer, request->why);
    enum pomex_store_verdict verdict = (enum pomex_store_verdict)request->put.verdicts[0];
    assert_int_equal(request->put.counts[verdict], 1);
    return verdict;
}

enum pomex_store_verdict bed_put(store_bed *bed, const char *key, const char *body)
{
    pomex_store_new job = {.key = key, .line = body, .body = body};
    return bed_put_new(bed, &job);
}

size_t bed_claim(store_bed *bed, int64_t worker, int64_t count, pomex_store_job *job)
{
    pomex_store_request *request = bed_new_request(POMEX_STORE_CLAIM);
    request->claim = (pomex_store_claim){.worker = worker, .queue = "q", .count = count};
    if (answer(bed, request) != POMEX_STORE_YES)
        return 0;
    if (request->claim.job_count > 0)
        *job = request->claim.jobs[request->claim.job_count - 1];
    return request->claim.job_count;
}

const pomex_store_get *bed_get_all(store_bed *bed, const char *key)
{
    pomex_store_request *request = bed_new_request(POMEX_STORE_GET);
    request->get = (pomex_store_get){.queue = "q", .key = key};
    if (answer(bed, request) != POMEX_STORE_YES)
        fail_msg("no job %s: %s", key, request->why);
    return &request->get;
}

pomex_store_job bed_get(store_bed *bed, const char *key)
{
    return bed_get_all(bed, key)->job;
}

pomex_store_request *bed_begin(store_bed *bed, int64_t worker, const pomex_store_job *job,
                               int64_t attempt, int64_t cost)
{
    pomex_store_request *request = bed_new_request(POMEX_STORE_BEGIN);
    request->begin = (pomex_store_begin){.worker = worker,
                                         .job = job->id,
                                         .fence = job->fence,
                                         .attempt = attempt,
                                         .cost = cost,
                                         .body = "{\"sent\":1}",
                                         .model = "seedance",
                                         .version = "1"};
    return bed_ask(bed, request);
}

pomex_store_job bed_sending(store_bed *bed, const char *key, int64_t cost)
{
    pomex_store_job job;
    if (!bed->worker)
        bed_join(bed);
    assert_int_equal(bed_put(bed, key, "body"), POMEX_STORE_NEW);
    assert_int_equal(bed_claim(bed, bed->worker, 1, &job), 1);
    assert_string_equal(job.key, key);
    assert_int_equal(bed_begin(bed, bed->worker, &job, 1, cost)->answer, POMEX_STORE_YES);
    assert_int_equal(bed_get(bed, key).state, POMEX_STORE_SENDING);
    return job;
}

enum pomex_store_answer bed_fact(store_bed *bed, int64_t job, int64_t attempt,
                                 enum pomex_store_fact_kind kind, const char *task)
{
    pomex_store_request *request = bed_new_request(POMEX_STORE_FACT);
    request->fact = (pomex_store_fact){
        .job = job, .attempt = attempt, .kind = kind, .task = task, .cost = -1};
    return answer(bed, request);
}

enum pomex_store_answer bed_ended(store_bed *bed, int64_t job, int64_t attempt,
                                  enum pomex_store_state outcome, int64_t cost, int free)
{
    pomex_store_request *request = bed_new_request(POMEX_STORE_FACT);
    request->fact = (pomex_store_fact){.job = job,
                                       .attempt = attempt,
                                       .kind = POMEX_STORE_ENDED,
                                       .outcome = outcome,
                                       .failure = "unsafe",
                                       .cost = cost,
                                       .free = free};
    return answer(bed, request);
}

enum pomex_store_answer bed_move(store_bed *bed, int64_t worker, const pomex_store_job *job,
                                 enum pomex_store_state from, enum pomex_store_state to,
                                 const char *sha256)
{
    pomex_store_request *request = bed_new_request(POMEX_STORE_MOVE);
    request->move = (pomex_store_move){.worker = worker,
                                       .job = job->id,
                                       .fence = job->fence,
                                       .from = from,
                                       .to = to,
                                       .saved = sha256 ? "a.mp4" : NULL,
                                       .sha256 = sha256,
                                       .length = 7};
    return answer(bed, request);
}

enum pomex_store_answer bed_bury(store_bed *bed, int64_t worker)
{
    enum pomex_store_answer buried;
    /* One of this process beats by itself, and may do so between the look and the burial. */
    do {
        pomex_store_request *list = bed_ask(bed, bed_new_request(POMEX_STORE_WORKERS));
        pomex_store_request *request = bed_new_request(POMEX_STORE_BURY);
        request->bury.worker = worker;
        for (size_t i = 0; i < list->workers.worker_count; i++) {
            if (list->workers.workers[i].id == worker)
                request->bury.beat = list->workers.workers[i].beat;
        }
        buried = answer(bed, request);
    } while (buried == POMEX_STORE_STALE);
    /* And it finds out that it is buried, as it would by its next beat. */
    pomex_store_request *beat = bed_new_request(POMEX_STORE_BEAT);
    beat->beat.worker = worker;
    assert_int_equal(answer(bed, beat), POMEX_STORE_BURIED);
    return buried;
}

pomex_store_request *bed_person(store_bed *bed, enum pomex_store_verb verb, const char *key)
{
    (void)bed;
    pomex_store_request *request = bed_new_request(verb);
    request->person = (pomex_store_person){.queue = "q", .key = key, .by = "me"};
    return request;
}

void bed_copy(store_bed *bed, const char *name, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", bed->folder, name);
    pomex_store_request *backup = bed_new_request(POMEX_STORE_BACKUP);
    backup->backup.path = path;
    bed_ask(bed, backup);
    if (bed_is_file()) {
        assert_int_equal(backup->answer, POMEX_STORE_YES);
        return;
    }
    assert_int_equal(backup->answer, POMEX_STORE_REFUSED);
    assert_non_null(strstr(backup->why, "pg_dump"));
#ifdef POMEX_WITH_POSTGRESQL
    server_dump(path);
#endif
}

pomex_store_counts bed_counts(store_bed *bed)
{
    pomex_store_request *request = bed_new_request(POMEX_STORE_COUNTS);
    request->counts =
        (pomex_store_counts){.queue = "q", .base_url = "https://host/api", .account = "host"};
    if (answer(bed, request) != POMEX_STORE_YES)
        fail_msg("no counts: %s", request->why);
    return request->counts;
}

size_t bed_events(store_bed *bed, const char *name)
{
    size_t found = 0;
    int64_t after = 0;
    for (;;) {
        pomex_store_request *request = bed_new_request(POMEX_STORE_EVENTS);
        request->events = (pomex_store_events){.after = after};
        assert_int_equal(answer(bed, request), POMEX_STORE_YES);
        for (size_t i = 0; i < request->events.event_count; i++) {
            found += strcmp(request->events.events[i].name, name) == 0;
            after = request->events.events[i].id;
        }
        if (request->events.event_count < POMEX_STORE_ROWS)
            return found;
    }
}

void bed_event_text(store_bed *bed, const char *name, char *text, size_t size)
{
    pomex_store_request *request = bed_new_request(POMEX_STORE_EVENTS);
    assert_int_equal(answer(bed, request), POMEX_STORE_YES);
    text[0] = '\0';
    for (size_t i = 0; i < request->events.event_count; i++) {
        const pomex_store_event *event = &request->events.events[i];
        assert_in_range(event->age, 0, 600000);
        if (strcmp(event->name, name) == 0)
            snprintf(text, size, "%s", event->text ? event->text : "");
    }
}
