/* What `put`, `get`, `list`, `counts` and `queue` promise. */
#include "bed.h"

#include <stdio.h>
#include <string.h>

static pomex_store_request *put_part(store_bed *bed, const pomex_store_new *jobs, size_t count,
                                     int64_t batch, int more)
{
    pomex_store_request *request = bed_new_request(POMEX_STORE_PUT);
    request->put = (pomex_store_put){
        .queue = "q", .jobs = jobs, .job_count = count, .batch = batch, .more = more};
    return bed_ask(bed, request);
}

static void a_job_that_is_put_is_ready_and_as_it_was_written(void **state)
{
    store_bed *bed = *state;
    pomex_store_new job = {.key = "a", .save = "a.mp4", .line = "{}", .body = "{\"x\":1}"};
    assert_int_equal(bed_put_new(bed, &job), POMEX_STORE_NEW);
    pomex_store_job read = bed_get(bed, "a");
    assert_int_equal(read.state, POMEX_STORE_READY);
    assert_string_equal(read.save, "a.mp4");
    assert_string_equal(read.body, "{\"x\":1}");
    assert_null(read.task);
    assert_int_equal(read.attempt, 0);
}

static void the_same_line_is_the_same_job(void **state)
{
    store_bed *bed = *state;
    pomex_store_job sending = bed_sending(bed, "b", 0);
    pomex_store_new job = {.key = "a", .line = "{}", .body = "one"};
    assert_int_equal(bed_put_new(bed, &job), POMEX_STORE_NEW);
    assert_int_equal(bed_put_new(bed, &job), POMEX_STORE_SAME);
    assert_int_equal(bed_get(bed, "a").fence, 0);
    job.body = "two"; /* a price that was forgotten; nothing of it is out */
    job.save = "x.mp4";
    assert_int_equal(bed_put_new(bed, &job), POMEX_STORE_SAME);
    assert_string_equal(bed_get(bed, "a").body, "two");
    assert_string_equal(bed_get(bed, "a").save, "x.mp4");
    job = (pomex_store_new){.key = "b", .line = "body", .body = "two"};
    assert_int_equal(bed_put_new(bed, &job), POMEX_STORE_SAME);
    assert_string_equal(bed_get(bed, "b").body, "body");
    bed_fact(bed, sending.id, 1, POMEX_STORE_TURNED_AWAY, NULL);
    assert_int_equal(bed_put_new(bed, &job), POMEX_STORE_SAME);
    assert_string_equal(bed_get(bed, "b").body, "two");
    assert_int_equal(bed_counts(bed).states[POMEX_STORE_READY], 2);
}

static void another_body_replaces_what_was_never_begun(void **state)
{
    store_bed *bed = *state;
    pomex_store_job old, now;
    bed_join(bed);
    bed_put(bed, "a", "one");
    assert_int_equal(bed_claim(bed, bed->worker, 1, &old), 1);
    assert_int_equal(bed_put(bed, "a", "two"), POMEX_STORE_CHANGED);
    assert_string_equal(bed_get(bed, "a").body, "two");
    /* Whoever claimed it before knows the old body, and begins nothing with it. */
    assert_int_equal(bed_begin(bed, bed->worker, &old, 1, 0)->answer, POMEX_STORE_STALE);
    assert_int_equal(bed_claim(bed, bed->worker, 1, &now), 1);
    assert_string_equal(now.body, "two");
    assert_int_equal(bed_begin(bed, bed->worker, &now, 1, 0)->answer, POMEX_STORE_YES);
}

static void another_body_of_a_job_that_was_begun_is_a_conflict(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = bed_sending(bed, "a", 0);
    assert_int_equal(bed_put(bed, "a", "other"), POMEX_STORE_CONFLICT);
    /* Also of one that is ready again. */
    bed_fact(bed, job.id, 1, POMEX_STORE_TURNED_AWAY, NULL);
    assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_READY);
    assert_int_equal(bed_put(bed, "a", "other"), POMEX_STORE_CONFLICT);
    assert_string_equal(bed_get(bed, "a").body, "body");
}

static void two_jobs_do_not_save_to_one_name(void **state)
{
    store_bed *bed = *state;
    pomex_store_new one = {.key = "a", .save = "x.mp4", .line = "1", .body = "1"};
    pomex_store_new two = {.key = "b", .save = "x.mp4", .line = "2", .body = "2"};
    assert_int_equal(bed_put_new(bed, &one), POMEX_STORE_NEW);
    assert_int_equal(bed_put_new(bed, &two), POMEX_STORE_SAVE_TAKEN);
    pomex_store_request *get = bed_new_request(POMEX_STORE_GET);
    get->get = (pomex_store_get){.queue = "q", .key = "b"};
    assert_int_equal(bed_ask(bed, get)->answer, POMEX_STORE_MISSING);
    two.save = "y.mp4";
    assert_int_equal(bed_put_new(bed, &two), POMEX_STORE_NEW);
    two.save = "x.mp4";
    assert_int_equal(bed_put_new(bed, &two), POMEX_STORE_SAVE_TAKEN);
    assert_string_equal(bed_get(bed, "b").save, "y.mp4");
}

