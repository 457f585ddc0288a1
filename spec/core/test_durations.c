/* What a client learns of how long its tasks take, and when its waits look by that. What it gains is
 * in spec/proof/test_pauses.c. */
#include "cmocka_all.h"

#include "harness.h"

#include "operation/durations.h"
#include "operation/pauses.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const pomex_schedule usual = {5, 1.25, 10};

/* -------------------------------------------------------------------------- the next pause */

static void fill(double *durations, size_t count, double first, double step)
{
    for (size_t i = 0; i < count; i++)
        durations[i] = first + step * (double)i;
}

TEST_CASE(of_fewer_than_eight_nothing_is_concluded)
{
    double known[64];
    fill(known, 64, 60, 1);
    assert_true(pomex_pauses_learnt(&usual, known, 7, 10) < 0);
    assert_true(pomex_pauses_learnt(&usual, known, 8, 10) > 0);
    assert_true(pomex_pauses_learnt(&usual, known, 64, 10) > 0);
}

TEST_CASE(who_is_older_than_all_that_are_known_keeps_the_schedule)
{
    double known[64];
    fill(known, 64, 60, 1);
    assert_true(pomex_pauses_learnt(&usual, known, 64, 122.9) > 0);
    assert_true(pomex_pauses_learnt(&usual, known, 64, 123) < 0);
    assert_true(pomex_pauses_learnt(&usual, known, 64, 5000) < 0);
    assert_float_equal(pomex_pauses_next(7, -1, 1.2), 8.4, 1e-9);
}

TEST_CASE(looks_are_dense_where_tasks_end)
{
    double known[64];
    fill(known, 64, 60, 0.5);
    double early = pomex_pauses_learnt(&usual, known, 64, 10);
    double there = pomex_pauses_learnt(&usual, known, 64, 75);
    assert_true(early > 14);
    assert_true(there > 0.1 && there < 4);
    assert_float_equal(pomex_pauses_next(5, early, 1.2), fmin(1.2 * early, 15), 1e-9);
}

/* Service and network are never so even; but a look must come where all of them end. */
TEST_CASE(tasks_that_all_take_as_long_are_looked_at_then)
{
    double known[64];
    fill(known, 64, 60, 0);
    for (size_t count = 8; count <= 64; count += 7) {
        double at = 0, pause = 5;
        int close = 0;
        while (at < 60) {
            at += pomex_pauses_next(pause, pomex_pauses_learnt(&usual, known, count, at), 1);
            pause = fmin(pause * usual.factor, usual.max);
            close += at > 57;
        }
        assert_true(close >= 2);
        assert_true(at < 62);
    }
}

/* Whatever is known, and by whatever schedule: a pause is one, and at most three times the fixed. */
TEST_CASE(no_pause_is_longer_than_three_times_the_fixed_one)
{
    static const pomex_schedule schedules[] = {{5, 1.25, 10},  {5, 1, 5},
                                               {0, 1, 1},      {0, 100, 1e6},
                                               {1e6, 1, 1e-3}, {1e-3, 1.0001, 1e6}};
    unsigned chance = 1;
    for (int round = 0; round < 3000; round++) {
        double known[64];
        size_t count = 8 + (size_t)rand_r(&chance) % 57;
        double scale = pow(10, rand_r(&chance) % 9 - 3);
        known[0] = scale;
        for (size_t i = 1; i < count; i++)
            known[i] =
                known[i - 1] + scale * (double)(rand_r(&chance) % 3 * (rand_r(&chance) % 99));
        const pomex_schedule *s = &schedules[round % 6];
        double elapsed = known[count - 1] * (rand_r(&chance) % 1000) / 1001;
        double learnt = pomex_pauses_learnt(s, known, count, elapsed);
        if (!(learnt > 0 && learnt < 1e12))
            fail_msg("round %d: %g after %g of %g", round, learnt, elapsed, known[count - 1]);
        double next = pomex_pauses_next(5, learnt, 0.8 + 0.4 * (round % 2));
        assert_true(next >= 0.5 && next <= 15);
    }
}

/* ------------------------------------------------------------------------ what is remembered */

static void add(pomex_durations *d, uint64_t kind, double seconds)
{
    pomex_durations_task task = {kind, 0, pomex_clock_ns(seconds - 1)};
    pomex_durations_add(d, &task, NULL, pomex_clock_ns(seconds + 1), 10);
}

