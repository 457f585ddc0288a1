/* What `fact` and `move` promise: a fact is taken from anybody, an opinion from the holder alone. */
#include "bed.h"

#include <stdio.h>
#include <string.h>

static int64_t held(store_bed *bed, const char *key, size_t attempt)
{
    const pomex_store_get *get = bed_get_all(bed, key);
    assert_true(attempt <= get->attempt_count);
    return get->attempts[attempt - 1].held;
}

static void assert_counted(store_bed *bed, int64_t money, int64_t videos, int64_t tasks)
{
    pomex_store_counts counts = bed_counts(bed);
    assert_int_equal(counts.money, money);
    assert_int_equal(counts.videos, videos);
    assert_int_equal(counts.tasks, tasks);
}

static void what_never_left_gives_the_money_back(void **state)
{
    store_bed *bed = *state;
    static const enum pomex_store_fact_kind kinds[] = {POMEX_STORE_NEVER_LEFT, POMEX_STORE_LATE,
                                                       POMEX_STORE_TURNED_AWAY};
    pomex_store_job job = bed_sending(bed, "a", 500);
    for (int64_t i = 0; i < 3; i++) {
        assert_counted(bed, 500, 1, 1);
        assert_int_equal(bed_fact(bed, job.id, i + 1, kinds[i], NULL), POMEX_STORE_YES);
        assert_counted(bed, 0, 0, 0);
        assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_READY);
        assert_int_equal(bed_fact(bed, job.id, i + 1, kinds[i], NULL), POMEX_STORE_KNOWN);
        assert_counted(bed, 0, 0, 0);
        /* Its worker still holds it, and goes on by itself. */
        assert_int_equal(bed_begin(bed, bed->worker, &job, i + 2, 500)->answer,
                         POMEX_STORE_YES);
    }
    assert_string_equal(bed_get_all(bed, "a")->attempts[1].stage, "late");
}

static void an_id_moves_the_job_to_polling_once(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = bed_sending(bed, "a", 500);
    assert_int_equal(bed_fact(bed, job.id, 1, POMEX_STORE_TASK, "t1"), POMEX_STORE_YES);
    assert_int_equal(bed_fact(bed, job.id, 1, POMEX_STORE_TASK, "t1"), POMEX_STORE_KNOWN);
    pomex_store_job read = bed_get(bed, "a");
    assert_int_equal(read.state, POMEX_STORE_POLLING);
    assert_string_equal(read.task, "t1");
    assert_int_equal(read.worker, bed->worker);
    assert_counted(bed, 500, 1, 1);
    assert_int_equal(bed_events(bed, "id"), 1);
}

static void an_id_from_a_buried_worker_is_taken(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = bed_sending(bed, "a", 500);
    assert_int_equal(bed_bury(bed, bed->worker), POMEX_STORE_YES);
    pomex_store_job read = bed_get(bed, "a");
    assert_int_equal(read.state, POMEX_STORE_UNCLEAR);
    assert_int_equal(read.worker, 0);
    assert_counted(bed, 500, 1, 0);
    assert_int_equal(bed_fact(bed, job.id, 1, POMEX_STORE_TASK, "t1"), POMEX_STORE_YES);
    assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_POLLING);
    assert_counted(bed, 500, 1, 1);
    assert_int_equal(bed_claim(bed, bed_join(bed), 1, &read), 1);
    assert_string_equal(read.task, "t1");
}

static void word_that_it_never_left_moves_an_unclear_job(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = bed_sending(bed, "a", 500);
    bed_bury(bed, bed->worker);
    assert_int_equal(bed_fact(bed, job.id, 1, POMEX_STORE_NEVER_LEFT, NULL), POMEX_STORE_YES);
    assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_READY);
    assert_counted(bed, 0, 0, 0);
}

static void a_second_id_stands_beside_the_first(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = bed_sending(bed, "a", 500);
    bed_fact(bed, job.id, 1, POMEX_STORE_TASK, "t1");
    assert_int_equal(bed_fact(bed, job.id, 1, POMEX_STORE_TASK, "t2"), POMEX_STORE_SECOND);
    assert_int_equal(bed_fact(bed, job.id, 1, POMEX_STORE_TASK, "t2"), POMEX_STORE_KNOWN);
    assert_string_equal(bed_get(bed, "a").task, "t1");
    assert_int_equal(bed_events(bed, "second id"), 1);
    pomex_store_job other = bed_sending(bed, "b", 0);
    assert_int_equal(bed_fact(bed, other.id, 1, POMEX_STORE_TASK, "t2"), POMEX_STORE_REFUSED);
    assert_int_equal(bed_get(bed, "b").state, POMEX_STORE_SENDING);
}