static void a_batch_is_visible_with_its_last_part(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job;
    pomex_store_new one = {.key = "a", .line = "1", .body = "1"};
    pomex_store_new two = {.key = "b", .line = "2", .body = "2"};
    bed_join(bed);
    int64_t batch = put_part(bed, &one, 1, 0, 1)->put.batch;
    assert_true(batch > 0);
    assert_int_equal(bed_claim(bed, bed->worker, 5, &job), 0);
    assert_int_equal(bed_counts(bed).states[POMEX_STORE_INCOMING], 1);
    put_part(bed, &two, 1, batch, 0);
    assert_int_equal(bed_claim(bed, bed->worker, 5, &job), 2);
}

static void of_two_batches_with_one_job_the_first_that_is_whole_shows_it(void **state)
{
    store_bed *bed = *state;
    pomex_store_new jobs[] = {{.key = "a", .line = "1", .body = "1"},
                              {.key = "b", .line = "2", .body = "2"}};
    int64_t first = put_part(bed, jobs, 1, 0, 1)->put.batch;
    int64_t second = put_part(bed, jobs, 1, 0, 1)->put.batch;
    assert_true(first != second);
    /* The first one's worker dies here. */
    pomex_store_request *last = put_part(bed, jobs + 1, 1, second, 0);
    assert_int_equal(last->put.verdicts[0], POMEX_STORE_NEW);
    assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_READY);
    assert_int_equal(bed_get(bed, "b").state, POMEX_STORE_READY);
}

static void a_video_waits_for_the_portraits_that_it_needs(void **state)
{
    store_bed *bed = *state;
    static const char *const needs[] = {"front", "side"};
    pomex_store_new video = {
        .key = "v", .line = "v", .body = "v", .needs = needs, .need_count = 2};
    pomex_store_new front = {
        .key = "front", .kind = POMEX_STORE_PORTRAIT, .line = "f", .body = "f"};
    pomex_store_new side = {
        .key = "side", .kind = POMEX_STORE_PORTRAIT, .line = "s", .body = "s"};
    pomex_store_job job;
    bed_join(bed);
    bed_put_new(bed, &front);
    bed_put_new(bed, &video); /* before one of its portraits */
    bed_put_new(bed, &side);
    assert_int_equal(bed_get(bed, "v").blocked, 2);
    assert_int_equal(bed_counts(bed).blocked, 1);
    for (int64_t left = 1; left >= 0; left--) {
        assert_int_equal(bed_claim(bed, bed->worker, 1, &job), 1);
        assert_int_equal(job.kind, POMEX_STORE_PORTRAIT);
        assert_int_equal(bed_begin(bed, bed->worker, &job, 1, 0)->answer, POMEX_STORE_YES);
        assert_int_equal(bed_ended(bed, job.id, 1, POMEX_STORE_DONE, 0, 0), POMEX_STORE_YES);
        assert_int_equal(bed_get(bed, "v").blocked, left);
    }
    assert_int_equal(bed_counts(bed).blocked, 0);
    assert_int_equal(bed_claim(bed, bed->worker, 1, &job), 1);
    assert_string_equal(job.key, "v");
}

/* So many jobs as one batch, whose last part is answered. */
static pomex_store_request *put_many(store_bed *bed, size_t count, size_t part)
{
    static char keys[6000][24];
    static pomex_store_new jobs[6000];
    pomex_store_request *last = NULL;
    assert_true(count <= sizeof jobs / sizeof *jobs);
    for (size_t i = 0; i < count; i++) {
        snprintf(keys[i], sizeof keys[i], "k%zu", i);
        jobs[i] = (pomex_store_new){.key = keys[i], .line = keys[i], .body = "b"};
    }
    for (size_t i = 0; i < count; i += part)
        last = put_part(bed, jobs + i, part, last ? last->put.batch : 0, i + part < count);
    return last;
}

static void a_long_batch_becomes_visible_some_at_a_time(void **state)
{
    store_bed *bed = *state;
    enum { COUNT = 6000 };
    pomex_store_job job;
    pomex_store_request *last = put_many(bed, COUNT, 500);
    pomex_store_counts counts = bed_counts(bed);
    assert_int_equal(counts.states[POMEX_STORE_INCOMING], last->put.hidden);
    assert_int_equal(counts.states[POMEX_STORE_READY], COUNT - last->put.hidden);
    while (last->put.hidden > 0) {
        int64_t hidden = last->put.hidden;
        last = put_part(bed, NULL, 0, last->put.batch, 0);
        assert_int_equal(last->answer, POMEX_STORE_YES);
        assert_true(last->put.hidden < hidden);
    }
    assert_int_equal(bed_counts(bed).states[POMEX_STORE_READY], COUNT);
    assert_int_equal(bed_claim(bed, bed_join(bed), 1, &job), 1);
    assert_string_equal(job.key, "k0");
}