TEST_CASE(the_last_64_are_known)
{
    pomex_durations d = {0};
    size_t count;
    assert_null(pomex_durations_of(&d, 1, &count));
    assert_int_equal(count, 0);
    for (int i = 0; i < 100; i++)
        add(&d, 1, 200 - i);
    const double *known = pomex_durations_of(&d, 1, &count);
    assert_int_equal(count, 64);
    assert_float_equal(known[0], 101, 1e-6);
    assert_float_equal(known[63], 164, 1e-6);
    pomex_durations_free(&d);
}

TEST_CASE(a_ninth_kind_takes_the_place_of_the_one_longest_unused)
{
    pomex_durations d = {0};
    size_t count;
    for (uint64_t kind = 1; kind <= 8; kind++)
        add(&d, kind, 60);
    add(&d, 1, 61);
    add(&d, 9, 60);
    for (uint64_t kind = 1; kind <= 9; kind++) {
        pomex_durations_of(&d, kind, &count);
        assert_int_equal(count, kind == 1 ? 2 : kind == 2 ? 0 : 1);
    }
    pomex_durations_free(&d);
}

static uint64_t kind_of(const char *text)
{
    json_t *object = json_loads(text, 0, NULL);
    uint64_t kind = pomex_durations_kind_of(object);
    json_decref(object);
    return kind;
}

TEST_CASE(a_kind_is_a_model_and_a_duration)
{
    uint64_t five = kind_of("{\"model\":\"m\",\"duration\":5}");
    assert_true(five != 0);
    assert_true(five == kind_of("{\"duration\":5.0,\"model\":\"m\",\"seed\":1}"));
    assert_true(five != kind_of("{\"model\":\"m\",\"duration\":10}"));
    assert_true(five != kind_of("{\"model\":\"n\",\"duration\":5}"));
    assert_true(five != kind_of("{\"model\":\"m\"}"));
    assert_true(kind_of("{\"duration\":5}") == 0);
}

