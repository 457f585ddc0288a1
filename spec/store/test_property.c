/* Random verbs from several processes on one store, each in a queue of its own and compared, answer
 * by answer and job by job, with the model. They share the file, its lock and the account. */
#include "bed.h"
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESSES = 3, STEPS = 2000, TASKS = 40 };

/* One process's. */
typedef struct random_walk {
    store_bed *bed;
    store_model model;
    unsigned seed;
    char queue[8];
    int step;
} random_walk;

static int chance(random_walk *walk, int below)
{
    return (int)((unsigned)rand_r(&walk->seed) % (unsigned)below);
}

static void differs(const random_walk *walk, const char *what, int64_t wanted, int64_t found)
{
    fprintf(stderr, "%s, step %d: %s is %lld, and shall be %lld\n", walk->queue, walk->step,
            what, (long long)found, (long long)wanted);
    _exit(1);
}

static void same(const random_walk *walk, const char *what, int64_t wanted, int64_t found)
{
    if (wanted != found)
        differs(walk, what, wanted, found);
}

static const char *key_of(int job)
{
    static const char *const keys[MODEL_JOBS] = {"a", "b", "c", "d", "e", "f",
                                                 "g", "h", "i", "j", "k", "l"};
    return keys[job];
}

static const char *task_of(const random_walk *walk, pomex_store_request *request, int task)
{
    char text[32];
    snprintf(text, sizeof text, "%s-%d", walk->queue, task);
    return pomex_store_copy(request, text);
}

static void ask(random_walk *walk, pomex_store_request *request)
{
    /* Not kept: there are too many. */
    bed_ask(walk->bed, request);
    walk->bed->count--;
}

static void check_job(random_walk *walk, int number)
{
    const model_job *job = &walk->model.jobs[number];
    pomex_store_request *request = bed_new_request(POMEX_STORE_GET);
    request->get = (pomex_store_get){.queue = walk->queue, .key = key_of(number)};
    ask(walk, request);
    same(walk, "whether a job is there", job->there, request->answer == POMEX_STORE_YES);
    if (job->there) {
        const pomex_store_job *read = &request->get.job;
        same(walk, "its state", job->state, read->state);
        same(walk, "its fence", job->fence, read->fence);
        same(walk, "its worker", job->worker, read->worker);
        same(walk, "its attempts", job->attempt_count, read->attempt);
        same(walk, "whether it is stuck", job->stuck, read->stuck);
        same(walk, "whether it has an id", job->task != 0, read->task != NULL);
        if (job->task)
            same(walk, "its id", 0, strcmp(task_of(walk, request, job->task), read->task));
        for (int i = 1; i <= job->attempt_count; i++)
            same(walk, "what an attempt holds", job->attempts[i].held,
                 request->get.attempts[i - 1].held);
    }
    pomex_store_request_free(request);
}

static void check_sums(random_walk *walk)
{
    int64_t states[POMEX_STORE_STATES] = {0};
    pomex_store_request *request = bed_new_request(POMEX_STORE_COUNTS);
    request->counts.queue = walk->queue;
    ask(walk, request);
    same(walk, "money", walk->model.money, request->counts.money);
    same(walk, "videos", walk->model.videos, request->counts.videos);
    for (int i = 0; i < MODEL_JOBS; i++)
        states[walk->model.jobs[i].state] += walk->model.jobs[i].there;
    for (int i = 0; i < POMEX_STORE_STATES; i++)
        same(walk, "how many are in a state", states[i], request->counts.states[i]);
    pomex_store_request_free(request);
}

/* ------------------------------------------------------------------------------ the verbs */

static void put(random_walk *walk, int job)
{
    static const char *const lines[] = {"one", "two"};
    int line = chance(walk, 8) == 0;
    pomex_store_new row = {.key = key_of(job), .line = lines[line], .body = lines[line]};
    pomex_store_request *request = bed_new_request(POMEX_STORE_PUT);
    request->put = (pomex_store_put){.queue = walk->queue, .jobs = &row, .job_count = 1};
    ask(walk, request);
    same(walk, "put", model_put(&walk->model, job, line), request->put.verdicts[0]);
    pomex_store_request_free(request);
}

static int job_of(const pomex_store_job *job)
{
    return job->key[0] - 'a';
}

static void claim(random_walk *walk)
{
    int64_t worker = walk->model.workers[chance(walk, MODEL_WORKERS)];
    int64_t wanted = 1 + chance(walk, 4), claimable = 0;
    for (int i = 0; i < MODEL_JOBS; i++)
        claimable += model_is_claimable(&walk->model.jobs[i]);
    pomex_store_request *request = bed_new_request(POMEX_STORE_CLAIM);
    request->claim =
        (pomex_store_claim){.worker = worker, .queue = walk->queue, .count = wanted};
    ask(walk, request);
    same(walk, "how many were claimed", wanted < claimable ? wanted : claimable,
         (int64_t)request->claim.job_count);
    for (size_t i = 0; i < request->claim.job_count; i++) {
        model_job *job = &walk->model.jobs[job_of(&request->claim.jobs[i])];
        same(walk, "whether it was to be claimed", true, model_is_claimable(job));
        model_claim(job, worker);
        job->id = request->claim.jobs[i].id;
        same(walk, "the fence of a claim", job->fence, request->claim.jobs[i].fence);
    }
    pomex_store_request_free(request);
}

