/* The SQLite back end from inside: migrations, its locks and who holds them, checkpoints, and what
 * only a change of its file by hand can show. */
#include "bed.h"
#include "process.h"

#include "store/sqlite/open.h"
#include "store/sqlite/place.h"
#include "store/sqlite/schema.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static atomic_bool not_closing;

static pomex_sq *open_self(store_bed *bed)
{
    char why[512] = "";
    enum pomex_store_answer answer;
    pomex_store_options options = {.backend = &pomex_store_sqlite, .path = bed->path};
    bed_close(bed);
    pomex_sq *self = pomex_sq_open(&options, &not_closing, &answer, why, sizeof why);
    if (!self)
        fail_msg("%s", why);
    return self;
}

static bool somebody(pomex_sq *self)
{
    (void)self;
    return true;
}

static bool nobody(pomex_sq *self)
{
    (void)self;
    return false;
}

static void an_older_store_is_migrated_while_no_other_worker_lives(void **state)
{
    store_bed *bed = *state;
    const char *steps[] = {pomex_sq_steps[0], pomex_sq_steps[1],
                           "ALTER TABLE job ADD COLUMN later INTEGER"};
    const char *broken[] = {pomex_sq_steps[0], pomex_sq_steps[1],
                            "ALTER TABLE job ADD COLUMN later INTEGER;"
                            "ALTER TABLE none ADD COLUMN later INTEGER"};
    char why[512] = "";
    pomex_sq *self = open_self(bed);
    assert_false(pomex_sq_migrate(self, steps, 3, somebody, why, sizeof why));
    assert_non_null(strstr(why, "other workers"));
    why[0] = '\0';
    assert_false(pomex_sq_migrate(self, broken, 3, nobody, why, sizeof why));
    assert_non_null(strstr(why, "none"));
    self->error = SQLITE_OK;
    assert_true(pomex_sq_migrate(self, steps, 3, nobody, why, sizeof why));
    assert_true(
        pomex_sq_migrate(self, steps, 3, somebody, why, sizeof why)); /* nothing to do */
    assert_int_equal(pomex_sq_number(self, 7, "SELECT count(later) FROM job", ""), 0);
    assert_false(pomex_sq_migrate(self, steps, 2, nobody, why, sizeof why));
    assert_non_null(strstr(why, "newer"));
    pomex_sq_close(self);
}

/* Two workers that are started at once make one store. To make a file a WAL one SQLite does not
 * wait for another that is about to write. */
static void a_new_store_that_another_makes_is_opened_all_the_same(void **state)
{
    store_bed *bed = *state;
    bed_close(bed);
    snprintf(bed->path, sizeof bed->path, "%s/new.db", bed->folder);
    pid_t other = process_start_brief_writer(bed->path);
    pomex_sq *self = open_self(bed);
    assert_int_equal(pomex_sq_number(self, 7, "SELECT count(*) FROM job", ""), 0);
    pomex_sq_close(self);
    waitpid(other, NULL, 0);
}

static void no_checkpoint_runs_beside_another_writer(void **state)
{
    store_bed *bed = *state;
    pomex_sq *self = open_self(bed);
    assert_true(pomex_sq_run(self, "INSERT INTO meta VALUES ('x', 1)", "") == 1);
    pid_t writer = process_start_writer(bed->path);
    int before = self->log_pages;
    atomic_store(&not_closing, true); /* it waits for a second, not for ten */
    assert_false(pomex_sq_checkpoint(self));
    assert_int_equal(self->error & 0xff, SQLITE_BUSY);
    assert_int_equal(self->log_pages, before);
    kill(writer, SIGKILL);
    waitpid(writer, NULL, 0);
    self->error = SQLITE_OK;
    assert_true(pomex_sq_checkpoint(self));
    assert_int_equal(self->log_pages, 0);
    atomic_store(&not_closing, false);
    pomex_sq_close(self);
}

