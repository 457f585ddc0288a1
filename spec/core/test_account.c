/* Whose clients share a limiter. */
#include "cmocka_all.h"

#include "net/account.h"

static pomex_settings account(char *base_url, char *authorization, double rate)
{
    pomex_settings s = {.base_url = base_url, .authorization = authorization};
    s.options.rate_limits[POMEX_ASSET_GET] = rate;
    return s;
}

static bool may_send(pomex_limiter *limiter)
{
    pomex_slot slot;
    int64_t again;
    return pomex_limiter_take(limiter, POMEX_ASSET_GET, 1, &slot, &again) &&
           pomex_limiter_sent(limiter, &slot, 1);
}

TEST_CASE(clients_of_one_account_share_its_limits)
{
    char url[] = "https://a.test", key[] = "Bearer sk-1", same[] = "Bearer sk-1";
    pomex_settings s = account(url, key, 1), again = account(url, same, 1);
    pomex_limiter *one = pomex_account_limiter(&s), *two = pomex_account_limiter(&again);
    assert_non_null(one);
    assert_true(may_send(one));
    assert_false(may_send(two));
    /* A reload of nginx: the new client is there before the old one goes. */
    pomex_account_release(one);
    assert_false(may_send(two));
    pomex_limiter *three = pomex_account_limiter(&s);
    pomex_account_release(two);
    assert_false(may_send(three));
    pomex_account_release(three);
    /* When none is left, nothing is. */
    one = pomex_account_limiter(&s);
    assert_true(may_send(one));
    pomex_account_release(one);
}

TEST_CASE(other_accounts_and_other_rates_do_not)
{
    char url[] = "https://a.test", other_url[] = "https://a.tes", moved[] = "tBearer sk-1";
    char key[] = "Bearer sk-1", other_key[] = "Bearer sk-2";
    const pomex_settings all[] = {account(url, key, 1), account(other_url, key, 1),
                                  account(other_url, moved, 1), account(url, other_key, 1),
                                  account(url, key, 2)};
    enum { COUNT = sizeof all / sizeof *all };
    pomex_limiter *limiters[COUNT];
    for (int i = 0; i < COUNT; i++) {
        limiters[i] = pomex_account_limiter(&all[i]);
        assert_non_null(limiters[i]);
        assert_true(may_send(limiters[i]));
    }
    for (int i = 0; i < COUNT; i++)
        pomex_account_release(limiters[i]);
}

static int64_t stopped(void *user, enum pomex_clock_kind kind)
{
    (void)user;
    (void)kind;
    return 1;
}

/* Each goes by its own time: what one has sent in a year to come would hold up the other till then. */
TEST_CASE(nor_do_other_clocks)
{
    char url[] = "https://a.test", key[] = "Bearer sk-1";
    pomex_settings s = account(url, key, 1), of_own = s, of_another = s;
    of_own.options.clock = of_another.options.clock = stopped;
    of_another.options.clock_user = &s;
    const pomex_settings *const all[] = {&s, &of_own, &of_another};
    enum { COUNT = sizeof all / sizeof *all };
    pomex_limiter *limiters[COUNT];
    for (int i = 0; i < COUNT; i++) {
        limiters[i] = pomex_account_limiter(all[i]);
        assert_non_null(limiters[i]);
        assert_true(may_send(limiters[i]));
    }
    for (int i = 0; i < COUNT; i++)
        pomex_account_release(limiters[i]);
}
