/* What a store that was put back has forgotten, and a person takes in by the id of what was made. */
#include "bed.h"

#include <string.h>

static enum pomex_store_answer ask(store_bed *bed, enum pomex_store_verb verb, const char *key)
{
    return bed_ask(bed, bed_person(bed, verb, key))->answer;
}

/* A job that is unclear by the death of its worker. */
static void unclear(store_bed *bed, const char *key)
{
    bed_sending(bed, key, 500);
    assert_int_equal(bed_bury(bed, bed->worker), POMEX_STORE_YES);
    assert_int_equal(bed_get(bed, key).state, POMEX_STORE_UNCLEAR);
    bed->worker = 0;
}

static pomex_store_request *adopt_forgotten(store_bed *bed, const char *key, const char *task)
{
    pomex_store_request *adopt = bed_person(bed, POMEX_STORE_ADOPT, key);
    adopt->person.task = task;
    adopt->person.base_url = "https://host/api";
    adopt->person.account = "host";
    adopt->person.key_hash = "hash";
    adopt->person.cost = 500;
    adopt->person.made = 1000;
    return bed_ask(bed, adopt);
}

static void adopt_takes_what_the_store_has_forgotten(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job, none;
    bed_cap(bed, 0, -1); /* what is true is counted whatever the cap says */
    bed_put(bed, "a", "body");
    bed_put(bed, "b", "body");
    assert_int_equal(bed_claim(bed, bed_join(bed), 1, &job),
                     1); /* a worker is about to begin it */
    assert_int_equal(adopt_forgotten(bed, "a", "t1")->answer, POMEX_STORE_YES);
    assert_int_equal(bed_begin(bed, bed->worker, &job, 1, 0)->answer, POMEX_STORE_STALE);
    assert_int_equal(bed_begin(bed, bed->worker, &job, 2, 0)->answer, POMEX_STORE_STALE);
    const pomex_store_get *got = bed_get_all(bed, "a");
    assert_int_equal(got->job.state, POMEX_STORE_POLLING);
    assert_string_equal(got->job.task, "t1");
    assert_string_equal(got->job.account, "host");
    assert_int_equal(got->attempt_count, 1);
    assert_int_equal(got->attempts[0].worker, 0);
    assert_int_equal(got->attempts[0].begun, 1000);
    assert_string_equal(got->attempts[0].stage, "task");
    assert_int_equal(bed_counts(bed).videos, 1);
    assert_int_equal(bed_counts(bed).money, 500);
    /* The id is no other job's from now on, and what is polling is not adopted. */
    assert_int_equal(adopt_forgotten(bed, "b", "t1")->answer, POMEX_STORE_REFUSED);
    assert_int_equal(adopt_forgotten(bed, "a", "t2")->answer, POMEX_STORE_REFUSED);
    assert_int_equal(ask(bed, POMEX_STORE_CANCEL, "b"), POMEX_STORE_YES);
    assert_int_equal(adopt_forgotten(bed, "b", "t2")->answer, POMEX_STORE_YES);
    assert_int_equal(bed_get(bed, "b").state, POMEX_STORE_POLLING);
    assert_int_equal(bed_counts(bed).states[POMEX_STORE_CANCELLED], 0);
    /* And its end is that of the job; a failed one is begun anew with the next number. */
    assert_int_equal(bed_ended(bed, job.id, 1, POMEX_STORE_FAILED, 0, 1), POMEX_STORE_YES);
    assert_int_equal(bed_counts(bed).videos, 1);
    assert_int_equal(ask(bed, POMEX_STORE_RETRY, "a"), POMEX_STORE_YES);
    assert_int_equal(adopt_forgotten(bed, "a", "t1")->answer, POMEX_STORE_REFUSED);
    bed_cap(bed, -1, -1);
    assert_int_equal(bed_claim(bed, bed->worker, 1, &none), 1);
}

static void adopt_leaves_alone_what_has_an_id_or_is_of_another_account(void **state)
{
    store_bed *bed = *state;
    pomex_store_job other = bed_sending(bed, "other", 0);
    bed_fact(bed, other.id, 1, POMEX_STORE_NEVER_LEFT, NULL);
    assert_int_equal(ask(bed, POMEX_STORE_CANCEL, "other"), POMEX_STORE_YES);
    pomex_store_job job = bed_sending(bed, "made", 0);
    bed_fact(bed, job.id, 1, POMEX_STORE_TASK, "t1");
    bed_ended(bed, job.id, 1, POMEX_STORE_SAVING, 0, 0);
    assert_int_equal(ask(bed, POMEX_STORE_CANCEL, "made"), POMEX_STORE_YES);
    assert_int_equal(adopt_forgotten(bed, "made", "t2")->answer, POMEX_STORE_REFUSED);
    assert_string_equal(bed_get(bed, "made").task, "t1");
    /* What was cancelled while it was unclear is the attempt that it has. */
    unclear(bed, "lost");
    assert_int_equal(ask(bed, POMEX_STORE_CANCEL, "lost"), POMEX_STORE_YES);
    int64_t videos = bed_counts(bed).videos;
    assert_int_equal(adopt_forgotten(bed, "lost", "t3")->answer, POMEX_STORE_YES);
    assert_int_equal(bed_get_all(bed, "lost")->attempt_count, 1);
    assert_int_equal(bed_counts(bed).videos, videos);
    pomex_store_request *adopt = bed_person(bed, POMEX_STORE_ADOPT, "other");
    adopt->person.task = "t4";
    adopt->person.base_url = "https://elsewhere/api";
    adopt->person.account = "elsewhere";
    assert_int_equal(bed_ask(bed, adopt)->answer, POMEX_STORE_REFUSED);
    assert_int_equal(bed_get(bed, "other").state, POMEX_STORE_CANCELLED);
    assert_int_equal(bed_get_all(bed, "other")->attempt_count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_start, bed_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(adopt_takes_what_the_store_has_forgotten),
        TEST(adopt_leaves_alone_what_has_an_id_or_is_of_another_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
