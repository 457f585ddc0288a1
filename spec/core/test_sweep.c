/* Waits of one group: when a page of the group's list takes the place of single looks, and that
 * they end as they would by those. */
#include "cmocka_all.h"

#include "gallery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 400

/* A gallery, and waits for its first assets. */
typedef struct bed {
    gallery g;
    pomex_operation *ops[MOST];
    size_t count;
} bed;

static void set_up(bed *b, size_t assets, size_t groups)
{
    memset(b, 0, sizeof *b);
    gallery_start(&b->g, assets, groups);
    harness_client(&b->g.h);
}

static void wait_for(bed *b, size_t count, bool known, double timeout)
{
    for (; count > 0; count--, b->count++)
        b->ops[b->count] = gallery_wait(&b->g, b->count, known, timeout);
}

static void tear_down(bed *b)
{
    for (size_t i = 0; i < b->count; i++)
        pomex_operation_release(b->ops[i]);
    gallery_stop(&b->g);
}

static size_t done(const bed *b)
{
    size_t count = 0;
    for (size_t i = 0; i < b->count; i++)
        count += pomex_operation_done(b->ops[i]);
    return count;
}

/* Lets time pass until all waits are done, and fails unless each ends well and within `lag` seconds
 * of its asset's readiness. */
static void end_within(bed *b, double lag)
{
    bool seen[MOST] = {false};
    while (done(b) < b->count) {
        gallery_pass(&b->g, 0.25);
        for (size_t i = 0; i < b->count; i++) {
            double late = gallery_now(&b->g) - b->g.assets[i].ready;
            if (!seen[i] && late > lag + 0.25 && !pomex_operation_done(b->ops[i]))
                fail_msg("wait %zu goes on %.1f s after its asset is ready", i, late);
            seen[i] = pomex_operation_done(b->ops[i]);
        }
    }
    for (size_t i = 0; i < b->count; i++)
        assert_null(pomex_operation_error(b->ops[i]));
}

static void ready_from(bed *b, double first, double step)
{
    for (size_t i = 0; i < b->g.count; i++)
        b->g.assets[i].ready = first + step * (double)i;
    gallery_sort(&b->g);
}

TEST_CASE(fewer_than_ten_of_a_group_are_looked_at_alone)
{
    for (size_t count = 1; count < 10; count += 8) {
        bed b;
        set_up(&b, 20, 1);
        wait_for(&b, count, true, -1);
        gallery_pass(&b.g, 0);
        assert_int_equal(b.g.gets, count); /* one wait is one get */
        gallery_pass(&b.g, 20);
        assert_true(b.g.gets >= 5 * count);
        assert_int_equal(b.g.lists, 0);
        tear_down(&b);
    }
}

TEST_CASE(from_ten_on_a_page_is_a_look_for_all)
{
    bed b;
    set_up(&b, 60, 1);
    wait_for(&b, 50, true, -1);
    gallery_pass(&b.g, 0);
    assert_int_equal(b.g.gets, 9); /* those that began before there were ten */
    gallery_pass(&b.g, 50);
    assert_in_range(b.g.gets, 9, 12);  /* on a busy machine a look or two more */
    assert_in_range(b.g.lists, 8, 25); /* single looks would be 550 */
    for (size_t i = 0; i < b.count; i++)
        assert_true(pomex_operation_attempts(b.ops[i]) >= 8);
    tear_down(&b);
}

/* Whatever the lists show, each asset is looked at alone every minute. */
TEST_CASE(now_and_then_each_is_looked_at_alone)
{
    bed b;
    set_up(&b, 60, 1);
    wait_for(&b, 50, true, 3600);
    gallery_pass(&b.g, 300);
    assert_in_range(b.g.gets, 4 * 50, 6 * 50);
    tear_down(&b);
}

static void compare_answers(bed *b, size_t i)
{
    size_t length;
    const char *text = pomex_operation_body(b->ops[i], &length);
    json_t *listed = json_loadb(text, length, 0, NULL);
    pomex_operation *get =
        pomex_client_call(b->g.h.client, POMEX_ASSET_GET, pomex_operation_object(b->ops[i]),
                          strlen(pomex_operation_object(b->ops[i])), NULL, NULL);
    gallery_settle(&b->g);
    text = pomex_operation_body(get, &length);
    json_t *got = json_loadb(text, length, 0, NULL);
    assert_non_null(got);
    assert_true(json_equal(listed, got));
    json_decref(listed);
    json_decref(got);
    pomex_operation_release(get);
}

TEST_CASE(what_a_wait_returns_is_what_a_get_would)
{
    bed b;
    set_up(&b, 40, 1);
    ready_from(&b, 30, 0.5);
    wait_for(&b, 40, true, -1);
    gallery_pass(&b.g, 20);
    size_t before = b.g.gets;
    end_within(&b, 6.5);
    assert_true(b.g.gets - before < 20); /* the last nine, when they are fewer than ten */
    compare_answers(&b, 0);
    assert_int_equal(pomex_operation_status(b.ops[0]), 200);
    assert_string_equal(inside_endpoint(b.ops[0])->name, "assets.get");
    tear_down(&b);
}

