/* epoll_ctl fails now and then: no memory in the kernel, or max_user_watches used up. The answer to
 * what was sent is read all the same. */
#include "cmocka_all.h"

#include "harness.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

int __real_epoll_ctl(int set, int operation, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int set, int operation, int fd, struct epoll_event *event);

static int first, last, calls; /* those from first to last fail */

int __wrap_epoll_ctl(int set, int operation, int fd, struct epoll_event *event)
{
    if (operation != EPOLL_CTL_DEL && ++calls >= first && calls <= last) {
        errno = calls % 2 ? ENOMEM : ENOSPC;
        return -1;
    }
    return __real_epoll_ctl(set, operation, fd, event);
}

TEST_CASE(an_answer_is_read_all_the_same)
{
    static const enum pomex_effect effects[] = {POMEX_EFFECT_BILLED, POMEX_EFFECT_ASSET,
                                                POMEX_EFFECT_NONE};
    for (int i = 0; i < 3; i++) {
        for (int from = 1, seen = from; from <= seen; from++) {
            const fault_step good = {.body = harness_reply(effects[i])};
            harness h;
            harness_start(&h, &good, 1, i % 2);
            /* A deadline would have the last look that finds what nobody watched. */
            h.options.request_timeout = h.options.budget = 600;
            harness_client(&h);
            assert_true(pomex_client_pollfd(h.client) >= 0);
            calls = 0;
            first = from;
            last = from + 2;
            pomex_operation *op = harness_call(&h, effects[i]);
            harness_finish(&h, op);
            seen = calls > seen ? calls : seen;
            first = last = 0;
            const pomex_error *error = pomex_operation_error(op);
            if (error)
                fail_msg("without call %d: %s: %s", from, error->type, error->message);
            assert_int_equal(fault_server_count(h.server, NULL), 1);
            assert_int_equal(pomex_operation_attempts(op), 1);
            pomex_operation_release(op);
            harness_stop(&h);
            if (from > 20)
                break;
        }
    }
}