static int64_t holder_or_other(random_walk *walk, const model_job *job)
{
    return chance(walk, 6) && job->worker ? job->worker
                                          : walk->model.workers[chance(walk, MODEL_WORKERS)];
}

static int64_t fence_or_older(random_walk *walk, const model_job *job)
{
    return job->fence - (chance(walk, 8) == 0);
}

static void begin(random_walk *walk, int number)
{
    model_job *job = &walk->model.jobs[number];
    if (job->id == 0 || job->attempt_count >= MODEL_ATTEMPTS - 1)
        return;
    pomex_store_request *request = bed_new_request(POMEX_STORE_BEGIN);
    int attempt = job->attempt_count + (chance(walk, 6) ? 1 : chance(walk, 3));
    request->begin = (pomex_store_begin){.worker = holder_or_other(walk, job),
                                         .job = job->id,
                                         .fence = fence_or_older(walk, job),
                                         .attempt = attempt,
                                         .cost = chance(walk, 50)};
    ask(walk, request);
    const pomex_store_begin *asked = &request->begin;
    same(walk, "begin",
         model_begin(&walk->model, number, asked->worker, asked->fence, attempt, asked->cost),
         request->answer);
    pomex_store_request_free(request);
}

static void fact(random_walk *walk, int number)
{
    static const enum pomex_store_state ends[] = {POMEX_STORE_SAVING, POMEX_STORE_SAVING,
                                                  POMEX_STORE_FAILED, POMEX_STORE_CANCELLED,
                                                  POMEX_STORE_EXPIRED};
    const model_job *job = &walk->model.jobs[number];
    if (job->id == 0)
        return;
    int attempt = job->attempt_count - (chance(walk, 5) == 0);
    enum pomex_store_fact_kind kind = (enum pomex_store_fact_kind)chance(walk, 5);
    int task = 1 + chance(walk, TASKS) + walk->step / 100 * TASKS; /* seldom another job's */
    if (chance(walk, 3) && attempt >= 1 && job->attempts[attempt].task)
        task = job->attempts[attempt].task;
    bool says_task = kind == POMEX_STORE_TASK || (kind == POMEX_STORE_ENDED && chance(walk, 2));
    pomex_store_request *request = bed_new_request(POMEX_STORE_FACT);
    request->fact = (pomex_store_fact){.job = job->id,
                                       .attempt = attempt,
                                       .kind = kind,
                                       .task = says_task ? task_of(walk, request, task) : NULL,
                                       .outcome = ends[chance(walk, 5)],
                                       .cost = chance(walk, 3) ? -1 : chance(walk, 60),
                                       .free = chance(walk, 4) == 0};
    /* Ten of one kind in a row would pause the queue, which the model does not know. */
    request->fact.failure = walk->step % 2 ? "odd" : "even";
    ask(walk, request);
    const pomex_store_fact *asked = &request->fact;
    same(walk, "fact",
         model_fact(&walk->model, number, attempt, kind, says_task ? task : 0, asked->outcome,
                    asked->cost, asked->free),
         request->answer);
    pomex_store_request_free(request);
}

static void move(random_walk *walk, int number)
{
    const model_job *job = &walk->model.jobs[number];
    if (job->id == 0)
        return;
    bool sum = chance(walk, 2);
    enum pomex_store_state to = (enum pomex_store_state)(1 + chance(walk, 9));
    if (chance(walk, 3))
        to = job->state;
    if (chance(walk, 3) == 0 && job->state == POMEX_STORE_SAVING)
        to = POMEX_STORE_DONE;
    pomex_store_request *request = bed_new_request(POMEX_STORE_MOVE);
    request->move = (pomex_store_move){.worker = holder_or_other(walk, job),
                                       .job = job->id,
                                       .fence = fence_or_older(walk, job),
                                       .from = job->state,
                                       .to = to,
                                       .sha256 = sum ? "abc" : NULL,
                                       .saved = sum ? "x.mp4" : NULL};
    ask(walk, request);
    const pomex_store_move *asked = &request->move;
    same(walk, "move",
         model_move(&walk->model, number, asked->worker, asked->fence, asked->from, to, sum),
         request->answer);
    pomex_store_request_free(request);
}

static void release(random_walk *walk, int number)
{
    const model_job *job = &walk->model.jobs[number];
    int64_t worker = holder_or_other(walk, job), id = job->id;
    pomex_store_request *request = bed_new_request(POMEX_STORE_RELEASE);
    request->release =
        (pomex_store_release){.worker = worker, .jobs = &id, .job_count = id != 0};
    ask(walk, request);
    model_release(&walk->model, number, worker);
    pomex_store_request_free(request);
}

