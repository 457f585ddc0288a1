/* What a person's verbs promise; each leaves an event. */
#include "bed.h"

#include <stdio.h>
#include <string.h>

static enum pomex_store_answer ask(store_bed *bed, enum pomex_store_verb verb, const char *key)
{
    return bed_ask(bed, bed_person(bed, verb, key))->answer;
}

/* A job that is unclear by the death of its worker. */
static pomex_store_job unclear(store_bed *bed, const char *key)
{
    pomex_store_job job = bed_sending(bed, key, 500);
    assert_int_equal(bed_bury(bed, bed->worker), POMEX_STORE_YES);
    assert_int_equal(bed_get(bed, key).state, POMEX_STORE_UNCLEAR);
    bed->worker = 0;
    return job;
}

static void retry_takes_back_what_the_service_ended(void **state)
{
    store_bed *bed = *state;
    static const enum pomex_store_state ends[] = {POMEX_STORE_FAILED, POMEX_STORE_CANCELLED,
                                                  POMEX_STORE_EXPIRED};
    pomex_store_job job = bed_sending(bed, "a", 500);
    assert_int_equal(ask(bed, POMEX_STORE_RETRY, "a"), POMEX_STORE_REFUSED);
    for (int64_t i = 0; i < 3; i++) {
        bed_fact(bed, job.id, i + 1, POMEX_STORE_TASK, i == 0 ? "t1" : i == 1 ? "t2" : "t3");
        bed_ended(bed, job.id, i + 1, ends[i], -1, 0);
        pomex_store_request *retry = bed_person(bed, POMEX_STORE_RETRY, "a");
        if (i == 1)
            retry->person.line = retry->person.body = "milder";
        assert_int_equal(bed_ask(bed, retry)->answer, POMEX_STORE_YES);
        pomex_store_job read = bed_get(bed, "a");
        assert_int_equal(read.state, POMEX_STORE_READY);
        assert_null(read.task);
        assert_string_equal(read.body, i == 0 ? "body" : "milder");
        assert_int_equal(bed_claim(bed, bed->worker, 1, &job), 1);
        assert_int_equal(bed_begin(bed, bed->worker, &job, i + 2, 500)->answer,
                         POMEX_STORE_YES);
    }
    assert_int_equal(bed_counts(bed).money, 2000);
    assert_int_equal(bed_events(bed, "retry"), 3);
    assert_int_equal(ask(bed, POMEX_STORE_RETRY, "none"), POMEX_STORE_MISSING);
}

static void retry_of_what_was_perhaps_made_sends_nothing(void **state)
{
    store_bed *bed = *state;
    unclear(bed, "a");
    assert_int_equal(ask(bed, POMEX_STORE_CANCEL, "a"), POMEX_STORE_YES);
    pomex_store_request *other = bed_person(bed, POMEX_STORE_RETRY, "a");
    other->person.line = other->person.body = "milder";
    assert_int_equal(bed_ask(bed, other)->answer, POMEX_STORE_REFUSED);
    assert_int_equal(ask(bed, POMEX_STORE_RETRY, "a"), POMEX_STORE_YES);
    assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_UNCLEAR);
    assert_int_equal(ask(bed, POMEX_STORE_RESEND, "a"), POMEX_STORE_REFUSED); /* too early */
}

static void retry_of_what_is_paid_saves_it(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = bed_sending(bed, "a", 500);
    bed_fact(bed, job.id, 1, POMEX_STORE_TASK, "t1");
    bed_ended(bed, job.id, 1, POMEX_STORE_SAVING, 400, 0);
    assert_string_equal(bed_get_all(bed, "a")->attempts[0].stage, "made");
    assert_int_equal(ask(bed, POMEX_STORE_CANCEL, "a"), POMEX_STORE_YES);
    assert_int_equal(ask(bed, POMEX_STORE_RETRY, "a"), POMEX_STORE_YES);
    pomex_store_job read = bed_get(bed, "a");
    assert_int_equal(read.state, POMEX_STORE_SAVING);
    assert_string_equal(read.task, "t1");
    assert_int_equal(bed_counts(bed).money, 400);
    /* The same words once more are no other video. */
    assert_int_equal(ask(bed, POMEX_STORE_CANCEL, "a"), POMEX_STORE_YES);
    pomex_store_request *same = bed_person(bed, POMEX_STORE_RETRY, "a");
    same->person.line = same->person.body = "body";
    assert_int_equal(bed_ask(bed, same)->answer, POMEX_STORE_YES);
    assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_SAVING);
    /* With other words it is another video. */
    assert_int_equal(ask(bed, POMEX_STORE_CANCEL, "a"), POMEX_STORE_YES);
    pomex_store_request *other = bed_person(bed, POMEX_STORE_RETRY, "a");
    other->person.line = other->person.body = "milder";
    assert_int_equal(bed_ask(bed, other)->answer, POMEX_STORE_YES);
    assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_READY);
}