static void what_whoever_put_it_leaves_hidden_claims_make_visible(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job;
    put_many(bed, 6000, 500);
    bed_join(bed);
    for (int i = 0; bed_counts(bed).states[POMEX_STORE_INCOMING] > 0; i++) {
        assert_true(i < 5);
        assert_int_equal(bed_claim(bed, bed->worker, 1, &job), 1);
    }
    assert_int_equal(bed_counts(bed).states[POMEX_STORE_READY], 6000);
}

static void assert_key(const pomex_store_job *job, size_t number)
{
    char key[8];
    snprintf(key, sizeof key, "k%zu", number);
    assert_string_equal(job->key, key);
}

static void a_list_is_read_in_parts_and_by_state(void **state)
{
    store_bed *bed = *state;
    put_many(bed, 1200, 400);
    int64_t after = 0;
    size_t seen = 0;
    for (;;) {
        pomex_store_request *list = bed_new_request(POMEX_STORE_LIST);
        list->list =
            (pomex_store_list){.queue = "q", .states = 1u << POMEX_STORE_READY, .after = after};
        assert_int_equal(bed_ask(bed, list)->answer, POMEX_STORE_YES);
        for (size_t i = 0; i < list->list.job_count; i++)
            assert_key(&list->list.jobs[i], seen++);
        if (list->list.job_count < POMEX_STORE_ROWS)
            break;
        assert_int_equal(list->list.job_count, POMEX_STORE_ROWS);
        after = list->list.jobs[list->list.job_count - 1].id;
    }
    assert_int_equal(seen, 1200);
    pomex_store_request *none = bed_new_request(POMEX_STORE_LIST);
    none->list = (pomex_store_list){.queue = "q", .states = 1u << POMEX_STORE_DONE};
    assert_int_equal(bed_ask(bed, none)->list.job_count, 0);
}

static void more_than_a_part_holds_is_refused(void **state)
{
    store_bed *bed = *state;
    static pomex_store_new jobs[POMEX_STORE_ROWS + 1];
    for (size_t i = 0; i < POMEX_STORE_ROWS + 1; i++)
        jobs[i] = (pomex_store_new){.key = "k", .line = "l", .body = "b"};
    assert_int_equal(put_part(bed, jobs, POMEX_STORE_ROWS + 1, 0, 0)->answer,
                     POMEX_STORE_REFUSED);
}

static void a_queue_that_is_not_there_is_missing(void **state)
{
    store_bed *bed = *state;
    pomex_store_request *request = bed_new_request(POMEX_STORE_COUNTS);
    request->counts.queue = "none";
    assert_int_equal(bed_ask(bed, request)->answer, POMEX_STORE_MISSING);
    assert_non_null(strstr(request->why, "none"));
}

static void the_first_caps_stay_until_cap_changes_them(void **state)
{
    store_bed *bed = *state;
    for (int64_t cap = 5; cap < 7; cap++) {
        pomex_store_request *request = bed_new_request(POMEX_STORE_QUEUE);
        request->queue =
            (pomex_store_queue){.queue = "q", .videos_cap = cap, .money_cap = cap * 10};
        bed_ask(bed, request);
        assert_int_equal(request->answer, cap == 5 ? POMEX_STORE_YES : POMEX_STORE_KNOWN);
    }
    assert_int_equal(bed_counts(bed).videos_cap, 5);
    assert_int_equal(bed_counts(bed).money_cap, 50);
    bed_cap(bed, 9, -1);
    assert_int_equal(bed_counts(bed).videos_cap, 9);
    assert_int_equal(bed_counts(bed).money_cap, -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_start, bed_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_job_that_is_put_is_ready_and_as_it_was_written),
        TEST(the_same_line_is_the_same_job),
        TEST(another_body_replaces_what_was_never_begun),
        TEST(another_body_of_a_job_that_was_begun_is_a_conflict),
        TEST(two_jobs_do_not_save_to_one_name),
        TEST(a_batch_is_visible_with_its_last_part),
        TEST(of_two_batches_with_one_job_the_first_that_is_whole_shows_it),
        TEST(a_video_waits_for_the_portraits_that_it_needs),
        TEST(a_long_batch_becomes_visible_some_at_a_time),
        TEST(what_whoever_put_it_leaves_hidden_claims_make_visible),
        TEST(a_list_is_read_in_parts_and_by_state),
        TEST(more_than_a_part_holds_is_refused),
        TEST(a_queue_that_is_not_there_is_missing),
        TEST(the_first_caps_stay_until_cap_changes_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
