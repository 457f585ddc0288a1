/* Workers are killed at any moment, again and again, while they send, are answered and save. The
 * ledger beside the store is the service: one line for each request that left. */
#include "bed.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS = 3, JOBS = 150, CAP = 120, KILLS = 40 };

/* One line, whole: O_APPEND writes of this size do not mix. */
static void note(const store_bed *bed, const char *file, const pomex_store_job *job,
                 int64_t attempt)
{
    char path[160], line[64];
    snprintf(path, sizeof path, "%s/%s", bed->folder, file);
    int length = snprintf(line, sizeof line, "%s %lld\n", job->key, (long long)attempt);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, line, (size_t)length) != length)
        _exit(1);
    close(fd);
}

/* A moment in which a kill may come. */
static void breathe(unsigned *seed)
{
    usleep((unsigned)rand_r(seed) % 4000);
}

static void save(store_bed *bed, pomex_store_job *job, unsigned *seed)
{
    bed_move(bed, bed->worker, job, POMEX_STORE_SAVING, POMEX_STORE_SAVING, "abc");
    breathe(seed);
    bed_move(bed, bed->worker, job, POMEX_STORE_SAVING, POMEX_STORE_DONE, NULL);
}

static void look(store_bed *bed, pomex_store_job *job, unsigned *seed)
{
    breathe(seed);
    bed_ended(bed, job->id, job->attempt, POMEX_STORE_SAVING, 10, 0);
    breathe(seed);
    save(bed, job, seed);
}

/* False: told to wait, by the cap. */
static bool send_it(store_bed *bed, pomex_store_job *job, unsigned *seed)
{
    char task[64];
    int64_t attempt = job->attempt + 1;
    enum pomex_store_answer begun = bed_begin(bed, bed->worker, job, attempt, 10)->answer;
    if (begun == POMEX_STORE_LATER)
        return false;
    if (begun != POMEX_STORE_YES)
        return true;
    note(bed, "ledger", job, attempt);
    breathe(seed);
    job->attempt = attempt;
    if (rand_r(seed) % 6 == 0) { /* the service turned it away, and made nothing */
        note(bed, "refused", job, attempt);
        bed_fact(bed, job->id, attempt, POMEX_STORE_TURNED_AWAY, NULL);
        return true;
    }
    snprintf(task, sizeof task, "%s-%lld", job->key, (long long)attempt);
    if (bed_fact(bed, job->id, attempt, POMEX_STORE_TASK, task) == POMEX_STORE_YES)
        note(bed, "ids", job, attempt);
    look(bed, job, seed);
    return true;
}

static void work(store_bed *bed, unsigned seed)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    bed_open(bed, true);
    for (;;) {
        pomex_store_job job;
        if (!bed->worker)
            bed_join(bed);
        if (bed_claim(bed, bed->worker, 1, &job) == 0)
            poll(NULL, 0, 5);
        else if (job.state == POMEX_STORE_READY && !send_it(bed, &job, &seed))
            poll(NULL, 0, 5);
        else if (job.state == POMEX_STORE_POLLING)
            look(bed, &job, &seed);
        else if (job.state == POMEX_STORE_SAVING)
            save(bed, &job, &seed);
        pomex_store_request *release = bed_new_request(POMEX_STORE_RELEASE);
        release->release =
            (pomex_store_release){.worker = bed->worker, .jobs = &job.id, .job_count = 1};
        bed_ask(bed, release);
        while (bed->count > 0)
            pomex_store_request_free(bed->kept[--bed->count]);
        if (pomex_store_beat_asked(bed->store) == 0)
            bed->worker = 0; /* buried: it begins anew under another name */
    }
}

static pid_t start_worker(store_bed *bed, unsigned seed)
{
    pid_t child = fork();
    if (child == 0)
        work(bed, seed);
    return child;
}

