/* What `begin` asks and promises, and the caps that it keeps. */
#include "bed.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static pomex_store_job claimed(store_bed *bed, const char *key)
{
    pomex_store_job job;
    if (!bed->worker)
        bed_join(bed);
    bed_put(bed, key, "body");
    assert_int_equal(bed_claim(bed, bed->worker, 1, &job), 1);
    assert_string_equal(job.key, key);
    return job;
}

static void later(const pomex_store_request *request, enum pomex_store_reason reason)
{
    assert_int_equal(request->answer, POMEX_STORE_LATER);
    assert_int_equal(request->begin.reason, reason);
}

static void it_makes_an_attempt_and_freezes_what_is_sent(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = claimed(bed, "a");
    assert_int_equal(bed_begin(bed, bed->worker, &job, 1, 700)->answer, POMEX_STORE_YES);
    const pomex_store_get *read = bed_get_all(bed, "a");
    assert_int_equal(read->job.state, POMEX_STORE_SENDING);
    assert_int_equal(read->job.attempt, 1);
    assert_string_equal(read->job.base_url, "https://host/api");
    assert_int_equal(read->attempt_count, 1);
    assert_string_equal(read->attempts[0].body, "{\"sent\":1}");
    assert_string_equal(read->attempts[0].stage, "out");
    assert_int_equal(read->attempts[0].held, 700);
    pomex_store_counts counts = bed_counts(bed);
    assert_int_equal(counts.money, 700);
    assert_int_equal(counts.videos, 1);
    assert_int_equal(counts.tasks, 1);
}

static void asked_again_it_gives_the_same_answer_and_counts_once(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = claimed(bed, "a");
    assert_int_equal(bed_begin(bed, bed->worker, &job, 1, 700)->answer, POMEX_STORE_YES);
    assert_int_equal(bed_begin(bed, bed->worker, &job, 1, 700)->answer, POMEX_STORE_KNOWN);
    assert_int_equal(bed_counts(bed).money, 700);
    assert_int_equal(bed_get_all(bed, "a")->attempt_count, 1);
    /* It is over: the same number is no leave to send once more. */
    bed_fact(bed, job.id, 1, POMEX_STORE_NEVER_LEFT, NULL);
    assert_int_equal(bed_begin(bed, bed->worker, &job, 1, 700)->answer, POMEX_STORE_STALE);
    assert_int_equal(bed_begin(bed, bed->worker, &job, 2, 700)->answer, POMEX_STORE_YES);
}

static void it_is_for_the_holder_of_the_fence_alone(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = claimed(bed, "a");
    int64_t holder = bed->worker, other = bed_join(bed);
    assert_int_equal(bed_begin(bed, other, &job, 1, 0)->answer, POMEX_STORE_STALE);
    pomex_store_job old = job;
    old.fence--;
    assert_int_equal(bed_begin(bed, holder, &old, 1, 0)->answer, POMEX_STORE_STALE);
    assert_int_equal(bed_begin(bed, holder, &job, 2, 0)->answer, POMEX_STORE_STALE);
    assert_int_equal(bed_begin(bed, holder, &job, 1, 0)->answer, POMEX_STORE_YES);
}

static void a_buried_worker_begins_nothing(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = claimed(bed, "a");
    assert_int_equal(bed_bury(bed, bed->worker), POMEX_STORE_YES);
    assert_int_equal(bed_begin(bed, bed->worker, &job, 1, 0)->answer, POMEX_STORE_BURIED);
}

static void the_caps_are_kept_to_the_last_millionth(void **state)
{
    store_bed *bed = *state;
    bed_cap(bed, 2, 1000);
    pomex_store_job a = claimed(bed, "a");
    later(bed_begin(bed, bed->worker, &a, 1, 1001), POMEX_STORE_REASON_CAP);
    assert_int_equal(bed_counts(bed).money, 0);
    later(bed_begin(bed, bed->worker, &a, 1, -1), POMEX_STORE_REASON_UNPRICED);
    assert_int_equal(bed_begin(bed, bed->worker, &a, 1, INT64_MAX)->answer,
                     POMEX_STORE_REFUSED);
    assert_int_equal(bed_begin(bed, bed->worker, &a, 1, 1000)->answer, POMEX_STORE_YES);
    pomex_store_job b = claimed(bed, "b");
    later(bed_begin(bed, bed->worker, &b, 1, 1), POMEX_STORE_REASON_CAP);
    assert_int_equal(bed_begin(bed, bed->worker, &b, 1, 0)->answer, POMEX_STORE_YES);
    pomex_store_job c = claimed(bed, "c");
    later(bed_begin(bed, bed->worker, &c, 1, 0), POMEX_STORE_REASON_CAP);
    bed_cap(bed, 3, 1000);
    assert_int_equal(bed_begin(bed, bed->worker, &c, 1, 0)->answer, POMEX_STORE_YES);
    assert_int_equal(bed_counts(bed).videos, 3);
}

