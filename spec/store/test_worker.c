/* Workers: claims, deaths, the beat and the watch over others; the thread, its order and its end.
 * Deaths are watched in processes of their own: a store is opened after each fork. */
#include "bed.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void a_claim_takes_what_is_due_and_free(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job;
    int64_t worker = bed_join(bed);
    bed_put(bed, "a", "1");
    bed_put(bed, "b", "2");
    pomex_store_new future = {.key = "c", .line = "3", .body = "3", .due = POMEX_STORE_NEVER};
    bed_put_new(bed, &future);
    assert_int_equal(bed_claim(bed, worker, 1, &job), 1);
    int64_t fence = job.fence;
    assert_int_equal(job.worker, worker);
    assert_int_equal(bed_claim(bed, bed_join(bed), 5, &job), 1);
    assert_string_equal(job.key, "b");
    pomex_store_request *release = bed_new_request(POMEX_STORE_RELEASE);
    int64_t id = bed_get(bed, "a").id;
    release->release = (pomex_store_release){.worker = worker, .jobs = &id, .job_count = 1};
    bed_ask(bed, release);
    assert_int_equal(bed_claim(bed, worker, 5, &job), 1);
    assert_string_equal(job.key, "a");
    assert_true(job.fence > fence);
}

static void release_keeps_what_is_being_sent(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = bed_sending(bed, "a", 0);
    pomex_store_request *release = bed_new_request(POMEX_STORE_RELEASE);
    release->release =
        (pomex_store_release){.worker = bed->worker, .jobs = &job.id, .job_count = 1};
    bed_ask(bed, release);
    assert_int_equal(bed_get(bed, "a").worker, bed->worker);
    bed_put(bed, "b", "body");
    assert_int_equal(bed_claim(bed, bed->worker, 1, &job), 1);
    bed_ask(bed, release = bed_new_request(POMEX_STORE_RELEASE));
    assert_int_equal(bed_get(bed, "b").worker, bed->worker);
    release = bed_new_request(POMEX_STORE_RELEASE);
    release->release.worker = bed->worker; /* all of them */
    bed_ask(bed, release);
    assert_int_equal(bed_get(bed, "a").worker, bed->worker);
    assert_int_equal(bed_get(bed, "b").worker, 0);
}

static void a_burial_compares_the_beat(void **state)
{
    store_bed *bed = *state;
    int64_t worker = bed_join(bed);
    pomex_store_request *bury = bed_new_request(POMEX_STORE_BURY);
    pomex_store_request *beat = bed_new_request(POMEX_STORE_BEAT);
    bury->bury = (pomex_store_bury){.worker = worker, .beat = 0};
    beat->beat.worker = worker;
    assert_int_equal(bed_ask(bed, beat)->answer, POMEX_STORE_YES);
    assert_int_equal(bed_ask(bed, bury)->answer, POMEX_STORE_STALE);
    assert_int_equal(bed_bury(bed, worker), POMEX_STORE_YES);
    assert_int_equal(bed_bury(bed, worker), POMEX_STORE_KNOWN);
    assert_int_equal(pomex_store_beat_asked(bed->store), 0);
}

static void a_worker_that_leaves_gives_back_all_but_what_is_out(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = bed_sending(bed, "out", 0);
    bed_put(bed, "held", "body");
    assert_int_equal(bed_claim(bed, bed->worker, 1, &job), 1);
    pomex_store_request *leave = bed_new_request(POMEX_STORE_LEAVE);
    leave->leave.worker = bed->worker;
    assert_int_equal(bed_ask(bed, leave)->answer, POMEX_STORE_YES);
    assert_int_equal(bed_get(bed, "out").state, POMEX_STORE_UNCLEAR);
    assert_int_equal(bed_get(bed, "held").state, POMEX_STORE_READY);
    assert_int_equal(bed_counts(bed).tasks, 0);
    assert_int_equal(bed_claim(bed, bed_join(bed), 5, &job), 1);
    assert_string_equal(job.key, "held");
}

/* Nobody in a process that ends can say what was being sent: whoever comes next buries its worker,
 * and says so. */
static void a_process_that_ends_leaves_what_is_out_to_the_next(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = bed_sending(bed, "out", 0);
    bed_put(bed, "held", "body");
    assert_int_equal(bed_claim(bed, bed->worker, 1, &job), 1);
    bed_close(bed);
    bed_open(bed, false);
    assert_int_equal(bed_get(bed, "out").state, POMEX_STORE_SENDING);
    assert_int_equal(bed_get(bed, "held").state, POMEX_STORE_READY);
    pomex_store_request *list = bed_ask(bed, bed_new_request(POMEX_STORE_WORKERS));
    assert_int_equal(list->workers.worker_count, 1);
    assert_true(list->workers.workers[0].dead);
    bed_join(bed);
    for (int i = 0; i < 3000 && bed_get(bed, "out").state != POMEX_STORE_UNCLEAR; i++)
        poll(NULL, 0, 20);
    assert_int_equal(bed_get(bed, "out").state, POMEX_STORE_UNCLEAR);
    assert_int_equal(bed_events(bed, "worker buried"), 1);
    assert_int_equal(bed_counts(bed).tasks, 0);
    assert_int_equal(bed_claim(bed, bed->worker, 5, &job), 1);
    assert_string_equal(job.key, "held");
}