/* The job that GET finds by an id of the service's; NULL: none. */
static const pomex_store_get *find(store_bed *bed, const char *queue, const char *task)
{
    pomex_store_request *request = bed_new_request(POMEX_STORE_GET);
    request->get = (pomex_store_get){.queue = queue, .task = task};
    enum pomex_store_answer answer = bed_ask(bed, request)->answer;
    assert_true(answer == POMEX_STORE_YES || answer == POMEX_STORE_MISSING);
    return answer == POMEX_STORE_YES ? &request->get : NULL;
}

static void an_id_of_any_attempt_finds_its_job(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = bed_sending(bed, "a", 500);
    bed_fact(bed, job.id, 1, POMEX_STORE_TASK, "t1");
    bed_ended(bed, job.id, 1, POMEX_STORE_FAILED, -1, 1);
    assert_int_equal(bed_ask(bed, bed_person(bed, POMEX_STORE_RETRY, "a"))->answer,
                     POMEX_STORE_YES);
    assert_int_equal(bed_claim(bed, bed->worker, 1, &job), 1);
    assert_int_equal(bed_begin(bed, bed->worker, &job, 2, 500)->answer, POMEX_STORE_YES);
    bed_fact(bed, job.id, 2, POMEX_STORE_TASK, "t2");
    assert_int_equal(bed_fact(bed, job.id, 2, POMEX_STORE_TASK, "t3"), POMEX_STORE_SECOND);
    pomex_store_job other = bed_sending(bed, "b", 500);
    bed_fact(bed, other.id, 1, POMEX_STORE_TASK, "t4");
    static const char *const ids[] = {"t1", "t2", "t3"};
    for (int i = 0; i < 3; i++) {
        const pomex_store_get *found = find(bed, "q", ids[i]);
        assert_non_null(found);
        assert_string_equal(found->job.key, "a");
        assert_int_equal(found->attempt_count, 2);
        assert_false(found->attempts[0].counted); /* it was free */
        assert_true(found->attempts[1].counted);
    }
    assert_string_equal(find(bed, "q", "t4")->job.key, "b");
    assert_null(find(bed, "q", "t5"));
    assert_null(find(bed, "another", "t1"));
    assert_string_equal(find(bed, NULL, "t1")->job.key, "a");
    assert_null(find(bed, NULL, "t5"));
}

static void the_first_attempts_id_spares_the_second(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = bed_sending(bed, "a", 500), again;
    bed_bury(bed, bed->worker);
    pomex_store_request *resend = bed_person(bed, POMEX_STORE_RESEND, "a");
    resend->person.now = 1;
    assert_int_equal(bed_ask(bed, resend)->answer, POMEX_STORE_YES);
    int64_t other = bed_join(bed);
    assert_int_equal(bed_claim(bed, other, 1, &again), 1);
    /* The first worker comes back before the second attempt has begun. */
    assert_int_equal(bed_fact(bed, job.id, 1, POMEX_STORE_TASK, "t1"), POMEX_STORE_YES);
    assert_int_equal(bed_begin(bed, other, &again, 2, 500)->answer, POMEX_STORE_STALE);
    assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_POLLING);
    assert_counted(bed, 500, 1, 1);
}

static void both_attempts_of_a_resent_job_hold_money_of_their_own(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = bed_sending(bed, "a", 500), again;
    bed_bury(bed, bed->worker);
    pomex_store_request *resend = bed_person(bed, POMEX_STORE_RESEND, "a");
    resend->person.now = 1;
    bed_ask(bed, resend);
    int64_t other = bed_join(bed);
    assert_int_equal(bed_claim(bed, other, 1, &again), 1);
    assert_int_equal(bed_begin(bed, other, &again, 2, 300)->answer, POMEX_STORE_YES);
    assert_counted(bed, 800, 2, 1);
    assert_int_equal(bed_fact(bed, job.id, 1, POMEX_STORE_TASK, "t1"), POMEX_STORE_YES);
    assert_int_equal(bed_fact(bed, job.id, 2, POMEX_STORE_TASK, "t2"), POMEX_STORE_SECOND);
    assert_string_equal(bed_get(bed, "a").task, "t1");
    assert_int_equal(bed_ended(bed, job.id, 2, POMEX_STORE_SAVING, 310, 0), POMEX_STORE_YES);
    assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_POLLING); /* that is of t2 */
    assert_int_equal(bed_ended(bed, job.id, 1, POMEX_STORE_SAVING, 510, 0), POMEX_STORE_YES);
    assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_SAVING);
    assert_counted(bed, 820, 2, 0);
}