TEST_CASE(an_age_that_cannot_be_is_none)
{
    static const struct {
        const char *answer;
        time_t date;
        int64_t since;
    } rows[] = {
        {"{\"created_at\":1000}", 1010, 90 * POMEX_SECOND},
        {"{\"created_at\":1000}", 1000, 100 * POMEX_SECOND},
        {"{\"created_at\":1000}", 999, POMEX_NEVER},
        {"{\"created_at\":1000}", -1, POMEX_NEVER},
        {"{\"created_at\":0}", 253402300799, POMEX_NEVER},
        {"{\"created_at\":-5}", 1000, POMEX_NEVER},
        {"{\"created_at\":1e300}", 1000, POMEX_NEVER},
        {"{\"created_at\":true}", 1000, POMEX_NEVER},
        {"{}", 1000, POMEX_NEVER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pomex_durations_task task = {0, POMEX_NEVER, INT64_MIN};
        json_t *answer = json_loads(rows[i].answer, 0, NULL);
        pomex_durations_meet(&task, answer, rows[i].date, 100 * POMEX_SECOND);
        json_decref(answer);
        if (task.since != rows[i].since)
            fail_msg("row %zu: %lld", i, (long long)task.since);
    }
}

/* How long a task took that was seen unfinished after `low` s and finished after `high` s, if its
 * answer says that; -1: nothing was learnt. */
static double learnt(double low, double high, const char *answer)
{
    pomex_durations d = {0};
    size_t count;
    pomex_durations_task task = {1, 7 * POMEX_SECOND,
                                 low > 0 ? pomex_clock_ns(7 + low) : INT64_MIN};
    json_t *object = json_loads(answer, 0, NULL);
    pomex_durations_add(&d, &task, object, pomex_clock_ns(7 + high), 40);
    json_decref(object);
    const double *known = pomex_durations_of(&d, 1, &count);
    double took = known ? known[0] : -1;
    pomex_durations_free(&d);
    return took;
}

TEST_CASE(how_long_a_task_took)
{
    static const struct {
        double low, high;
        const char *answer;
        double took;
    } rows[] = {
        {60, 70, "{}", 65},
        {0, 15, "{}", 7.5},
        {60, 70, "{\"created_at\":1000,\"updated_at\":1062}", 62},
        {60, 70, "{\"created_at\":1000,\"updated_at\":1071}", 70}, /* both are cut */
        {60, 70, "{\"created_at\":1000,\"updated_at\":1059}", 60},
        /* `updated_at` is of something else. */
        {60, 70, "{\"created_at\":1000,\"updated_at\":1080}", 65},
        {60, 70, "{\"created_at\":1000,\"updated_at\":1000}", 65},
        {60, 70, "{\"created_at\":1062,\"updated_at\":1000}", 65},
        {60, 70, "{\"created_at\":1000}", 65},
        {60, 70, "{\"created_at\":-1e300,\"updated_at\":1e300}", 65},
        {60, 70,
         "{\"created_at\":\"2026-06-19T07:02:41Z\",\"updated_at\":\"2026-06-19T07:03:45Z\"}",
         64},
        {60, 101, "{}", -1}, /* nobody looked for so long */
        {0, 3600, "{\"created_at\":1000,\"updated_at\":1062}", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double took = learnt(rows[i].low, rows[i].high, rows[i].answer);
        if (fabs(took - rows[i].took) > 1e-6)
            fail_msg("row %zu: %g and not %g", i, took, rows[i].took);
    }
}

/* ------------------------------------------------------------------------- a client's waits */

#define RUNNING(id)   "{\"id\":\"" id "\",\"status\":\"running\"}"
#define SUCCEEDED(id) "{\"id\":\"" id "\",\"status\":\"succeeded\"}"
#define MADE          "{\"id\":\"cgt-1\",\"model\":\"m\",\"status\":\"queued\"}"

static void set_up(harness *h, bool learns)
{
    static const fault_step none = {.status = 404};
    harness_start(h, &none, 1, false);
    harness_stop_clock(h);
    h->options.learn_pauses = learns;
    harness_client(h);
}

static pomex_operation *wait_for(harness *h, const char *id, double max)
{
    pomex_call_options options;
    pomex_call_options_init(&options);
    options.max = max;
    pomex_operation *op =
        pomex_client_wait(h->client, POMEX_GENERATION_GET, id, strlen(id), &options);
    assert_non_null(op);
    return op;
}

static void finish(harness *h, pomex_operation *op, const char *type)
{
    harness_finish(h, op);
    const pomex_error *error = pomex_operation_error(op);
    if (type)
        assert_string_equal(error->type, type);
    else
        assert_null(error);
    pomex_operation_release(op);
}

static void create(harness *h, int seconds)
{
    char text[256];
    snprintf(text, sizeof text,
             "{\"model\":\"byteplus/seedance-2.0\",\"duration\":%d,\"content\":"
             "[{\"type\":\"text\",\"text\":\"a wave\"}]}",
             seconds);
    json_t *body = json_loads(text, 0, NULL);
    pomex_operation *op =
        pomex_client_call(h->client, POMEX_GENERATION_CREATE, NULL, 0, body, NULL);
    json_decref(body);
    assert_non_null(op);
    finish(h, op, NULL);
}

/* Steps until the wait rests, and says for how long it will. */
static double next_pause(harness *h, const pomex_operation *op)
{
    do
        harness_rest(h, 0.001);
    while (!inside_is_paused(op));
    return pomex_client_timeout(h->client);
}

/* `count` tasks that this client makes, and that are seen unfinished six times: about a minute. */
static void make(harness *h, int count, int seconds, const char *end, const char *type)
{
    const fault_step steps[] = {
        {.match = "POST", .body = MADE}, {.times = 6, .body = RUNNING("cgt-1")}, {.body = end}};
    for (int i = 0; i < count; i++) {
        harness_script(h, steps, 3);
        create(h, seconds);
        finish(h, wait_for(h, "cgt-1", -1), type);
    }
}

/* Seconds until the first look at a new task. */
static double first_pause(harness *h, int seconds, double max)
{
    static const fault_step steps[] = {{.match = "POST", .body = MADE},
                                       {.body = RUNNING("cgt-1")}};
    harness_script(h, steps, 2);
    create(h, seconds);
    pomex_operation *op = wait_for(h, "cgt-1", max);
    double pause = next_pause(h, op);
    pomex_operation_cancel(op);
    pomex_operation_release(op);
    return pause;
}

TEST_CASE(after_eight_tasks_of_a_kind_a_ninth_is_left_alone_for_longer)
{
    harness h;
    set_up(&h, true);
    make(&h, 7, 5, SUCCEEDED("cgt-1"), NULL);
    assert_true(first_pause(&h, 5, -1) < 5.1);
    make(&h, 1, 5, SUCCEEDED("cgt-1"), NULL);
    double pause = first_pause(&h, 5, -1);
    assert_true(pause > 14 && pause < 15.1);
    assert_true(first_pause(&h, 10, -1) < 5.1);
    assert_true(first_pause(&h, 5, 10) < 5.1); /* its caller says when to look */
    harness_stop(&h);
}

TEST_CASE(a_client_that_is_not_to_learn_keeps_its_schedule)
{
    harness h;
    set_up(&h, false);
    make(&h, 8, 5, SUCCEEDED("cgt-1"), NULL);
    assert_true(first_pause(&h, 5, -1) < 5.1);
    harness_stop(&h);
}

/* Tasks that fail do so at any time, and nobody waits for that. */
TEST_CASE(tasks_that_fail_are_not_counted)
{
    harness h;
    set_up(&h, true);
    make(&h, 8, 5, "{\"id\":\"cgt-1\",\"status\":\"failed\"}", "generation_failed");
    assert_true(first_pause(&h, 5, -1) < 5.1);
    harness_stop(&h);
}

/* The pauses after a notice are those of docs/notices.md, whatever is known. */
TEST_CASE(after_a_notice_nothing_learnt_counts)
{
    static const double pauses[] = {1, 2, 4, 8, 16, 32, 60, 60};
    static const fault_step steps[] = {{.match = "POST", .body = MADE},
                                       {.body = RUNNING("cgt-1")}};
    harness h;
    set_up(&h, true);
    make(&h, 8, 5, SUCCEEDED("cgt-1"), NULL);
    harness_script(&h, steps, 2);
    create(&h, 5);
    pomex_operation *op = wait_for(&h, "cgt-1", -1);
    next_pause(&h, op);
    pomex_client_nudge(h.client, "cgt-1");
    harness_advance(&h, 0.11);
    harness_arrived(&h, "GET", 1);
    for (size_t i = 0; i < sizeof pauses / sizeof *pauses; i++) {
        double pause = next_pause(&h, op);
        if (pause < 0.79 * pauses[i] || pause > 1.21 * pauses[i])
            fail_msg("pause %zu is %g and not about %g", i, pause, pauses[i]);
        harness_advance(&h, pause + 0.01);
        harness_arrived(&h, "GET", 2 + i);
    }
    pomex_operation_cancel(op);
    pomex_operation_release(op);
    harness_stop(&h);
}

/* Of a task that another process has made: that answer was sent 1,000 s after 1970, and the task
 * made at `created`. */
static fault_step other(char *body, size_t size, const char *status, const char *created)
{
    snprintf(body, size, "{\"id\":\"cgt-2\",\"model\":\"m\",\"status\":\"%s\"%s%s}", status,
             created ? ",\"created_at\":" : "", created ? created : "");
    return (fault_step){.headers = "Date: Thu, 01 Jan 1970 00:16:40 GMT\r\n", .body = body};
}

/* The pause after the first look at a task of another process, when eight of its kind have been
 * waited for. */
static double pause_of_another(harness *h, const char *created)
{
    char going[128], done[128];
    fault_step steps[2];
    steps[0] = other(going, sizeof going, "running", created);
    steps[1] = other(done, sizeof done, "succeeded", created);
    steps[0].times = 6;
    for (int i = 0; i < 8; i++) {
        harness_script(h, steps, 2);
        finish(h, wait_for(h, "cgt-2", -1), NULL);
    }
    steps[0].times = 0;
    harness_script(h, steps, 1);
    pomex_operation *op = wait_for(h, "cgt-2", -1);
    harness_arrived(h, "GET", 1);
    double pause = next_pause(h, op);
    pomex_operation_cancel(op);
    pomex_operation_release(op);
    return pause;
}

TEST_CASE(a_task_of_another_process_is_as_old_as_the_service_says)
{
    static const struct {
        const char *created;
        double least, most;
    } rows[] = {
        {"990", 11.9, 15.1}, /* 10 s old */
        {"\"1970-01-01T00:16:30Z\"", 11.9, 15.1},
        {"1010", 3.9, 6.1}, /* made after that answer: nothing is known */
        {NULL, 3.9, 6.1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        harness h;
        set_up(&h, true);
        double pause = pause_of_another(&h, rows[i].created);
        if (pause < rows[i].least || pause > rows[i].most)
            fail_msg("row %zu: %g", i, pause);
        harness_stop(&h);
    }
}