/* One that had nothing out is gone, and buried by nobody. */
static void a_process_that_ends_with_nothing_out_is_gone(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job;
    bed_put(bed, "held", "body");
    assert_int_equal(bed_claim(bed, bed_join(bed), 1, &job), 1);
    bed_close(bed);
    bed_open(bed, false);
    pomex_store_request *list = bed_ask(bed, bed_new_request(POMEX_STORE_WORKERS));
    assert_int_equal(list->workers.worker_count, 0);
    assert_int_equal(bed_events(bed, "worker buried"), 0);
}

/* A child that opens the store, begins a job of that key, says so, and waits for its end. */
static pid_t start_child(store_bed *bed, const char *key)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* also if the test fails meanwhile */
        bed->store = NULL;
        bed->worker = 0;
        bed_open(bed, true);
        bed_sending(bed, key, 100);
        if (write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return child;
}

static void wait_for_state(store_bed *bed, const char *key, enum pomex_store_state wanted)
{
    for (int i = 0; i < 3000; i++) {
        if (bed_get(bed, key).state == wanted)
            return;
        poll(NULL, 0, 20);
    }
    fail_msg("%s is %d, not %d", key, bed_get(bed, key).state, wanted);
}

static int start_closed(void **state)
{
    store_bed *bed = bed_new();
    *state = bed;
    bed_open(bed, true);
    bed_queue(bed);
    bed_close(bed);
    return 0;
}

static void a_killed_worker_is_buried(void **state)
{
    store_bed *bed = *state;
    pid_t child = start_child(bed, "a");
    bed_open(bed, false);
    pomex_store_request *list = bed_ask(bed, bed_new_request(POMEX_STORE_WORKERS));
    assert_int_equal(list->workers.worker_count, 1);
    assert_int_equal(list->workers.workers[0].dead, 0);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    list = bed_ask(bed, bed_new_request(POMEX_STORE_WORKERS));
    assert_int_equal(list->workers.workers[0].dead, bed_is_file());
    bed_close(bed);
    /* An hour's watch here: only the lock can tell it sooner. A database has none to ask. */
    bed_open_beating(bed, 0.05, bed_is_file() ? 3600 : 0.3);
    bed_join(bed);
    wait_for_state(bed, "a", POMEX_STORE_UNCLEAR);
    /* It is named, with what it had. */
    char who[64], said[512];
    snprintf(who, sizeof who, ", process %ld", (long)child);
    bed_event_text(bed, "worker buried", said, sizeof said);
    assert_non_null(strstr(said, who));
    assert_non_null(strstr(said, ", which had a"));
    bed_event_text(bed, "unclear", said, sizeof said);
    assert_non_null(strstr(said, who));
}

static void a_stopped_worker_is_buried_by_its_watcher_and_its_fact_is_taken(void **state)
{
    store_bed *bed = *state;
    pid_t child = start_child(bed, "a");
    kill(child, SIGSTOP);
    bed_open(bed, true);
    bed_join(bed);
    wait_for_state(bed, "a", POMEX_STORE_UNCLEAR);
    pomex_store_job job = bed_get(bed, "a");
    assert_int_equal(bed_fact(bed, job.id, 1, POMEX_STORE_TASK, "t1"), POMEX_STORE_YES);
    kill(child, SIGKILL);
    kill(child, SIGCONT);
    waitpid(child, NULL, 0);
}

static void resend_is_refused_while_a_buried_worker_lives(void **state)
{
    store_bed *bed = *state;
    pid_t child = start_child(bed, "a");
    kill(child, SIGSTOP);
    bed_open(bed, true);
    bed_join(bed);
    wait_for_state(bed, "a", POMEX_STORE_UNCLEAR);
    for (int alive = 1; alive >= 0; alive--) {
        if (!alive) {
            kill(child, SIGKILL);
            waitpid(child, NULL, 0);
        }
        pomex_store_request *resend = bed_person(bed, POMEX_STORE_RESEND, "a");
        resend->person.now = 1;
        bed_ask(bed, resend);
        /* In a database it is over for all: its worker may be on a machine that nobody can ask. */
        bool refused = bed_is_file() ? alive : !alive;
        assert_int_equal(resend->answer, refused ? POMEX_STORE_REFUSED : POMEX_STORE_YES);
    }
}