static void a_due_time_from_before_a_step_of_the_clock_counts_as_past(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job;
    bed_join(bed);
    bed_put(bed, "a", "body");
    process_sql(bed->path, "UPDATE job SET due = (unixepoch() + 600) * 1000");
    assert_int_equal(bed_claim(bed, bed->worker, 1, &job), 0);
    process_sql(bed->path, "UPDATE job SET due = (unixepoch() + 3600) * 1000");
    assert_int_equal(bed_claim(bed, bed->worker, 1, &job), 1);
    process_sql(bed->path, "UPDATE account SET gate_until = (unixepoch() + 3600) * 1000");
    assert_int_equal(bed_begin(bed, bed->worker, &job, 1, 0)->answer, POMEX_STORE_YES);
}

static void events_go_30_days_after_the_end_of_their_job(void **state)
{
    store_bed *bed = *state;
    bed_sending(bed, "old", 0);
    bed_sending(bed, "new", 0);
    bed_sending(bed, "open", 0);
    process_sql(bed->path,
                "UPDATE job SET ended = (unixepoch() - 86400 * 31) * 1000 WHERE key = 'old';"
                "UPDATE job SET ended = (unixepoch() - 86400 * 29) * 1000 WHERE key = 'new'");
    assert_int_equal(bed_events(bed, "begun"), 3);
    pomex_store_request *beat = bed_new_request(POMEX_STORE_BEAT);
    beat->beat.worker = bed->worker;
    assert_int_equal(bed_ask(bed, beat)->answer, POMEX_STORE_YES);
    assert_int_equal(bed_events(bed, "begun"), 2);
}

static void whoever_keeps_the_store_is_named(void **state)
{
    store_bed *bed = *state;
    char name[32];
    bed_get(bed, "seed");
    bed_close(bed);
    pid_t writer = process_start_writer(bed->path);
    snprintf(name, sizeof name, "process %d ", (int)writer);
    bed_open(bed, false);
    pomex_store_request *put = bed_new_request(POMEX_STORE_QUEUE);
    put->queue = (pomex_store_queue){.queue = "other", .videos_cap = -1, .money_cap = -1};
    bed_ask(bed, put);
    kill(writer, SIGKILL);
    waitpid(writer, NULL, 0);
    assert_int_equal(put->answer, POMEX_STORE_BUSY);
    assert_non_null(strstr(put->why, name));
    bed_queue(bed);
}

static void a_lock_tells_who_lives(void **state)
{
    store_bed *bed = *state;
    pomex_sq *self = open_self(bed);
    assert_true(pomex_sq_is_dead(self, 5, self->boot));
    assert_true(pomex_sq_lock_worker(self, 5));
    assert_true(pomex_sq_is_held(self, 5));
    assert_false(pomex_sq_is_dead(self, 5, self->boot));
    assert_true(pomex_sq_is_dead(self, 6, self->boot));
    /* Where another kernel's locks may not be seen, nobody of it is taken for dead. */
    self->any_file_system = true;
    assert_true(pomex_sq_is_dead(self, 6, self->boot));
    assert_false(pomex_sq_is_dead(self, 6, "another boot"));
    pomex_sq_unlock_worker(self, 5);
    assert_true(pomex_sq_is_dead(self, 5, self->boot));
    pomex_sq_close(self);
}

static int start_with_a_job(void **state)
{
    if (bed_start(state) != 0)
        return -1;
    bed_put(*state, "seed", "body");
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_start, bed_stop)

int main(int count, char **words)
{
    int status;
    if (process_main(count, words, &status))
        return status;
    const struct CMUnitTest tests[] = {
        TEST(an_older_store_is_migrated_while_no_other_worker_lives),
        TEST(a_new_store_that_another_makes_is_opened_all_the_same),
        TEST(no_checkpoint_runs_beside_another_writer),
        TEST(a_due_time_from_before_a_step_of_the_clock_counts_as_past),
        TEST(events_go_30_days_after_the_end_of_their_job),
        cmocka_unit_test_setup_teardown(whoever_keeps_the_store_is_named, start_with_a_job,
                                        bed_stop),
        TEST(a_lock_tells_who_lives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
