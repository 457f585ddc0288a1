/* A database on PostgreSQL that is another one than it was, and what becomes old in it. */
#include "bed.h"
#include "server.h"

#include "store/backend.h"

#include <stdio.h>
#include <string.h>

static void must_continue(store_bed *bed, const pomex_store_job *job)
{
    pomex_store_request *begin = bed_begin(bed, bed->worker, job, 1, 5);
    assert_int_equal(begin->answer, POMEX_STORE_LATER);
    assert_int_equal(begin->begin.reason, POMEX_STORE_REASON_CONTINUE);
    assert_int_equal(bed_counts(bed).must_continue, 1);
    pomex_store_request *go_on = bed_new_request(POMEX_STORE_CONTINUE);
    go_on->go_on.by = "me";
    assert_int_equal(bed_ask(bed, go_on)->answer, POMEX_STORE_YES);
    assert_int_equal(bed_counts(bed).must_continue, 0);
    assert_int_equal(bed_begin(bed, bed->worker, job, 1, 5)->answer, POMEX_STORE_YES);
}

static pomex_store_job claimed(store_bed *bed)
{
    pomex_store_job job;
    bed_join(bed);
    assert_int_equal(bed_claim(bed, bed->worker, 1, &job), 1);
    return job;
}

static void a_database_of_another_lineage_begins_nothing(void **state)
{
    store_bed *bed = *state;
    bed_queue(bed);
    bed_put(bed, "a", "body");
    pomex_store_job job = claimed(bed);
    assert_int_equal(bed_counts(bed).must_continue, 0);
    /* As a standby leaves it that was promoted: its timeline is another one. */
    server_sql(
        "UPDATE pomex.meta SET value = regexp_replace(value, '/[0-9A-F]{8}/', '/0000FFFF/')"
        " WHERE name = 'lineage'");
    must_continue(bed, &job);
}

static void what_is_adopted_before_continue_hides_nothing(void **state)
{
    store_bed *bed = *state;
    bed_queue(bed);
    bed_sending(bed, "a", 0);
    server_sql("UPDATE pomex.meta SET value = 'another' WHERE name = 'lineage'");
    int64_t newest = bed_counts(bed).newest_event;
    assert_true(newest > 0);
    bed_put(bed, "made", "body");
    pomex_store_request *adopt = bed_person(bed, POMEX_STORE_ADOPT, "made");
    adopt->person.task = "t1";
    adopt->person.base_url = "https://host/api";
    adopt->person.account = "host";
    assert_int_equal(bed_ask(bed, adopt)->answer, POMEX_STORE_YES);
    assert_int_equal(bed_counts(bed).must_continue, 1);
    assert_int_equal(bed_counts(bed).newest_event, newest);
}

static void a_copy_in_the_same_server_begins_nothing(void **state)
{
    store_bed *bed = *state;
    char sql[200], original[sizeof bed->path];
    bed_queue(bed);
    bed_put(bed, "a", "body");
    bed_close(bed);
    memcpy(original, bed->path, sizeof original);
    const char *name = strrchr(original, '/') + 1;
    snprintf(sql, sizeof sql, "CREATE DATABASE copy_of_%s TEMPLATE %s", name, name);
    server_sql(sql);
    snprintf(bed->path, sizeof bed->path, "%.*scopy_of_%s", (int)(name - original), original,
             name);
    bed_open(bed, false);
    pomex_store_job job = claimed(bed);
    must_continue(bed, &job);
    bed_close(bed);
    snprintf(sql, sizeof sql, "DROP DATABASE copy_of_%s", name);
    server_sql(sql);
    memcpy(bed->path, original, sizeof original);
    bed_open(bed, false);
}

/* As a database that was put back from a backup before they joined: one of them may still work. */
static void no_worker_has_the_number_of_another_one(void **state)
{
    store_bed *bed = *state;
    bed_queue(bed);
    int64_t first = bed_join(bed);
    assert_true(first > 0);
    server_sql("TRUNCATE pomex.worker RESTART IDENTITY");
    assert_int_not_equal(bed_join(bed), first);
}

static void beat(store_bed *bed)
{
    pomex_store_request *beat = bed_new_request(POMEX_STORE_BEAT);
    beat->beat.worker = bed->worker;
    assert_int_equal(bed_ask(bed, beat)->answer, POMEX_STORE_YES);
}

static void what_is_old_goes_once_an_hour(void **state)
{
    store_bed *bed = *state;
    bed_queue(bed);
    bed_sending(bed, "old", 0);
    bed_sending(bed, "new", 0);
    bed_sending(bed, "open", 0);
    server_sql("UPDATE pomex.job SET ended = pomex.wall() - 31 * 86400000::bigint"
               " WHERE key = 'old'");
    server_sql("UPDATE pomex.job SET ended = pomex.wall() - 29 * 86400000::bigint"
               " WHERE key = 'new'");
    server_sql(
        "INSERT INTO pomex.session VALUES ('gone', 1, clock_timestamp() - interval '25 h')");
    server_sql("UPDATE pomex.meta SET value = pomex.wall() WHERE name = 'tidied'");
    beat(bed);
    assert_int_equal(bed_events(bed, "begun"), 3);
    server_sql("UPDATE pomex.meta SET value = '0' WHERE name = 'tidied'");
    beat(bed);
    assert_int_equal(bed_events(bed, "begun"), 2);
    server_sql("SELECT 1 / (count(*) = 1)::int FROM pomex.session");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_start, bed_stop)
    const struct CMUnitTest tests[] = {
        TEST(a_database_of_another_lineage_begins_nothing),
        TEST(what_is_adopted_before_continue_hides_nothing),
        TEST(a_copy_in_the_same_server_begins_nothing),
        TEST(no_worker_has_the_number_of_another_one),
        TEST(what_is_old_goes_once_an_hour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