static void two_processes_share_what_there_is(void **state)
{
    store_bed *bed = *state;
    enum { JOBS = 60 };
    bed_open(bed, false);
    for (int i = 0; i < JOBS; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%d", i);
        bed_put(bed, key, "b");
    }
    bed_cap(bed, JOBS / 2, -1);
    bed_close(bed);
    pid_t children[2];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    for (int i = 0; i < 2; i++) {
        children[i] = fork();
        if (children[i] != 0)
            continue;
        pomex_store_job job;
        int begun = 0;
        bed_open(bed, false);
        bed_join(bed);
        while (bed_claim(bed, bed->worker, 1, &job) == 1)
            begun += bed_begin(bed, bed->worker, &job, 1, 0)->answer == POMEX_STORE_YES;
        if (write(ends[1], &begun, sizeof begun) != (ssize_t)sizeof begun)
            _exit(1);
        _exit(0);
    }
    int total = 0, part;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(read(ends[0], &part, sizeof part), sizeof part);
        total += part;
        waitpid(children[i], NULL, 0);
    }
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(total, JOBS / 2);
    bed_open(bed, false);
    assert_int_equal(bed_counts(bed).videos, JOBS / 2);
}

static void processes_that_make_one_store_at_once_all_have_it(void **state)
{
    store_bed *bed = *state;
    enum { TIMES = 10, PROCESSES = 4 };
    for (int i = 0; i < TIMES; i++) {
        pid_t children[PROCESSES];
        bed_fresh(bed);
        for (int k = 0; k < PROCESSES; k++) {
            children[k] = fork();
            if (children[k] != 0)
                continue;
            char key[16];
            snprintf(key, sizeof key, "k%d", k);
            bed_open(bed, false);
            bed_queue(bed);
            bed_put(bed, key, "body");
            bed_close(bed);
            _exit(0);
        }
        for (int k = 0; k < PROCESSES; k++) {
            int status;
            waitpid(children[k], &status, 0);
            assert_int_equal(status, 0);
        }
    }
    bed_open(bed, false);
    assert_int_equal(bed_counts(bed).states[POMEX_STORE_READY], PROCESSES);
}

static void a_child_cannot_use_the_store_of_its_parent(void **state)
{
    store_bed *bed = *state;
    int ends[2];
    char well = 'n';
    assert_int_equal(pipe(ends), 0);
    bed_put(bed, "a", "body");
    pid_t child = fork();
    if (child == 0) {
        char why[256] = "";
        pomex_store_request *request = pomex_store_request_new(POMEX_STORE_GET);
        bool taken = pomex_store_submit(bed->store, request, why, sizeof why);
        bool empty = pomex_store_take(bed->store) == NULL;
        pomex_store_close(bed->store);
        well = !taken && empty && strstr(why, "forked") ? 'y' : 'n';
        ssize_t said = write(ends[1], &well, 1);
        /* No tool looks for the memory of a thread that this process does not have. */
        raise(said == 1 ? SIGKILL : SIGABRT);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &well, 1), 1);
    close(ends[0]);
    waitpid(child, NULL, 0);
    assert_int_equal(well, 'y');
    assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_READY);
}

static void a_store_that_was_opened_before_a_fork_is_used_after_it(void **state)
{
    store_bed *bed = *state;
    bed_open(bed, false);
    pid_t child = fork();
    if (child == 0) {
        bed_put(bed, "a", "body");
        bed_close(bed);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_READY);
}

static void what_was_submitted_before_the_close_is_carried_out(void **state)
{
    store_bed *bed = *state;
    pomex_store_new job = {.key = "a", .line = "l", .body = "b"};
    pomex_store_request *put = bed_new_request(POMEX_STORE_PUT);
    put->put = (pomex_store_put){.queue = "q", .jobs = &job, .job_count = 1};
    bed_submit(bed, put);
    bed_close(bed);
    bed_open(bed, false);
    assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_READY);
}

static void the_descriptor_is_readable_while_an_answer_waits(void **state)
{
    store_bed *bed = *state;
    struct pollfd wait = {.fd = pomex_store_fd(bed->store), .events = POLLIN};
    assert_int_equal(poll(&wait, 1, 0), 0);
    for (int i = 0; i < 3; i++)
        bed_submit(bed, bed_new_request(POMEX_STORE_WORKERS));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(poll(&wait, 1, 10000), 1);
        bed_wait(bed);
    }
    assert_int_equal(poll(&wait, 1, 0), 0);
}

#define TEST(name)  cmocka_unit_test_setup_teardown(name, bed_start, bed_stop)
#define ALONE(name) cmocka_unit_test_setup_teardown(name, start_closed, bed_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_claim_takes_what_is_due_and_free),
        TEST(release_keeps_what_is_being_sent),
        TEST(a_burial_compares_the_beat),
        TEST(a_worker_that_leaves_gives_back_all_but_what_is_out),
        TEST(a_process_that_ends_leaves_what_is_out_to_the_next),
        TEST(a_process_that_ends_with_nothing_out_is_gone),
        ALONE(a_killed_worker_is_buried),
        ALONE(a_stopped_worker_is_buried_by_its_watcher_and_its_fact_is_taken),
        ALONE(resend_is_refused_while_a_buried_worker_lives),
        ALONE(two_processes_share_what_there_is),
        ALONE(processes_that_make_one_store_at_once_all_have_it),
        TEST(a_child_cannot_use_the_store_of_its_parent),
        ALONE(a_store_that_was_opened_before_a_fork_is_used_after_it),
        TEST(what_was_submitted_before_the_close_is_carried_out),
        TEST(the_descriptor_is_readable_while_an_answer_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