/* What the document does not show in a list is asked for. */
TEST_CASE(items_that_say_too_little_have_a_look_follow)
{
    for (int bare = 0; bare < 2; bare++) {
        bed b;
        set_up(&b, 40, 1);
        ready_from(&b, 30, 0);
        for (size_t i = 0; i < 40; i++)
            b.g.assets[i].failed = i % 2;
        b.g.bare = bare;
        wait_for(&b, 40, true, -1);
        gallery_pass(&b.g, 29);
        size_t before = b.g.gets;
        gallery_pass(&b.g, 8);
        assert_int_equal(done(&b), 40);
        assert_int_equal(b.g.gets - before, bare ? 40 : 0);
        compare_answers(&b, 0);
        const pomex_error *error = pomex_operation_error(b.ops[1]);
        assert_non_null(error);
        assert_string_equal(error->type, "asset_failed");
        assert_string_equal(error->endpoint, "assets.get");
        assert_string_equal(error->last_status, "failed");
        assert_non_null(strstr(error->message, "no face"));
        tear_down(&b);
    }
}

/* More waits than a page holds: those that became final last come first. */
TEST_CASE(the_newest_final_ones_come_first)
{
    bed b;
    set_up(&b, MOST, 1);
    ready_from(&b, 20, 0.1);
    wait_for(&b, MOST, true, -1);
    gallery_pass(&b.g, 20);
    size_t before = b.g.newest;
    double lag = 0;
    for (size_t ended = 0; gallery_now(&b.g) < 40;) {
        gallery_pass(&b.g, 0.25);
        for (; ended < done(&b); ended++)
            lag += (gallery_now(&b.g) - b.g.assets[ended].ready) / MOST;
    }
    assert_true(lag < 1.2); /* a sweep by the schedule alone: 2.5 */
    assert_in_range(b.g.newest - before, 3, 30);
    end_within(&b, 7.5);
    tear_down(&b);
}

/* Nobody promises that a change of status moves the time of update. */
TEST_CASE(a_change_that_moves_no_time_is_found_by_the_sweep)
{
    bed b;
    set_up(&b, MOST, 1);
    b.g.unmoved = true;
    ready_from(&b, 20, 0.1);
    wait_for(&b, MOST, true, -1);
    gallery_pass(&b.g, 19);
    assert_true(b.g.newest <= 5); /* pages that end no wait become seldom */
    end_within(&b, 8);
    tear_down(&b);
}

/* … and by the page that shows it, once ten are known. */
TEST_CASE(a_group_is_learnt_from_the_first_look)
{
    bed b;
    set_up(&b, MOST, 1);
    wait_for(&b, MOST, false, -1);
    gallery_pass(&b.g, 5);
    size_t before = b.g.gets;
    assert_in_range(before, 100, 250);
    assert_in_range(b.g.lists, 4, 20);
    for (size_t i = 0; i < MOST; i++)
        assert_true(pomex_operation_attempts(b.ops[i]) > 0);
    gallery_pass(&b.g, 40);
    assert_true(b.g.gets - before < 20);
    tear_down(&b);
}

/* The answer to an upload does not say the group, and the client knows it all the same. */
TEST_CASE(a_group_is_known_of_what_the_client_made)
{
    bed b;
    set_up(&b, 60, 2);
    b.g.made = 1; /* the upload of harness_call is one to group-1 */
    for (b.count = 0; b.count < 30; b.count++) {
        pomex_operation *made = harness_call(&b.g.h, POMEX_EFFECT_ASSET);
        gallery_settle(&b.g);
        assert_null(pomex_operation_error(made));
        pomex_operation_release(made);
        b.ops[b.count] = gallery_wait(&b.g, 2 * b.count + 1, false, -1);
    }
    gallery_pass(&b.g, 1.1);
    assert_int_equal(b.g.gets, 0);
    assert_int_equal(b.g.lists, 1);
    gallery_pass(&b.g, 40);
    assert_int_equal(b.g.gets, 0);
    tear_down(&b);
}

TEST_CASE(each_group_has_its_own_pages)
{
    bed b;
    set_up(&b, MOST, 20); /* 20 of each group … */
    ready_from(&b, 30, 0.05);
    wait_for(&b, MOST, true, -1);
    gallery_pass(&b.g, 25);
    size_t gets = b.g.gets, lists = b.g.lists;
    end_within(&b, 9);
    assert_true(b.g.gets - gets <
                20 * 9 * 4); /* … and the last nine of each are looked at alone */
    assert_true(b.g.lists - lists < 20 * 9);
    tear_down(&b);
}