static void begins_that_gather_pass_no_cap_together(void **state)
{
    store_bed *bed = *state;
    enum { JOBS = 40, CAP = 17 };
    pomex_store_request *begins[JOBS];
    bed_cap(bed, CAP, -1);
    for (int i = 0; i < JOBS; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%d", i);
        pomex_store_job job = claimed(bed, key);
        begins[i] = bed_new_request(POMEX_STORE_BEGIN);
        begins[i]->begin = (pomex_store_begin){
            .worker = bed->worker, .job = job.id, .fence = job.fence, .attempt = 1};
    }
    for (int i = 0; i < JOBS; i++)
        bed_submit(bed, begins[i]);
    int yes = 0;
    for (int i = 0; i < JOBS; i++)
        yes += bed_wait(bed)->answer == POMEX_STORE_YES;
    assert_int_equal(yes, CAP);
    assert_int_equal(bed_counts(bed).videos, CAP);
    assert_int_equal(bed_counts(bed).tasks, CAP);
}

static void an_account_has_so_many_tasks_in_flight_and_no_more(void **state)
{
    store_bed *bed = *state;
    pomex_store_request *join = bed_new_request(POMEX_STORE_JOIN);
    join->join = (pomex_store_join){
        .base_url = "https://host/api", .account = "host", .key_hash = "hash", .max_tasks = 2};
    bed_ask(bed, join);
    bed->worker = join->join.worker;
    pomex_store_job a = claimed(bed, "a"), b, c;
    assert_int_equal(bed_begin(bed, bed->worker, &a, 1, 0)->answer, POMEX_STORE_YES);
    b = claimed(bed, "b");
    assert_int_equal(bed_begin(bed, bed->worker, &b, 1, 0)->answer, POMEX_STORE_YES);
    c = claimed(bed, "c");
    pomex_store_request *third = bed_begin(bed, bed->worker, &c, 1, 50);
    later(third, POMEX_STORE_REASON_TASKS);
    assert_true(third->begin.not_before < POMEX_STORE_NEVER);
    assert_int_equal(bed_counts(bed).money, 0); /* the money that it had taken is back */
    assert_int_equal(bed_counts(bed).videos, 2);
    bed_fact(bed, a.id, 1, POMEX_STORE_TASK, "t1");
    later(bed_begin(bed, bed->worker, &c, 1, 0), POMEX_STORE_REASON_TASKS);
    bed_ended(bed, a.id, 1, POMEX_STORE_SAVING, 0, 0);
    assert_int_equal(bed_begin(bed, bed->worker, &c, 1, 0)->answer, POMEX_STORE_YES);
}

static void a_shut_gate_holds_up_everybody_of_the_account(void **state)
{
    store_bed *bed = *state;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t until = (int64_t)now.tv_sec * 1000 + 600000;
    pomex_store_job a = bed_sending(bed, "a", 0);
    pomex_store_request *refused = bed_new_request(POMEX_STORE_FACT);
    refused->fact = (pomex_store_fact){.job = a.id,
                                       .attempt = 1,
                                       .kind = POMEX_STORE_TURNED_AWAY,
                                       .gate_until = until,
                                       .due = until};
    assert_int_equal(bed_ask(bed, refused)->answer, POMEX_STORE_YES);
    int64_t other = bed_join(bed);
    pomex_store_job b = claimed(bed, "b");
    assert_int_equal(b.worker, other);
    pomex_store_request *begin = bed_begin(bed, other, &b, 1, 0);
    later(begin, POMEX_STORE_REASON_GATE);
    assert_int_equal(begin->begin.not_before, until);
    assert_int_equal(bed_counts(bed).gate_until, until);
    pomex_store_request *open = bed_new_request(POMEX_STORE_GATE);
    open->gate = (pomex_store_gate){.worker = other};
    bed_ask(bed, open);
    assert_int_equal(bed_begin(bed, other, &b, 1, 0)->answer, POMEX_STORE_YES);
}

