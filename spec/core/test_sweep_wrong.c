/* Lists that shift, lag, leave assets out, fail or hang: no wait misses its status for it. */
#include "cmocka_all.h"

#include "gallery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAITS 300

typedef struct bed {
    gallery g;
    pomex_operation *ops[WAITS];
    size_t count;
} bed;

/* `count` assets of one group, of which one after the other is ready from `first` on. */
static void set_up(bed *b, size_t count, double first)
{
    memset(b, 0, sizeof *b);
    b->count = count;
    gallery_start(&b->g, count, 1);
    for (size_t i = 0; i < count; i++)
        b->g.assets[i].ready = first + 0.1 * (double)(i * 7 % count);
    gallery_sort(&b->g);
    harness_client(&b->g.h);
}

static void begin(bed *b, double timeout)
{
    for (size_t i = 0; i < b->count; i++)
        b->ops[i] = gallery_wait(&b->g, i, true, timeout);
}

static void tear_down(bed *b)
{
    for (size_t i = 0; i < b->count; i++)
        pomex_operation_release(b->ops[i]);
    gallery_stop(&b->g);
}

/* Fails unless each wait that does not go on ended well, and every other one is not ready or was
 * not longer ago than `lag` seconds. Returns how many go on. */
static size_t check(const bed *b, double lag)
{
    size_t left = 0;
    for (size_t i = 0; i < b->count; i++) {
        double late = gallery_now(&b->g) - b->g.assets[i].ready;
        if (pomex_operation_done(b->ops[i])) {
            assert_null(pomex_operation_error(b->ops[i]));
            continue;
        }
        left++;
        if (late > lag)
            fail_msg("wait %zu goes on %.1f s after its asset is ready", i, late);
    }
    return left;
}

static void end_within(bed *b, double lag)
{
    do
        gallery_pass(&b->g, 0.25);
    while (check(b, lag + 0.25));
}

/* With each asset that leaves the list those behind it move up, also from page to page. */
TEST_CASE(pages_that_shift_while_they_are_read)
{
    bed b;
    set_up(&b, WAITS, 20);
    begin(&b, -1);
    do {
        gallery_pass(&b.g, 0.25);
        b.g.hidden += b.g.hidden < 200;
    } while (check(&b, 9));
    tear_down(&b);
}

/* Each with lists that are wrong from the beginning, or only after five seconds. */
TEST_CASE(assets_that_no_list_shows)
{
    for (int later = 0; later < 2; later++) {
        bed b;
        set_up(&b, WAITS, 20);
        b.g.hidden = later ? 0 : WAITS;
        begin(&b, -1);
        gallery_pass(&b.g, 5);
        b.g.hidden = WAITS;
        size_t lists = b.g.lists;
        end_within(&b, 9);
        assert_true(b.g.lists - lists < 30);
        tear_down(&b);
    }
}

/* As many as ever are told by pages, and the others by looks of their own. */
TEST_CASE(assets_of_which_the_lists_show_a_part)
{
    bed b;
    set_up(&b, WAITS, 20);
    b.g.hidden = WAITS / 2;
    begin(&b, -1);
    gallery_pass(&b.g, 10);
    size_t gets = b.g.gets;
    gallery_pass(&b.g, 5);
    assert_true(b.g.gets - gets < 5 * WAITS / 4); /* half of them, each every 4 to 6 s */
    end_within(&b, 9);
    tear_down(&b);
}

/* Lists of what was ten minutes ago: each asset is looked at alone once a minute. */
TEST_CASE(lists_that_are_old)
{
    bed b;
    set_up(&b, WAITS, 90);
    b.g.lag = 600;
    begin(&b, -1);
    end_within(&b, 70);
    tear_down(&b);
}

/* A list that would have let the time run out: the last look is one at the asset alone. */
TEST_CASE(old_lists_and_a_deadline)
{
    bed b;
    set_up(&b, 50, 10);
    b.g.lag = 600;
    begin(&b, 45);
    gallery_pass(&b.g, 46);
    assert_int_equal(check(&b, 0), 0);
    tear_down(&b);
}

TEST_CASE(a_list_that_fails_is_asked_for_seldom)
{
    static const int statuses[] = {400, 404, 429, 500};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        bed b;
        set_up(&b, WAITS, 20);
        b.g.list_status = statuses[i];
        begin(&b, -1);
        end_within(&b, 9);
        assert_true(gallery_now(&b.g) > 49);
        assert_in_range(b.g.lists, 2, 10);
        tear_down(&b);
    }
}

TEST_CASE(a_list_that_works_again_is_used_again)
{
    bed b;
    set_up(&b, WAITS, 200);
    b.g.list_status = 500;
    begin(&b, -1);
    gallery_pass(&b.g, 20);
    b.g.list_status = 0;
    gallery_pass(&b.g, 60);
    size_t lists = b.g.lists;
    gallery_pass(&b.g, 10);
    assert_true(b.g.lists - lists > 5);
    tear_down(&b);
}