TEST_CASE(hundreds_that_wait_for_one_asset)
{
    bed b;
    set_up(&b, 3, 1);
    ready_from(&b, 30, 0);
    for (; b.count < MOST; b.count++)
        b.ops[b.count] = gallery_wait(&b.g, 0, true, -1);
    gallery_pass(&b.g, 0);
    assert_int_equal(b.g.gets, 9);
    gallery_pass(&b.g, 37);
    assert_int_equal(done(&b), MOST);
    assert_true(b.g.gets < 20); /* on a busy machine a look or two more, of hundreds */
    assert_true(b.g.lists < 20 + b.g.newest);
    tear_down(&b);
}

/* A page is asked for on behalf of many, and cannot have the headers of one. */
TEST_CASE(waits_with_headers_of_their_own_are_looked_at_alone)
{
    bed b;
    set_up(&b, 30, 1);
    pomex_call_options options;
    pomex_call_options_init(&options);
    options.group = "group-0";
    options.headers = json_pack("{s:s}", "X-Tenant", "a");
    for (; b.count < 30; b.count++) {
        char id[16];
        int length = snprintf(id, sizeof id, "asset-%zu", b.count);
        b.ops[b.count] =
            pomex_client_wait(b.g.h.client, POMEX_ASSET_GET, id, (size_t)length, &options);
    }
    json_decref(options.headers);
    gallery_pass(&b.g, 10);
    assert_true(b.g.gets >= 30 * 4);
    assert_int_equal(b.g.lists, 0);
    tear_down(&b);
}

TEST_CASE(a_wait_that_stands_alone_has_no_pages)
{
    bed b;
    set_up(&b, MOST, MOST / 5);
    wait_for(&b, MOST, true, -1);
    gallery_pass(&b.g, 20);
    assert_int_equal(b.g.lists, 0);
    tear_down(&b);
}

/* All that both limits allow is made use of: 1,047 statuses a second. */
TEST_CASE(both_limits_are_used_in_full)
{
    bed b;
    set_up(&b, 5000, 5);
    pomex_operation **ops = calloc(5000, sizeof(pomex_operation *));
    assert_non_null(ops);
    for (size_t i = 0; i < 5000; i++)
        ops[i] = gallery_wait(&b.g, i, true, -1);
    gallery_pass(&b.g, 10);
    size_t before = 0, after = 0;
    for (size_t i = 0; i < 5000; i++)
        before += (size_t)pomex_operation_attempts(ops[i]);
    gallery_pass(&b.g, 21);
    for (size_t i = 0; i < 5000; i++) {
        after += (size_t)pomex_operation_attempts(ops[i]);
        pomex_operation_cancel(ops[i]); /* also the one that is about to ask for a page */
        assert_string_equal(pomex_operation_error(ops[i])->endpoint, "assets.get");
        pomex_operation_release(ops[i]);
    }
    print_message("%.0f statuses a second\n", (double)(after - before) / 21);
    assert_true((double)(after - before) / 21 >= 0.9 * 1047);
    free(ops);
    tear_down(&b);
}

/* The caller's own lists share the limit, and come first; after three of them comes a page. */
TEST_CASE(the_callers_own_lists_do_not_starve)
{
    bed b;
    set_up(&b, 5000, 1);
    for (size_t i = 0; i < 5000; i++)
        pomex_operation_release(gallery_wait(&b.g, i, true, -1));
    gallery_pass(&b.g, 10);
    pomex_operation *own[40];
    size_t ended = 0;
    for (size_t i = 0; i < 40; i++)
        own[i] = pomex_client_call(b.g.h.client, POMEX_ASSET_LIST, NULL, 0, NULL, NULL);
    size_t lists = b.g.lists;
    gallery_pass(&b.g, 0.25);
    assert_true(pomex_operation_done(own[0]));
    gallery_pass(&b.g, 5.75); /* in which there are 57 slots */
    for (size_t i = 0; i < 40; i++) {
        ended += pomex_operation_done(own[i]);
        pomex_operation_release(own[i]);
    }
    assert_int_equal(ended, 40);
    assert_true(b.g.lists - lists - ended >= 10);
    tear_down(&b);
}

TEST_CASE(nothing_is_asked_for_when_nobody_waits)
{
    bed b;
    set_up(&b, MOST, 2);
    wait_for(&b, MOST, true, -1);
    gallery_pass(&b.g, 10.05);
    for (size_t i = 0; i < b.count; i++)
        pomex_operation_cancel(b.ops[i]);
    for (size_t i = 0; i < b.count; i++) {
        const pomex_error *error = pomex_operation_error(b.ops[i]);
        assert_string_equal(error->type, "cancelled_error");
        assert_string_equal(error->endpoint, "assets.get");
        assert_string_equal(error->last_status, "processing");
    }
    gallery_settle(&b.g);
    size_t requests = b.g.gets + b.g.lists;
    gallery_pass(&b.g, 100);
    assert_int_equal(b.g.gets + b.g.lists, requests);
    tear_down(&b);
}