static int64_t wall(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Shuts the gate, or opens it (0). */
static void gate(store_bed *bed, int64_t until)
{
    pomex_store_request *shut = bed_new_request(POMEX_STORE_GATE);
    shut->gate = (pomex_store_gate){.worker = bed->worker, .until = until, .text = "429"};
    assert_int_equal(bed_ask(bed, shut)->answer, POMEX_STORE_YES);
}

/* Behind a gate that was shut `a` begins, and `b` waits for what becomes of it. */
static void probed(store_bed *bed, const pomex_store_job *a, int64_t number,
                   const pomex_store_job *b)
{
    int64_t now = wall();
    assert_int_equal(bed_begin(bed, bed->worker, a, number, 0)->answer, POMEX_STORE_YES);
    int64_t until = bed_counts(bed).gate_until;
    /* A database rounds to the next millisecond. */
    assert_true(until >= now + 30000 && until <= wall() + 30001);
    pomex_store_request *begin = bed_begin(bed, bed->worker, b, b->attempt + 1, 0);
    later(begin, POMEX_STORE_REASON_GATE);
    assert_true(begin->begin.not_before <= wall() + 1001);
}

static void the_first_begin_behind_a_gate_is_a_probe(void **state)
{
    store_bed *bed = *state;
    bed_join(bed);
    pomex_store_job a = claimed(bed, "a"), b = claimed(bed, "b"), c = claimed(bed, "c");
    gate(bed, wall() - 1000);
    probed(bed, &a, 1, &b);
    bed_fact(bed, a.id, 1, POMEX_STORE_NEVER_LEFT, NULL);
    probed(bed, &a, 2, &b);
    bed_move(bed, bed->worker, &a, POMEX_STORE_SENDING, POMEX_STORE_UNCLEAR, NULL);
    probed(bed, &b, 1, &c);
    bed_fact(bed, b.id, 1, POMEX_STORE_TASK, "t1");
    assert_int_equal(bed_counts(bed).gate_until, 0);
    assert_int_equal(bed_begin(bed, bed->worker, &c, 1, 0)->answer, POMEX_STORE_YES);
}

static void a_probe_that_is_turned_away_says_for_how_long(void **state)
{
    store_bed *bed = *state;
    /* Longer than this test takes on any machine. */
    int64_t until = wall() + 600000;
    bed_join(bed);
    pomex_store_job a = claimed(bed, "a"), b = claimed(bed, "b");
    gate(bed, wall() - 1000);
    probed(bed, &a, 1, &b);
    pomex_store_request *refused = bed_new_request(POMEX_STORE_FACT);
    refused->fact = (pomex_store_fact){.job = a.id,
                                       .attempt = 1,
                                       .kind = POMEX_STORE_TURNED_AWAY,
                                       .gate_until = until,
                                       .due = until};
    bed_ask(bed, refused);
    assert_int_equal(bed_counts(bed).gate_until, until);
}

static void a_probe_that_dies_holds_up_nobody(void **state)
{
    store_bed *bed = *state;
    int64_t first = bed_join(bed);
    pomex_store_job a = claimed(bed, "a"), b = claimed(bed, "b");
    gate(bed, wall() - 1000);
    probed(bed, &a, 1, &b);
    bed_join(bed);
    bed_bury(bed, first);
    pomex_store_job job;
    assert_int_equal(bed_claim(bed, bed->worker, 1, &job), 1);
    assert_int_equal(bed_begin(bed, bed->worker, &job, 1, 0)->answer, POMEX_STORE_YES);
}

static void a_gate_that_is_shut_for_good_stays_so(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = claimed(bed, "a");
    pomex_store_request *shut = bed_new_request(POMEX_STORE_GATE);
    shut->gate =
        (pomex_store_gate){.worker = bed->worker, .until = POMEX_STORE_NEVER, .text = "402"};
    bed_ask(bed, shut);
    pomex_store_request *begin = bed_begin(bed, bed->worker, &job, 1, 0);
    later(begin, POMEX_STORE_REASON_GATE);
    assert_true(begin->begin.not_before == POMEX_STORE_NEVER);
}

static void a_paused_queue_begins_nothing(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = claimed(bed, "a");
    for (int paused = 1; paused >= 0; paused--) {
        pomex_store_request *pause = bed_new_request(POMEX_STORE_PAUSE);
        pause->queue =
            (pomex_store_queue){.queue = "q", .paused = paused, .by = "me", .text = "lunch"};
        assert_int_equal(bed_ask(bed, pause)->answer, POMEX_STORE_YES);
        pomex_store_request *begin = bed_begin(bed, bed->worker, &job, 1, 0);
        if (paused)
            later(begin, POMEX_STORE_REASON_PAUSED);
        else
            assert_int_equal(begin->answer, POMEX_STORE_YES);
        pomex_store_job other;
        bed_put(bed, "b", "body");
        assert_int_equal(bed_claim(bed, bed->worker, 1, &other), !paused);
    }
}

static void a_file_that_is_there_already_stops_it(void **state)
{
    store_bed *bed = *state;
    char file[128];
    snprintf(file, sizeof file, "%s/a.mp4", bed->folder);
    pomex_store_job job = claimed(bed, "a");
    for (int there = 1; there >= 0; there--) {
        int fd = there ? open(file, O_CREAT | O_WRONLY, 0600) : -1;
        pomex_store_request *begin = bed_new_request(POMEX_STORE_BEGIN);
        begin->begin = (pomex_store_begin){.worker = bed->worker,
                                           .job = job.id,
                                           .fence = job.fence,
                                           .attempt = 1,
                                           .file = file};
        bed_ask(bed, begin);
        if (there)
            later(begin, POMEX_STORE_REASON_EXISTS);
        else
            assert_int_equal(begin->answer, POMEX_STORE_YES);
        if (fd >= 0) {
            close(fd);
            unlink(file);
        }
    }
}

static void a_job_of_another_account_is_not_claimed_and_is_said(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = bed_sending(bed, "a", 0);
    bed_fact(bed, job.id, 1, POMEX_STORE_NEVER_LEFT, NULL);
    bed_bury(bed, bed->worker);
    pomex_store_request *join = bed_new_request(POMEX_STORE_JOIN);
    join->join = (pomex_store_join){
        .base_url = "https://other/api", .account = "other", .key_hash = "hash"};
    bed_ask(bed, join);
    assert_int_equal(bed_claim(bed, join->join.worker, 5, &job), 0);
    pomex_store_request *counts = bed_new_request(POMEX_STORE_COUNTS);
    counts->counts =
        (pomex_store_counts){.queue = "q", .base_url = "https://other/api", .account = "other"};
    bed_ask(bed, counts);
    assert_int_equal(counts->counts.foreign, 1);
    assert_int_equal(counts->counts.states[POMEX_STORE_READY], 0);
    assert_int_equal(bed_claim(bed, bed_join(bed), 5, &job), 1);
}

static void another_key_of_the_account_is_said(void **state)
{
    store_bed *bed = *state;
    static const char *const hashes[] = {"one", "one", "two", "two"};
    for (int i = 0; i < 4; i++) {
        pomex_store_request *join = bed_new_request(POMEX_STORE_JOIN);
        join->join = (pomex_store_join){
            .base_url = "https://host/api", .account = "host", .key_hash = hashes[i]};
        bed_ask(bed, join);
        assert_int_equal(join->join.key_changed, i == 2);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_start, bed_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_makes_an_attempt_and_freezes_what_is_sent),
        TEST(asked_again_it_gives_the_same_answer_and_counts_once),
        TEST(it_is_for_the_holder_of_the_fence_alone),
        TEST(a_buried_worker_begins_nothing),
        TEST(the_caps_are_kept_to_the_last_millionth),
        TEST(begins_that_gather_pass_no_cap_together),
        TEST(an_account_has_so_many_tasks_in_flight_and_no_more),
        TEST(a_shut_gate_holds_up_everybody_of_the_account),
        TEST(the_first_begin_behind_a_gate_is_a_probe),
        TEST(a_probe_that_is_turned_away_says_for_how_long),
        TEST(a_probe_that_dies_holds_up_nobody),
        TEST(a_gate_that_is_shut_for_good_stays_so),
        TEST(a_paused_queue_begins_nothing),
        TEST(a_file_that_is_there_already_stops_it),
        TEST(a_job_of_another_account_is_not_claimed_and_is_said),
        TEST(another_key_of_the_account_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