static void retry_of_a_task_that_is_gone_sends_nothing(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = bed_sending(bed, "a", 500);
    bed_fact(bed, job.id, 1, POMEX_STORE_TASK, "t1");
    pomex_store_request *gone = bed_new_request(POMEX_STORE_MOVE);
    gone->move = (pomex_store_move){.worker = bed->worker,
                                    .job = job.id,
                                    .fence = job.fence,
                                    .from = POMEX_STORE_POLLING,
                                    .to = POMEX_STORE_UNCLEAR};
    assert_int_equal(bed_ask(bed, gone)->answer, POMEX_STORE_YES);
    assert_int_equal(ask(bed, POMEX_STORE_CANCEL, "a"), POMEX_STORE_YES);
    assert_int_equal(ask(bed, POMEX_STORE_RETRY, "a"), POMEX_STORE_YES);
    assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_UNCLEAR);
}

static void resend_waits_for_15_minutes_or_for_now(void **state)
{
    store_bed *bed = *state;
    unclear(bed, "a");
    pomex_store_request *early = bed_person(bed, POMEX_STORE_RESEND, "a");
    assert_int_equal(bed_ask(bed, early)->answer, POMEX_STORE_REFUSED);
    assert_non_null(strstr(early->why, "15 minutes"));
    assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_UNCLEAR);
    pomex_store_request *now = bed_person(bed, POMEX_STORE_RESEND, "a");
    now->person.now = 1;
    assert_int_equal(bed_ask(bed, now)->answer, POMEX_STORE_YES);
    assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_READY);
    assert_int_equal(bed_counts(bed).money, 500); /* what the first may have cost */
    assert_int_equal(bed_events(bed, "resend"), 1);
}

static void resend_is_for_what_is_unclear(void **state)
{
    store_bed *bed = *state;
    bed_sending(bed, "a", 0);
    pomex_store_request *now = bed_person(bed, POMEX_STORE_RESEND, "a");
    now->person.now = 1;
    assert_int_equal(bed_ask(bed, now)->answer, POMEX_STORE_REFUSED);
    assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_SENDING);
}

static void what_its_own_worker_called_unclear_may_be_resent(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = bed_sending(bed, "a", 0);
    bed_move(bed, bed->worker, &job, POMEX_STORE_SENDING, POMEX_STORE_UNCLEAR, NULL);
    pomex_store_request *now = bed_person(bed, POMEX_STORE_RESEND, "a");
    now->person.now = 1;
    assert_int_equal(bed_ask(bed, now)->answer, POMEX_STORE_YES);
}

static void adopt_gives_an_unclear_job_its_id(void **state)
{
    store_bed *bed = *state;
    pomex_store_job other = bed_sending(bed, "b", 0);
    bed_fact(bed, other.id, 1, POMEX_STORE_TASK, "t9");
    unclear(bed, "a");
    pomex_store_request *adopt = bed_person(bed, POMEX_STORE_ADOPT, "a");
    adopt->person.task = "t9";
    assert_int_equal(bed_ask(bed, adopt)->answer, POMEX_STORE_REFUSED);
    assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_UNCLEAR);
    adopt = bed_person(bed, POMEX_STORE_ADOPT, "a");
    adopt->person.task = "t1";
    assert_int_equal(bed_ask(bed, adopt)->answer, POMEX_STORE_YES);
    pomex_store_job job = bed_get(bed, "a");
    assert_int_equal(job.state, POMEX_STORE_POLLING);
    assert_string_equal(job.task, "t1");
    assert_int_equal(bed_counts(bed).money, 500);
    adopt = bed_person(bed, POMEX_STORE_ADOPT, "a");
    adopt->person.task = "t2";
    assert_int_equal(bed_ask(bed, adopt)->answer, POMEX_STORE_REFUSED); /* not unclear */
    /* And its end is that of the job. */
    assert_int_equal(bed_ended(bed, job.id, 1, POMEX_STORE_SAVING, 400, 0), POMEX_STORE_YES);
    assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_SAVING);
    assert_int_equal(bed_counts(bed).money, 400);
}

static void resolve_gives_back_what_was_not_billed(void **state)
{
    store_bed *bed = *state;
    unclear(bed, "a");
    pomex_store_request *billed = bed_person(bed, POMEX_STORE_RESOLVE, "a");
    assert_int_equal(bed_ask(bed, billed)->answer, POMEX_STORE_YES);
    assert_int_equal(bed_counts(bed).money, 500);
    pomex_store_request *not_billed = bed_person(bed, POMEX_STORE_RESOLVE, "a");
    not_billed->person.not_billed = 1;
    assert_int_equal(bed_ask(bed, not_billed)->answer, POMEX_STORE_YES);
    assert_int_equal(bed_counts(bed).money, 0);
    assert_int_equal(bed_counts(bed).videos, 0);
    assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_UNCLEAR);
    bed_sending(bed, "b", 500);
    not_billed = bed_person(bed, POMEX_STORE_RESOLVE, "b");
    not_billed->person.not_billed = 1;
    assert_int_equal(bed_ask(bed, not_billed)->answer, POMEX_STORE_REFUSED); /* it is out */
    assert_int_equal(bed_counts(bed).money, 500);
}

