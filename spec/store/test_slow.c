/* A disk that is slow, full, or hangs: nobody who calls the store waits for it, an id is still
 * written, and close comes back. */
#include "bed.h"
#include "disk.h"

#include "store/thread.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const int64_t millisecond = 1000000;

static int stop(void **state)
{
    disk_slow(0);
    disk_full(false);
    disk_room(-1);
    return bed_stop(state);
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void no_call_waits_for_a_disk_whose_syncs_take_300_ms(void **state)
{
    store_bed *bed = *state;
    enum { STEPS = 400 };
    static int64_t took[STEPS];
    static char keys[STEPS][16];
    static pomex_store_new jobs[STEPS];
    int answers = 0, asked = 0;
    bed_join(bed);
    disk_slow(300);
    for (int i = 0; i < STEPS; i++) {
        int64_t began = pomex_store_now();
        snprintf(keys[i], sizeof keys[i], "k%d", i);
        jobs[i] = (pomex_store_new){.key = keys[i], .line = "l", .body = "b"};
        pomex_store_request *put = bed_new_request(POMEX_STORE_PUT);
        put->put = (pomex_store_put){.queue = "q", .jobs = &jobs[i], .job_count = 1};
        bed_submit(bed, put);
        asked++;
        pomex_store_request *answer;
        while ((answer = pomex_store_take(bed->store))) {
            assert_int_equal(answer->answer, POMEX_STORE_YES);
            pomex_store_request_free(answer);
            answers++;
        }
        pomex_store_stepped(bed->store, POMEX_STORE_NEVER);
        took[i] = pomex_store_now() - began;
        poll(NULL, 0, 5); /* as a host between two steps */
    }
    assert_true(answers < asked); /* the disk was slow all along */
    while (answers < asked) {
        bed_wait(bed);
        answers++;
    }
    disk_slow(0);
    qsort(took, STEPS, sizeof *took, compare);
    /* The last is what the machine does to a process that it does not run. */
    assert_true(took[STEPS * 99 / 100] < 5 * millisecond);
    assert_true(took[STEPS - 1] < 250 * millisecond);
    assert_int_equal(bed_counts(bed).states[POMEX_STORE_READY], STEPS);
}

static void close_comes_back_from_a_disk_that_hangs(void **state)
{
    store_bed *bed = *state;
    bed_join(bed);
    pomex_store_new job = {.key = "a", .line = "l", .body = "b"};
    pomex_store_request *put = bed_new_request(POMEX_STORE_PUT);
    put->put = (pomex_store_put){.queue = "q", .jobs = &job, .job_count = 1};
    disk_slow(3500);
    bed_submit(bed, put);
    int64_t began = pomex_store_now();
    bed_close(bed);
    assert_true(pomex_store_now() - began < 3000 * millisecond);
    disk_slow(0);
    /* The thread ends by itself, and gives its lock back: the store can be opened again. */
    bed_open(bed, false);
    for (int i = 0; i < 300; i++) {
        pomex_store_request *get = bed_new_request(POMEX_STORE_GET);
        get->get = (pomex_store_get){.queue = "q", .key = "a"};
        if (bed_ask(bed, get)->answer == POMEX_STORE_YES)
            break;
        assert_true(i < 299);
        poll(NULL, 0, 50);
    }
    poll(NULL, 0, 3500); /* so that a sanitizer sees its memory given back */
}

static void a_full_disk_still_takes_ids(void **state)
{
    store_bed *bed = *state;
    enum { JOBS = 64 };
    pomex_store_job jobs[JOBS];
    char key[16];
    for (int i = 0; i < JOBS; i++) {
        snprintf(key, sizeof key, "k%d", i);
        jobs[i] = bed_sending(bed, key, 10);
    }
    disk_full(true);
    for (int i = 0; i < JOBS; i++) {
        snprintf(key, sizeof key, "t%d", i);
        assert_int_equal(bed_fact(bed, jobs[i].id, 1, POMEX_STORE_TASK, key), POMEX_STORE_YES);
    }
    disk_full(false);
    assert_int_equal(bed_counts(bed).states[POMEX_STORE_POLLING], JOBS);
}

static void what_does_not_fit_is_said_and_takes_no_fact_along(void **state)
{
    store_bed *bed = *state;
    enum { LARGE = 40000 };
    static char body[LARGE + 1];
    static char keys[POMEX_STORE_ROWS][16];
    static pomex_store_new jobs[POMEX_STORE_ROWS];
    pomex_store_job job = bed_sending(bed, "a", 10);
    memset(body, 'x', LARGE);
    for (size_t i = 0; i < POMEX_STORE_ROWS; i++) {
        snprintf(keys[i], sizeof keys[i], "p%zu", i);
        jobs[i] = (pomex_store_new){.key = keys[i], .line = "l", .body = body};
    }
    for (int full = 1; full >= 0; full--) {
        pomex_store_request *put = bed_new_request(POMEX_STORE_PUT);
        put->put = (pomex_store_put){.queue = "q", .jobs = jobs, .job_count = POMEX_STORE_ROWS};
        pomex_store_request *fact = bed_new_request(POMEX_STORE_FACT);
        fact->fact = (pomex_store_fact){
            .job = job.id, .attempt = 1, .kind = POMEX_STORE_TASK, .task = "t1"};
        disk_full(full);
        disk_slow(full ? 50 : 0); /* so that both gather behind the first */
        pomex_store_request *first = bed_person(bed, POMEX_STORE_CANCEL, "none");
        bed_submit(bed, first);
        bed_submit(bed, put);
        bed_submit(bed, fact);
        for (int i = 0; i < 3; i++)
            bed_wait(bed);
        disk_slow(0);
        assert_int_equal(put->answer, full ? POMEX_STORE_FULL : POMEX_STORE_YES);
        assert_int_equal(fact->answer, full ? POMEX_STORE_YES : POMEX_STORE_KNOWN);
        if (full) {
            assert_non_null(put->why);
            assert_int_equal(bed_counts(bed).states[POMEX_STORE_READY], 0);
        }
    }
    assert_int_equal(bed_counts(bed).states[POMEX_STORE_READY], POMEX_STORE_ROWS);
}

static void nothing_begins_where_a_disk_has_no_room(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job;
    char file[128];
    snprintf(file, sizeof file, "%s/a.mp4", bed->folder);
    bed_join(bed);
    bed_put(bed, "a", "body");
    assert_int_equal(bed_claim(bed, bed->worker, 1, &job), 1);
    static const struct {
        int64_t left;
        bool saves, begins;
    } rows[] = {{63 << 20, false, false}, {255 << 20, true, false}, {65 << 20, false, true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pomex_store_request *begin = bed_new_request(POMEX_STORE_BEGIN);
        begin->begin = (pomex_store_begin){.worker = bed->worker,
                                           .job = job.id,
                                           .fence = job.fence,
                                           .attempt = 1,
                                           .file = rows[i].saves ? file : NULL};
        disk_room(rows[i].left);
        bed_ask(bed, begin);
        disk_room(-1);
        assert_int_equal(begin->answer, rows[i].begins ? POMEX_STORE_YES : POMEX_STORE_LATER);
        if (!rows[i].begins)
            assert_int_equal(begin->begin.reason, POMEX_STORE_REASON_ROOM);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_call_waits_for_a_disk_whose_syncs_take_300_ms),
        TEST(close_comes_back_from_a_disk_that_hangs),
        TEST(a_full_disk_still_takes_ids),
        TEST(what_does_not_fit_is_said_and_takes_no_fact_along),
        TEST(nothing_begins_where_a_disk_has_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
