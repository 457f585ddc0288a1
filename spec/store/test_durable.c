/* What a power loss leaves. A kill loses nothing that was written, so that no kill can show a sync
 * that is missing: here a disk of the test's own (disk.h) forgets what was not synced. */
#include "bed.h"
#include "disk.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a check has to find in a store after the loss; `expected` is in shared memory. */
typedef void check(store_bed *bed, const void *expected);

/* A process that was forked before the store had a thread, and looks at what is left: a child of a
 * program with threads could not use SQLite. */
static struct {
    int ask, answer;
    pid_t pid;
    void *shared;
} checker;

typedef struct question {
    char folder[64];
    check *check;
} question;

static void run_checks(int ask, int answer)
{
    question asked;
    while (read(ask, &asked, sizeof asked) == (ssize_t)sizeof asked) {
        store_bed *bed = bed_new();
        rmdir(bed->folder);
        snprintf(bed->path, sizeof bed->path, "%s/jobs.db", asked.folder);
        bed_open(bed, false);
        asked.check(bed, checker.shared);
        bed_close(bed);
        while (bed->count > 0)
            pomex_store_request_free(bed->kept[--bed->count]);
        free(bed);
        if (write(answer, "y", 1) != 1)
            break;
    }
    _exit(0);
}

static void start_checker(void)
{
    int ask[2], answer[2];
    checker.shared =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(checker.shared != MAP_FAILED);
    assert_int_equal(pipe2(ask, O_CLOEXEC), 0);
    assert_int_equal(pipe2(answer, O_CLOEXEC), 0);
    checker.pid = fork();
    if (checker.pid == 0) {
        close(ask[1]);
        close(answer[0]);
        run_checks(ask[0], answer[1]);
    }
    close(ask[0]);
    close(answer[1]);
    checker.ask = ask[1];
    checker.answer = answer[0];
}

static int start(void **state)
{
    start_checker();
    store_bed *bed = bed_new();
    *state = bed;
    disk_follow(bed->folder);
    bed_open(bed, false);
    bed_queue(bed);
    return 0;
}

static int stop(void **state)
{
    close(checker.ask);
    close(checker.answer);
    waitpid(checker.pid, NULL, 0);
    munmap(checker.shared, 4096);
    disk_follow(NULL);
    return bed_stop(state);
}

/* Cuts the power now, and has what is left checked; the disk of the running store goes on. True if
 * anything was lost. */
static bool cut(store_bed *bed, unsigned seed, check *check_it)
{
    static int number;
    char yes;
    question ask = {.check = check_it};
    snprintf(ask.folder, sizeof ask.folder, "%.48s/cut%d", bed->folder, number++);
    assert_int_equal(mkdir(ask.folder, 0700), 0);
    bool lost = disk_lose_power(ask.folder, seed);
    assert_int_equal(write(checker.ask, &ask, sizeof ask), sizeof ask);
    if (read(checker.answer, &yes, 1) != 1)
        fail_msg("after a power loss (seed %u) the store is not as it was answered", seed);
    return lost;
}

static void demand(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s\n", what);
    _exit(1);
}

static void is_in_state(store_bed *bed, const void *expected)
{
    const pomex_store_job *job = expected;
    pomex_store_job read = bed_get(bed, job->key);
    demand(read.state == job->state, "the job's state is lost");
    demand(read.attempt == job->attempt, "its attempt is lost");
    demand(!job->task || (read.task && strcmp(read.task, job->task) == 0), "its id is lost");
    demand(!job->sha256 || (read.sha256 && strcmp(read.sha256, job->sha256) == 0),
           "the sum of its file is lost");
    demand(bed_counts(bed).money == (job->attempt > 0 ? 500 : 0), "its money is lost");
}