static void an_id_after_never_left_is_held_again(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = bed_sending(bed, "a", 500);
    bed_cap(bed, 1, 500);
    bed_fact(bed, job.id, 1, POMEX_STORE_NEVER_LEFT, NULL);
    assert_counted(bed, 0, 0, 0);
    assert_int_equal(bed_fact(bed, job.id, 1, POMEX_STORE_TASK, "t1"), POMEX_STORE_YES);
    assert_counted(bed, 500, 1, 1);
    assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_POLLING);
    assert_int_equal(bed_fact(bed, job.id, 1, POMEX_STORE_NEVER_LEFT, NULL), POMEX_STORE_KNOWN);
    assert_counted(bed, 500, 1, 1);
}

static void an_end_settles_what_it_cost(void **state)
{
    store_bed *bed = *state;
    static const struct {
        enum pomex_store_state outcome;
        int64_t cost;
        int free;
        int64_t held, videos;
    } rows[] = {
        {POMEX_STORE_SAVING, 420, 0, 420, 1},   {POMEX_STORE_SAVING, -1, 0, 500, 1},
        {POMEX_STORE_SAVING, 600, 0, 600, 1},   {POMEX_STORE_FAILED, -1, 0, 500, 1},
        {POMEX_STORE_FAILED, -1, 1, 0, 0},      {POMEX_STORE_CANCELLED, -1, 1, 0, 0},
        {POMEX_STORE_CANCELLED, -1, 0, 500, 1}, {POMEX_STORE_EXPIRED, 0, 0, 0, 1},
    };
    int64_t money = 0, videos = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char key[8], task[8];
        snprintf(key, sizeof key, "k%zu", i);
        snprintf(task, sizeof task, "t%zu", i);
        pomex_store_job job = bed_sending(bed, key, 500);
        bed_fact(bed, job.id, 1, POMEX_STORE_TASK, task);
        assert_int_equal(bed_ended(bed, job.id, 1, rows[i].outcome, rows[i].cost, rows[i].free),
                         POMEX_STORE_YES);
        assert_int_equal(bed_ended(bed, job.id, 1, rows[i].outcome, rows[i].cost, rows[i].free),
                         POMEX_STORE_KNOWN);
        assert_int_equal(bed_get(bed, key).state, rows[i].outcome);
        assert_int_equal(held(bed, key, 1), rows[i].held);
        assert_counted(bed, money += rows[i].held, videos += rows[i].videos, 0);
    }
}

static void ten_failures_of_one_kind_in_a_row_pause_the_queue(void **state)
{
    store_bed *bed = *state;
    for (int i = 0; i < 16; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%d", i);
        pomex_store_job job = bed_sending(bed, key, 0);
        assert_int_equal(bed_counts(bed).paused, 0);
        bed_ended(bed, job.id, 1, i == 5 ? POMEX_STORE_SAVING : POMEX_STORE_FAILED, 0, 0);
        bed_ended(bed, job.id, 1, POMEX_STORE_FAILED, 0, 0); /* told again: counts once */
    }
    pomex_store_counts counts = bed_counts(bed);
    assert_int_equal(counts.paused, 1);
    assert_non_null(strstr(counts.why, "unsafe"));
}

static void an_opinion_is_taken_from_the_holder_alone(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = bed_sending(bed, "a", 0), other;
    bed_fact(bed, job.id, 1, POMEX_STORE_TASK, "t1");
    int64_t first = bed->worker, second = bed_join(bed);
    assert_int_equal(
        bed_move(bed, second, &job, POMEX_STORE_POLLING, POMEX_STORE_POLLING, NULL),
        POMEX_STORE_STALE);
    assert_int_equal(bed_move(bed, first, &job, POMEX_STORE_POLLING, POMEX_STORE_POLLING, NULL),
                     POMEX_STORE_YES);
    assert_int_equal(bed_move(bed, first, &job, POMEX_STORE_SAVING, POMEX_STORE_SAVING, NULL),
                     POMEX_STORE_STALE);
    bed_bury(bed, first);
    assert_int_equal(bed_move(bed, first, &job, POMEX_STORE_POLLING, POMEX_STORE_POLLING, NULL),
                     POMEX_STORE_BURIED);
    assert_int_equal(bed_claim(bed, second, 1, &other), 1);
    assert_true(other.fence > job.fence);
    job.worker = second;
    assert_int_equal(
        bed_move(bed, second, &job, POMEX_STORE_POLLING, POMEX_STORE_POLLING, NULL),
        POMEX_STORE_STALE); /* by the old fence */
}