static void cancel_ends_what_is_not_out(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = bed_sending(bed, "out", 500);
    assert_int_equal(ask(bed, POMEX_STORE_CANCEL, "out"), POMEX_STORE_REFUSED);
    bed_fact(bed, job.id, 1, POMEX_STORE_TASK, "t1");
    /* What nobody can look at any more is given up. What it is paid stays, and it is not anew. */
    assert_int_equal(ask(bed, POMEX_STORE_CANCEL, "out"), POMEX_STORE_YES);
    assert_int_equal(ask(bed, POMEX_STORE_RETRY, "out"), POMEX_STORE_YES);
    assert_int_equal(bed_get(bed, "out").state, POMEX_STORE_UNCLEAR);
    assert_int_equal(ask(bed, POMEX_STORE_CANCEL, "out"), POMEX_STORE_YES);
    bed_put(bed, "ready", "body");
    assert_int_equal(bed_claim(bed, bed->worker, 1, &job), 1);
    assert_int_equal(ask(bed, POMEX_STORE_CANCEL, "ready"), POMEX_STORE_YES);
    assert_int_equal(ask(bed, POMEX_STORE_CANCEL, "ready"), POMEX_STORE_KNOWN);
    assert_int_equal(bed_begin(bed, bed->worker, &job, 1, 0)->answer, POMEX_STORE_STALE);
    unclear(bed, "unclear");
    assert_int_equal(ask(bed, POMEX_STORE_CANCEL, "unclear"), POMEX_STORE_YES);
    assert_int_equal(bed_counts(bed).money, 1000); /* nobody knows */
    assert_int_equal(bed_counts(bed).states[POMEX_STORE_CANCELLED], 3);
}

/* Whether a file holds that text. */
static bool holds(const char *path, const char *text)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t length = strlen(text), size = 0;
    static char bytes[8 << 20];
    size = fread(bytes, 1, sizeof bytes, file);
    assert_true(size > 0 && size < sizeof bytes);
    fclose(file);
    for (size_t i = 0; i + length <= size; i++) {
        if (memcmp(bytes + i, text, length) == 0)
            return true;
    }
    return false;
}

static void forget_leaves_of_what_is_over_its_money(void **state)
{
    static const char *const said[] = {"the key of Rachel", "Rachel's prompt", "Rachel's error",
                                       "Rachel's file"};
    store_bed *bed = *state;
    char path[128];
    bed_put_new(bed, &(pomex_store_new){
                         .key = said[0], .save = said[3], .line = said[1], .body = said[1]});
    assert_int_equal(ask(bed, POMEX_STORE_FORGET, said[0]), POMEX_STORE_REFUSED);
    pomex_store_job job;
    assert_int_equal(bed_claim(bed, bed_join(bed), 1, &job), 1);
    pomex_store_request *begin = bed_new_request(POMEX_STORE_BEGIN);
    begin->begin = (pomex_store_begin){.worker = bed->worker,
                                       .job = job.id,
                                       .fence = job.fence,
                                       .attempt = 1,
                                       .cost = 500,
                                       .body = said[1]};
    assert_int_equal(bed_ask(bed, begin)->answer, POMEX_STORE_YES);
    assert_int_equal(ask(bed, POMEX_STORE_FORGET, said[0]), POMEX_STORE_REFUSED);
    pomex_store_request *ended = bed_new_request(POMEX_STORE_FACT);
    ended->fact = (pomex_store_fact){.job = job.id,
                                     .attempt = 1,
                                     .kind = POMEX_STORE_ENDED,
                                     .task = "t1",
                                     .outcome = POMEX_STORE_FAILED,
                                     .cost = 400,
                                     .error = said[2]};
    assert_int_equal(bed_ask(bed, ended)->answer, POMEX_STORE_YES);
    bed_copy(bed, "before", path, sizeof path);
    for (int i = 0; i < 4; i++)
        assert_true(holds(path, said[i]));
    assert_int_equal(ask(bed, POMEX_STORE_FORGET, said[0]), POMEX_STORE_YES);
    bed_copy(bed, "after", path, sizeof path);
    for (int i = 0; i < 4; i++)
        assert_false(holds(path, said[i]));
    assert_int_equal(ask(bed, POMEX_STORE_FORGET, said[0]), POMEX_STORE_MISSING);
    assert_int_equal(bed_counts(bed).money, 400);
    assert_int_equal(bed_counts(bed).videos, 1);
    assert_int_equal(bed_counts(bed).states[POMEX_STORE_FAILED], 1);
    assert_int_equal(bed_events(bed, "forget"), 1);
    /* Key and name are free again, and there is nothing to ask for anew. */
    assert_int_equal(bed_put(bed, said[0], "another"), POMEX_STORE_NEW);
    assert_int_equal(ask(bed, POMEX_STORE_RETRY, "(forgotten 1)"), POMEX_STORE_REFUSED);
    assert_int_equal(ask(bed, POMEX_STORE_CANCEL, said[0]), POMEX_STORE_YES);
    /* Nor is its id another's. */
    unclear(bed, "b");
    pomex_store_request *adopt = bed_person(bed, POMEX_STORE_ADOPT, "b");
    adopt->person.task = "t1";
    assert_int_equal(bed_ask(bed, adopt)->answer, POMEX_STORE_REFUSED);
}