static void each_answer_that_is_durable_outlives_the_power(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job, *now = checker.shared;
    *now = (pomex_store_job){.key = "a", .state = POMEX_STORE_READY};
    bed_join(bed);
    bed_put(bed, "a", "body");
    cut(bed, 0, is_in_state);
    assert_int_equal(bed_claim(bed, bed->worker, 1, &job), 1);
    assert_int_equal(bed_begin(bed, bed->worker, &job, 1, 500)->answer, POMEX_STORE_YES);
    now->state = POMEX_STORE_SENDING;
    now->attempt = 1;
    cut(bed, 0, is_in_state);
    bed_fact(bed, job.id, 1, POMEX_STORE_TASK, "t1");
    now->state = POMEX_STORE_POLLING;
    now->task = "t1";
    cut(bed, 0, is_in_state);
    bed_ended(bed, job.id, 1, POMEX_STORE_SAVING, 500, 0);
    now->state = POMEX_STORE_SAVING;
    cut(bed, 0, is_in_state);
    bed_move(bed, bed->worker, &job, POMEX_STORE_SAVING, POMEX_STORE_SAVING, "abc");
    now->sha256 = "abc";
    cut(bed, 0, is_in_state);
    bed_move(bed, bed->worker, &job, POMEX_STORE_SAVING, POMEX_STORE_DONE, NULL);
    now->state = POMEX_STORE_DONE;
    cut(bed, 0, is_in_state);
}

static void has_both_parts(store_bed *bed, const void *expected)
{
    (void)expected;
    demand(bed_counts(bed).states[POMEX_STORE_READY] == 2, "a part of a batch is lost");
}

static void a_batch_outlives_the_power_with_its_last_part(void **state)
{
    store_bed *bed = *state;
    pomex_store_new jobs[] = {{.key = "a", .line = "1", .body = "1"},
                              {.key = "b", .line = "2", .body = "2"}};
    int64_t batch = 0, syncs = disk_syncs();
    for (int i = 0; i < 2; i++) {
        pomex_store_request *put = bed_new_request(POMEX_STORE_PUT);
        put->put = (pomex_store_put){
            .queue = "q", .jobs = &jobs[i], .job_count = 1, .batch = batch, .more = i == 0};
        batch = bed_ask(bed, put)->put.batch;
        assert_int_equal(disk_syncs() > syncs, i); /* and the earlier part waits for it */
    }
    cut(bed, 0, has_both_parts);
}

static void a_persons_word_outlives_the_power(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = bed_sending(bed, "a", 500);
    bed_move(bed, bed->worker, &job, POMEX_STORE_SENDING, POMEX_STORE_UNCLEAR, NULL);
    *(pomex_store_job *)checker.shared =
        (pomex_store_job){.key = "a", .state = POMEX_STORE_POLLING, .attempt = 1, .task = "t1"};
    pomex_store_request *adopt = bed_person(bed, POMEX_STORE_ADOPT, "a");
    adopt->person.task = "t1";
    assert_int_equal(bed_ask(bed, adopt)->answer, POMEX_STORE_YES);
    cut(bed, 0, is_in_state);
}

static void beats_claims_and_releases_are_not_synced(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job;
    bed_join(bed);
    bed_put(bed, "a", "body");
    int64_t syncs = disk_syncs();
    for (int i = 0; i < 20; i++) {
        pomex_store_request *beat = bed_new_request(POMEX_STORE_BEAT);
        beat->beat.worker = bed->worker;
        assert_int_equal(bed_ask(bed, beat)->answer, POMEX_STORE_YES);
        assert_int_equal(bed_claim(bed, bed->worker, 1, &job), 1);
        pomex_store_request *release = bed_new_request(POMEX_STORE_RELEASE);
        release->release =
            (pomex_store_release){.worker = bed->worker, .jobs = &job.id, .job_count = 1};
        bed_ask(bed, release);
    }
    assert_int_equal(disk_syncs(), syncs);
    /* And the next that is durable takes them along. */
    bed_put(bed, "b", "body");
    assert_true(disk_syncs() > syncs);
}

static void many_begins_take_one_sync(void **state)
{
    store_bed *bed = *state;
    enum { JOBS = 64 };
    pomex_store_request *begins[JOBS];
    bed_join(bed);
    for (int i = 0; i < JOBS; i++) {
        pomex_store_job job;
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        bed_put(bed, key, "body");
        assert_int_equal(bed_claim(bed, bed->worker, 1, &job), 1);
        begins[i] = bed_new_request(POMEX_STORE_BEGIN);
        begins[i]->begin = (pomex_store_begin){
            .worker = bed->worker, .job = job.id, .fence = job.fence, .attempt = 1};
    }
    int64_t syncs = disk_syncs();
    disk_slow(20); /* while the first is synced the rest gathers */
    for (int i = 0; i < JOBS; i++)
        bed_submit(bed, begins[i]);
    for (int i = 0; i < JOBS; i++)
        assert_int_equal(bed_wait(bed)->answer, POMEX_STORE_YES);
    disk_slow(0);
    assert_true(disk_syncs() - syncs <= 6);
}

