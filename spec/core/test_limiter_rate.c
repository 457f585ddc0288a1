/* What any one second sees of a limit, on a clock of the test's own: as much as it allows, and
 * not one more, in a window that is longer by a twentieth. */
#include "cmocka_all.h"

#include "base/clock.h"
#include "net/limiter.h"

#define MANY 40

/* Sends as soon as there is a slot; when, in ns. */
static void send_many(double rate, int64_t at[MANY])
{
    double rates[POMEX_ENDPOINTS] = {[POMEX_ASSET_GET] = rate};
    pomex_limiter *limiter = pomex_limiter_new(rates);
    assert_non_null(limiter);
    int64_t now = POMEX_SECOND;
    for (int i = 0; i < MANY; i++) {
        pomex_slot slot;
        int64_t again;
        while (!pomex_limiter_take(limiter, POMEX_ASSET_GET, now, &slot, &again)) {
            assert_true(again > now);
            now = again;
        }
        pomex_limiter_sent(limiter, &slot, now);
        at[i] = now;
    }
    pomex_limiter_free(limiter);
}

TEST_CASE(any_one_second)
{
    static const struct {
        double rate;
        int most; /* in any window of so many seconds */
        double window;
    } rows[] = {{1, 1, 1},   {1.9, 1, 1}, {2, 2, 1},          {2.5, 2, 1},  {3.9, 3, 1},
                {10, 10, 1}, {0.5, 1, 2}, {0.3, 1, 10.0 / 3}, {0.999, 1, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t at[MANY];
        int most = rows[i].most;
        send_many(rows[i].rate, at);
        for (int k = 0; k < MANY;
             k++) /* the first of them at once, and each as soon as it may */
            assert_int_equal(at[k], at[0] + k / most * (at[most] - at[0]));
        assert_true(at[most] - at[0] >= pomex_clock_ns(rows[i].window * 1.05 - 1e-6));
        assert_true(at[most] - at[0] <= pomex_clock_ns(rows[i].window * 1.06));
    }
}