static void forget_leaves_what_another_needs(void **state)
{
    store_bed *bed = *state;
    const char *const needs[] = {"front"};
    bed_put_new(bed,
                &(pomex_store_new){
                    .key = "front", .kind = POMEX_STORE_PORTRAIT, .line = "x", .body = "x"});
    pomex_store_job job;
    assert_int_equal(bed_claim(bed, bed_join(bed), 1, &job), 1);
    assert_int_equal(bed_begin(bed, bed->worker, &job, 1, 0)->answer, POMEX_STORE_YES);
    assert_int_equal(bed_ended(bed, job.id, 1, POMEX_STORE_DONE, 0, 0), POMEX_STORE_YES);
    bed_put_new(bed,
                &(pomex_store_new){
                    .key = "video", .line = "y", .body = "y", .needs = needs, .need_count = 1});
    assert_int_equal(ask(bed, POMEX_STORE_FORGET, "front"), POMEX_STORE_REFUSED);
    assert_int_equal(ask(bed, POMEX_STORE_CANCEL, "video"), POMEX_STORE_YES);
    assert_int_equal(ask(bed, POMEX_STORE_FORGET, "front"), POMEX_STORE_YES);
}

static void a_job_that_is_stuck_goes_on_by_retry(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job;
    bed_put(bed, "a", "body");
    for (int death = 0; death < 3; death++) {
        assert_int_equal(bed_claim(bed, bed_join(bed), 1, &job), 1);
        assert_int_equal(job.stuck, 0);
        assert_int_equal(bed_bury(bed, bed->worker), POMEX_STORE_YES);
    }
    assert_int_equal(bed_get(bed, "a").stuck, 1);
    assert_int_equal(bed_counts(bed).stuck, 1);
    assert_int_equal(bed_claim(bed, bed_join(bed), 1, &job), 0);
    assert_int_equal(ask(bed, POMEX_STORE_RETRY, "a"), POMEX_STORE_YES);
    assert_int_equal(bed_counts(bed).stuck, 0);
    assert_int_equal(bed_claim(bed, bed->worker, 1, &job), 1);
}

static void pause_and_cap_are_events(void **state)
{
    store_bed *bed = *state;
    bed_cap(bed, 5, -1);
    pomex_store_request *pause = bed_new_request(POMEX_STORE_PAUSE);
    pause->queue = (pomex_store_queue){.queue = "q", .paused = 1, .by = "me", .text = "lunch"};
    bed_ask(bed, pause);
    assert_string_equal(bed_counts(bed).why, "lunch");
    pomex_store_request *events = bed_new_request(POMEX_STORE_EVENTS);
    events->events = (pomex_store_events){.queue = "q"};
    assert_int_equal(bed_ask(bed, events)->events.event_count, 2);
    assert_string_equal(events->events.events[0].name, "cap");
    assert_string_equal(events->events.events[1].name, "pause");
    assert_string_equal(events->events.events[1].by, "me");
    assert_string_equal(events->events.events[1].text, "lunch");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_start, bed_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(retry_takes_back_what_the_service_ended),
        TEST(retry_of_what_was_perhaps_made_sends_nothing),
        TEST(retry_of_what_is_paid_saves_it),
        TEST(retry_of_a_task_that_is_gone_sends_nothing),
        TEST(resend_waits_for_15_minutes_or_for_now),
        TEST(resend_is_for_what_is_unclear),
        TEST(what_its_own_worker_called_unclear_may_be_resent),
        TEST(adopt_gives_an_unclear_job_its_id),
        TEST(resolve_gives_back_what_was_not_billed),
        TEST(cancel_ends_what_is_not_out),
        TEST(forget_leaves_of_what_is_over_its_money),
        TEST(forget_leaves_what_another_needs),
        TEST(a_job_that_is_stuck_goes_on_by_retry),
        TEST(pause_and_cap_are_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