static void no_job_is_done_before_its_sum_is_noted(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = bed_sending(bed, "a", 0);
    bed_ended(bed, job.id, 1, POMEX_STORE_SAVING, 0, 0);
    assert_int_equal(
        bed_move(bed, bed->worker, &job, POMEX_STORE_SAVING, POMEX_STORE_DONE, NULL),
        POMEX_STORE_REFUSED);
    assert_int_equal(
        bed_move(bed, bed->worker, &job, POMEX_STORE_SAVING, POMEX_STORE_SAVING, "abc"),
        POMEX_STORE_YES);
    pomex_store_job read = bed_get(bed, "a");
    assert_string_equal(read.saved, "a.mp4");
    assert_string_equal(read.sha256, "abc");
    assert_int_equal(read.length, 7);
    assert_int_equal(
        bed_move(bed, bed->worker, &job, POMEX_STORE_SAVING, POMEX_STORE_DONE, NULL),
        POMEX_STORE_YES);
    assert_int_equal(
        bed_move(bed, bed->worker, &job, POMEX_STORE_SAVING, POMEX_STORE_DONE, NULL),
        POMEX_STORE_KNOWN);
    read = bed_get(bed, "a");
    assert_int_equal(read.state, POMEX_STORE_DONE);
    assert_int_equal(read.worker, 0);
}

static void no_opinion_makes_a_sending_job_ready(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = bed_sending(bed, "a", 0);
    static const enum pomex_store_state to[] = {
        POMEX_STORE_READY,  POMEX_STORE_POLLING,   POMEX_STORE_SAVING,  POMEX_STORE_DONE,
        POMEX_STORE_FAILED, POMEX_STORE_CANCELLED, POMEX_STORE_EXPIRED, POMEX_STORE_SENDING};
    for (size_t i = 0; i < sizeof to / sizeof *to; i++)
        assert_int_equal(bed_move(bed, bed->worker, &job, POMEX_STORE_SENDING, to[i], NULL),
                         POMEX_STORE_REFUSED);
    assert_int_equal(
        bed_move(bed, bed->worker, &job, POMEX_STORE_SENDING, POMEX_STORE_UNCLEAR, NULL),
        POMEX_STORE_YES);
    assert_counted(bed, 0, 1, 0);
    assert_int_equal(bed_get(bed, "a").worker, 0);
}

static void an_id_that_the_service_lost_makes_the_job_unclear(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = bed_sending(bed, "a", 500);
    bed_fact(bed, job.id, 1, POMEX_STORE_TASK, "t1");
    assert_int_equal(
        bed_move(bed, bed->worker, &job, POMEX_STORE_POLLING, POMEX_STORE_READY, NULL),
        POMEX_STORE_REFUSED);
    assert_int_equal(
        bed_move(bed, bed->worker, &job, POMEX_STORE_POLLING, POMEX_STORE_UNCLEAR, NULL),
        POMEX_STORE_YES);
    assert_counted(bed, 500, 1, 0);
    /* The same id again is news here. */
    assert_int_equal(bed_fact(bed, job.id, 1, POMEX_STORE_TASK, "t1"), POMEX_STORE_YES);
    assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_POLLING);
    assert_counted(bed, 500, 1, 1);
}

static void what_is_not_there_is_missing(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = bed_sending(bed, "a", 0);
    assert_int_equal(bed_fact(bed, job.id + 1, 1, POMEX_STORE_TASK, "t"), POMEX_STORE_MISSING);
    assert_int_equal(bed_fact(bed, job.id, 2, POMEX_STORE_TASK, "t"), POMEX_STORE_MISSING);
    assert_int_equal(bed_fact(bed, job.id, 1, POMEX_STORE_TASK, NULL), POMEX_STORE_REFUSED);
    assert_int_equal(bed_ended(bed, job.id, 1, POMEX_STORE_READY, 0, 0), POMEX_STORE_REFUSED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_start, bed_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_never_left_gives_the_money_back),
        TEST(an_id_moves_the_job_to_polling_once),
        TEST(an_id_from_a_buried_worker_is_taken),
        TEST(word_that_it_never_left_moves_an_unclear_job),
        TEST(a_second_id_stands_beside_the_first),
        TEST(an_id_of_any_attempt_finds_its_job),
        TEST(the_first_attempts_id_spares_the_second),
        TEST(both_attempts_of_a_resent_job_hold_money_of_their_own),
        TEST(an_id_after_never_left_is_held_again),
        TEST(an_end_settles_what_it_cost),
        TEST(ten_failures_of_one_kind_in_a_row_pause_the_queue),
        TEST(an_opinion_is_taken_from_the_holder_alone),
        TEST(no_job_is_done_before_its_sum_is_noted),
        TEST(no_opinion_makes_a_sending_job_ready),
        TEST(an_id_that_the_service_lost_makes_the_job_unclear),
        TEST(what_is_not_there_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