static void die(random_walk *walk)
{
    int64_t *worker = &walk->model.workers[chance(walk, MODEL_WORKERS)];
    int64_t joined = walk->bed->worker;
    same(walk, "bury", POMEX_STORE_YES, bed_bury(walk->bed, *worker));
    model_bury(&walk->model, *worker);
    *worker = bed_join(walk->bed);
    walk->bed->worker = joined;
}

static void person(random_walk *walk, int number)
{
    static const enum pomex_store_verb verbs[] = {POMEX_STORE_RETRY, POMEX_STORE_RESEND,
                                                  POMEX_STORE_ADOPT, POMEX_STORE_RESOLVE,
                                                  POMEX_STORE_CANCEL};
    enum pomex_store_verb verb = verbs[chance(walk, 5)];
    const model_job *job = &walk->model.jobs[number];
    int task = job->task && chance(walk, 2)
                   ? job->task
                   : 1 + chance(walk, TASKS) + walk->step / 100 * TASKS;
    pomex_store_request *request = bed_new_request(verb);
    request->person = (pomex_store_person){.queue = walk->queue,
                                           .key = key_of(number),
                                           .now = 1,
                                           .task = task_of(walk, request, task),
                                           .cost = 250,
                                           .not_billed = chance(walk, 2)};
    if (chance(walk, 2)) { /* of this account: also what the store has forgotten is adopted */
        request->person.base_url = "https://host/api";
        request->person.account = "host";
        request->person.key_hash = "hash";
    }
    int64_t cost = request->person.account ? request->person.cost : -1;
    ask(walk, request);
    enum pomex_store_answer wanted = job->there ? model_person(&walk->model, verb, number, task,
                                                               cost, request->person.not_billed)
                                                : POMEX_STORE_MISSING;
    same(walk, "a person's verb", wanted, request->answer);
    pomex_store_request_free(request);
}

static void cap(random_walk *walk)
{
    walk->model.videos_cap = chance(walk, 3) ? -1 : walk->model.videos + chance(walk, 4);
    walk->model.money_cap = chance(walk, 3) ? -1 : walk->model.money + chance(walk, 200);
    pomex_store_request *request = bed_new_request(POMEX_STORE_CAP);
    request->queue = (pomex_store_queue){.queue = walk->queue,
                                         .videos_cap = walk->model.videos_cap,
                                         .money_cap = walk->model.money_cap};
    ask(walk, request);
    same(walk, "cap", POMEX_STORE_YES, request->answer);
    pomex_store_request_free(request);
}

static void step(random_walk *walk)
{
    int job = chance(walk, MODEL_JOBS), what = chance(walk, 100);
    if (what < 12)
        put(walk, job);
    else if (what < 30)
        claim(walk);
    else if (what < 50)
        begin(walk, job);
    else if (what < 72)
        fact(walk, job);
    else if (what < 84)
        move(walk, job);
    else if (what < 88)
        release(walk, job);
    else if (what < 90)
        die(walk);
    else if (what < 98)
        person(walk, job);
    else
        cap(walk);
    check_job(walk, job);
    if (walk->step % 10 == 0)
        check_sums(walk);
}

static void run(random_walk *walk)
{
    bed_open(walk->bed, false);
    pomex_store_request *queue = bed_new_request(POMEX_STORE_QUEUE);
    queue->queue = (pomex_store_queue){.queue = walk->queue, .videos_cap = -1, .money_cap = -1};
    ask(walk, queue);
    pomex_store_request_free(queue);
    for (int i = 0; i < MODEL_WORKERS; i++) {
        pomex_store_request *join = bed_new_request(POMEX_STORE_JOIN);
        join->join = (pomex_store_join){.base_url = "https://host/api",
                                        .account = "host",
                                        .key_hash = "hash",
                                        .max_tasks = 1000000};
        ask(walk, join);
        walk->model.workers[i] = join->join.worker;
        pomex_store_request_free(join);
    }
    /* A step on a server costs ten times as much, and there it is walked twice. */
    int steps = bed_is_file() ? STEPS : STEPS / 4;
    for (walk->step = 0; walk->step < steps; walk->step++)
        step(walk);
    for (int i = 0; i < MODEL_JOBS; i++)
        check_job(walk, i);
    check_sums(walk);
    bed_close(walk->bed);
}

static int start(void **state)
{
    *state = bed_new();
    return 0;
}

static void the_store_is_the_model(void **state)
{
    store_bed *bed = *state;
    const char *given = getenv("POMEX_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : 1;
    pid_t children[PROCESSES];
    printf("POMEX_SEED=%u\n", seed);
    fflush(stdout);
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] != 0)
            continue;
        static random_walk walk;
        walk.bed = bed;
        walk.seed = seed * 100 + (unsigned)i;
        snprintf(walk.queue, sizeof walk.queue, "q%d", i);
        model_init(&walk.model);
        run(&walk);
        _exit(0);
    }
    int failed = 0;
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        waitpid(children[i], &status, 0);
        failed += status != 0;
    }
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_store_is_the_model, start, bed_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