static int start(void **state)
{
    store_bed *bed = bed_new();
    pid_t child = fork(); /* this program forks later, and so opens no store before */
    if (child == 0) {
        bed_open(bed, false);
        bed_queue(bed);
        bed_cap(bed, CAP, CAP * 10);
        for (int i = 0; i < JOBS; i++) {
            char key[16];
            snprintf(key, sizeof key, "k%d", i);
            bed_put(bed, key, "body");
        }
        bed_close(bed);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    *state = bed;
    return status;
}

/* How often each job stands in a file; `once`: no line may be there twice. */
static int read_lines(const store_bed *bed, const char *file, int *count, bool once)
{
    static char seen[JOBS][64];
    char path[160];
    int job, attempt, lines = 0;
    memset(seen, 0, sizeof seen);
    memset(count, 0, JOBS * sizeof *count);
    snprintf(path, sizeof path, "%s/%s", bed->folder, file);
    FILE *in = fopen(path, "re");
    while (in && fscanf(in, " k%d %d", &job, &attempt) == 2) {
        assert_true(job < JOBS && attempt < 64);
        if (once && seen[job][attempt]++)
            fail_msg("k%d was sent twice by attempt %d", job, attempt);
        count[job]++;
        lines++;
    }
    if (in)
        fclose(in);
    return lines;
}

static void check_all(store_bed *bed)
{
    int sent[JOBS], refused[JOBS], ids[JOBS], states[POMEX_STORE_STATES] = {0};
    int64_t held = 0;
    int lines = read_lines(bed, "ledger", sent, true);
    read_lines(bed, "refused", refused, false);
    read_lines(bed, "ids", ids, true);
    for (int i = 0; i < JOBS; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        const pomex_store_get *get = bed_get_all(bed, key);
        states[get->job.state]++;
        /* Nobody said resend: what may have been made was asked for once. */
        if (sent[i] - refused[i] > 1)
            fail_msg("%s was made twice", key);
        if (sent[i] > get->job.attempt)
            fail_msg("%s was sent without a begin", key);
        if (ids[i] > 0 && get->job.task == NULL)
            fail_msg("the id of %s is lost", key);
        for (size_t k = 0; k < get->attempt_count; k++)
            held += get->attempts[k].held;
    }
    pomex_store_counts counts = bed_counts(bed);
    assert_int_equal(counts.money, held);
    assert_true(counts.videos <= CAP);
    assert_int_equal(counts.tasks, 0);
    assert_int_equal(counts.states[POMEX_STORE_SENDING], 0);
    assert_int_equal(states[POMEX_STORE_DONE] + states[POMEX_STORE_UNCLEAR] +
                         states[POMEX_STORE_SAVING],
                     CAP);
    printf("sent %d; done %d, unclear %d, never begun %d\n", lines, states[POMEX_STORE_DONE],
           states[POMEX_STORE_UNCLEAR], states[POMEX_STORE_READY]);
}

static void killed_workers_send_nothing_twice_and_lose_nothing(void **state)
{
    store_bed *bed = *state;
    const char *given = getenv("POMEX_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : 1;
    pid_t workers[WORKERS];
    printf("POMEX_SEED=%u\n", seed);
    fflush(stdout);
    for (int i = 0; i < WORKERS; i++)
        workers[i] = start_worker(bed, seed + (unsigned)i);
    for (int i = 0; i < KILLS; i++) {
        int which = (int)((unsigned)rand_r(&seed) % WORKERS), status;
        poll(NULL, 0, 20 + rand_r(&seed) % 60);
        kill(workers[which], SIGKILL);
        waitpid(workers[which], &status, 0);
        if (!WIFSIGNALED(status))
            fail_msg("a worker ended by itself");
        workers[which] = start_worker(bed, seed);
    }
    /* The living finish what there is. */
    bed_open(bed, true);
    bed_join(bed);
    int64_t ended = 0;
    for (int still = 0;; still++) { /* a busy disk makes it slow, but it goes on */
        pomex_store_counts counts = bed_counts(bed);
        int64_t now = counts.states[POMEX_STORE_DONE] + counts.states[POMEX_STORE_UNCLEAR];
        /* One that lost three workers while it was saved waits for a person. */
        if (now + (counts.stuck > 0 ? counts.states[POMEX_STORE_SAVING] : 0) >= CAP)
            break;
        if (now != ended)
            still = 0;
        ended = now;
        if (still == 2000)
            fail_msg("the jobs do not come to an end");
        poll(NULL, 0, 50);
    }
    for (int i = 0; i < WORKERS; i++) {
        kill(workers[i], SIGKILL);
        waitpid(workers[i], NULL, 0);
    }
    check_all(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(killed_workers_send_nothing_twice_and_lose_nothing,
                                        start, bed_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