/* Of each job which state it was last answered to have; a later one may be there too. */
typedef struct answered {
    int jobs;
    enum pomex_store_state states[200];
} answered;

static void is_no_older(store_bed *bed, const void *expected)
{
    const answered *all = expected;
    int64_t begun = 0;
    for (int i = 0; i < all->jobs; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        pomex_store_job job = bed_get(bed, key);
        demand(job.state >= all->states[i], "an answer is lost");
        demand((job.state >= POMEX_STORE_SENDING) == (job.attempt == 1),
               "half a begin is left");
        demand((job.state >= POMEX_STORE_POLLING) == (job.task != NULL), "half an id is left");
        begun += job.attempt;
    }
    demand(bed_counts(bed).videos == begun, "the videos are not those that were begun");
    demand(bed_counts(bed).money == begun * 7, "nor is the money");
}

static void whatever_a_power_loss_keeps_the_store_is_whole(void **state)
{
    store_bed *bed = *state;
    answered *all = checker.shared;
    const char *given = getenv("POMEX_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : 1, lost = 0;
    bed_join(bed);
    all->jobs = 0;
    printf("POMEX_SEED=%u\n", seed);
    for (int i = 0; i < 60; i++) {
        char key[16], task[16];
        pomex_store_job job;
        snprintf(key, sizeof key, "k%d", i);
        snprintf(task, sizeof task, "t%d", i);
        bed_put(bed, key, "body");
        all->states[all->jobs++] = POMEX_STORE_READY;
        assert_int_equal(bed_claim(bed, bed->worker, 1, &job), 1);
        assert_int_equal(bed_begin(bed, bed->worker, &job, 1, 7)->answer, POMEX_STORE_YES);
        all->states[i] = POMEX_STORE_SENDING;
        if (rand_r(&seed) % 3 == 0)
            lost += cut(bed, seed | 1, is_no_older);
        /* The next is under way while the power goes. */
        pomex_store_request *fact = bed_new_request(POMEX_STORE_FACT);
        fact->fact = (pomex_store_fact){
            .job = job.id, .attempt = 1, .kind = POMEX_STORE_TASK, .task = task};
        bool cut_it = rand_r(&seed) % 3 == 0;
        int64_t before = disk_writes();
        disk_slow(cut_it ? 50 : 0);
        bed_submit(bed, fact);
        if (cut_it) {
            for (int tries = 0; disk_writes() == before && tries < 50000; tries++)
                usleep(100);
            lost += cut(bed, seed | 1, is_no_older); /* written, and not synced yet */
        }
        disk_slow(0);
        assert_int_equal(bed_wait(bed)->answer, POMEX_STORE_YES);
        all->states[i] = POMEX_STORE_POLLING;
    }
    /* Something was lost at least once: else this test would show nothing. */
    assert_true(lost > 0);
}

static void a_backup_is_on_the_disk_when_it_is_answered(void **state)
{
    store_bed *bed = *state;
    char path[128];
    bed_sending(bed, "a", 500);
    snprintf(path, sizeof path, "%s/copy", bed->folder);
    pomex_store_request *backup = bed_new_request(POMEX_STORE_BACKUP);
    backup->backup.path = path;
    assert_int_equal(bed_ask(bed, backup)->answer, POMEX_STORE_YES);
    char to[128], copy[160], name[160];
    snprintf(to, sizeof to, "%s/left", bed->folder);
    assert_int_equal(mkdir(to, 0700), 0);
    disk_lose_power(to, 0);
    snprintf(copy, sizeof copy, "%s/copy", to);
    snprintf(name, sizeof name, "%s/jobs.db", to);
    unlink(name);
    assert_int_equal(rename(copy, name), 0);
    store_bed after = {0};
    snprintf(after.path, sizeof after.path, "%.90s", name);
    bed_open(&after, false);
    assert_int_equal(bed_get(&after, "a").state, POMEX_STORE_SENDING);
    bed_close(&after);
    while (after.count > 0)
        pomex_store_request_free(after.kept[--after.count]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_answer_that_is_durable_outlives_the_power),
        TEST(a_batch_outlives_the_power_with_its_last_part),
        TEST(a_persons_word_outlives_the_power),
        TEST(beats_claims_and_releases_are_not_synced),
        TEST(many_begins_take_one_sync),
        TEST(whatever_a_power_loss_keeps_the_store_is_whole),
        TEST(a_backup_is_on_the_disk_when_it_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