static bool carries(const bed *b, size_t i)
{
    return inside_is_flying(b->ops[i]) &&
           strcmp(inside_endpoint(b->ops[i])->name, "assets.list") == 0;
}

static size_t count_of_lists(const bed *b)
{
    size_t count = 0;
    for (size_t i = 0; i < b->count; i++)
        count += carries(b, i);
    return count;
}

/* Steps until nothing is under way but the lists, none of which is ever answered. */
static void settle_but_for_lists(bed *b)
{
    double end = harness_now() + 30;
    unsigned news;
    do {
        pomex_client_poll(b->g.h.client, 0.001);
        pomex_client_step(b->g.h.client, 0);
        while (pomex_client_next(b->g.h.client, &news))
            continue;
        assert_true(harness_now() < end);
    } while (inside_in_flight(b->g.h.client) > count_of_lists(b) ||
             pomex_client_timeout(b->g.h.client) == 0);
}

/* A page that hangs holds up the wait that carries it, as long as a look that hangs would, and
 * nobody else. */
TEST_CASE(a_list_that_hangs)
{
    bed b;
    set_up(&b, WAITS, 10);
    b.g.lists_hang = true;
    begin(&b, -1);
    size_t carried = 0;
    while (gallery_now(&b.g) < 20) {
        settle_but_for_lists(&b);
        size_t lists = count_of_lists(&b);
        carried = lists > carried ? lists : carried;
        harness_advance(&b.g.h, 0.25);
    }
    assert_in_range(carried, 1, 8);
    size_t late = 0;
    for (size_t i = 0; i < b.count; i++)
        late += !pomex_operation_done(b.ops[i]) && b.g.assets[i].ready < 12;
    assert_true(late <= carried);
    while (gallery_now(&b.g) < 80) {
        settle_but_for_lists(&b);
        harness_advance(&b.g.h, 0.25);
    }
    assert_int_equal(check(&b, 40), 0);
    tear_down(&b);
}

/* An answer that takes long holds up neither the other pages nor is it asked for again. */
TEST_CASE(several_pages_are_under_way_at_once)
{
    bed b;
    set_up(&b, WAITS, 1000);
    begin(&b, -1);
    gallery_pass(&b.g, 0.75); /* all have been shown, and are due again within half a second */
    b.g.lists_hang = true;
    while (gallery_now(&b.g) < 2) {
        settle_but_for_lists(&b);
        harness_advance(&b.g.h, 0.05);
    }
    assert_in_range(count_of_lists(&b), 3, 4); /* of three pages, and of the newest */
    assert_false(atomic_load(&b.g.twice));
    tear_down(&b);
}

TEST_CASE(a_group_that_is_emptied)
{
    bed b;
    set_up(&b, WAITS, 200);
    begin(&b, -1);
    gallery_pass(&b.g, 10);
    b.g.hidden = WAITS;
    b.g.gone = true;
    gallery_pass(&b.g, 12);
    for (size_t i = 0; i < b.count; i++) {
        const pomex_error *error = pomex_operation_error(b.ops[i]);
        assert_non_null(error);
        assert_string_equal(error->type, "not_found_error");
        assert_string_equal(error->last_status, "processing");
    }
    tear_down(&b);
}

/* Not one is lost, doubled, or told by a page of another. */
TEST_CASE(two_waits_for_one_asset)
{
    bed b;
    set_up(&b, WAITS, 20);
    pomex_operation *again[WAITS];
    begin(&b, -1);
    for (size_t i = 0; i < b.count; i++)
        again[i] = gallery_wait(&b.g, i, true, -1);
    end_within(&b, 9);
    gallery_pass(&b.g, 9);
    for (size_t i = 0; i < b.count; i++) {
        assert_true(pomex_operation_done(again[i]));
        assert_null(pomex_operation_error(again[i]));
        pomex_operation_release(again[i]);
    }
    tear_down(&b);
}

/* Who carries a page that is under way is cancelled, and the others go on. */
TEST_CASE(a_carrier_that_is_cancelled)
{
    bed b;
    set_up(&b, WAITS, 20);
    b.g.lists_hang = true;
    begin(&b, -1);
    settle_but_for_lists(&b);
    assert_int_equal(count_of_lists(&b), 1);
    for (size_t i = 0; i < b.count; i++) {
        if (!carries(&b, i))
            continue;
        pomex_operation_cancel(b.ops[i]);
        const pomex_error *error = pomex_operation_error(b.ops[i]);
        assert_string_equal(error->type, "cancelled_error");
        assert_string_equal(error->endpoint, "assets.get");
        pomex_operation_release(b.ops[i]);
        b.ops[i] = b.ops[--b.count];
        b.g.assets[i].ready = b.g.assets[b.count].ready;
    }
    b.g.lists_hang = false;
    end_within(&b, 9);
    tear_down(&b);
}
