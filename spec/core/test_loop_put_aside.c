/* The process is put aside after the kernel has said what is ready, and before it has looked at
 * the clock: what was answered meanwhile is read before a deadline rings. The linker puts
 * epoll_wait below in the place of the system's. */
#include "cmocka_all.h"

#include "harness.h"

#include <poll.h>
#include <sys/epoll.h>

static harness h;
static int awaited; /* a descriptor; 0: nobody is put aside */

int __real_epoll_wait(int set, struct epoll_event *events, int most, int ms);
int __wrap_epoll_wait(int set, struct epoll_event *events, int most, int ms);

int __wrap_epoll_wait(int set, struct epoll_event *events, int most, int ms)
{
    int count = __real_epoll_wait(set, events, most, ms);
    if (ms && awaited) {
        struct pollfd answer = {.fd = awaited, .events = POLLRDHUP}; /* all of it */
        awaited = 0;
        assert_int_equal(poll(&answer, 1, 30000), 1);
        harness_advance(&h, 33);
    }
    return count;
}

static int socket_of_client(void)
{
    int fd = inside_socket(h.client);
    assert_true(fd >= 0);
    return fd;
}

/* Neither where a step goes on until all is quiet, nor where it has no time to. */
TEST_CASE(an_answer_of_that_time_is_read)
{
    static const double budgets[] = {0, 1e-9};
    for (size_t i = 0; i < sizeof budgets / sizeof *budgets; i++) {
        const fault_step steps[] = {
            {.times = 1, .body = harness_reply(POMEX_EFFECT_NONE)},
            {.body = harness_reply(POMEX_EFFECT_NONE), .delay = 0.2, .close = true}};
        harness_start(&h, steps, 2, false);
        h.options.max_retries = 0;
        harness_client(&h);
        for (size_t n = 1; n <= 2; n++) { /* the second without libcurl's timers of a connect */
            pomex_operation *op = harness_call(&h, POMEX_EFFECT_NONE);
            harness_arrived(&h, NULL, n);
            for (awaited = n == 2 ? socket_of_client() : 0; awaited;) {
                pomex_client_wake_in(h.client, 0); /* so that there is something to say */
                assert_int_equal(pomex_client_poll(h.client, 30), 1);
                pomex_client_step(h.client, budgets[i]); /* and again if it was known before */
            }
            harness_finish(&h, op);
            if (pomex_operation_error(op))
                fail_msg("%s", pomex_operation_error(op)->message);
            pomex_operation_release(op);
        }
        harness_stop(&h);
    }
}

/* Where nothing comes, the deadline rings all the same, and not after ever more steps. */
TEST_CASE(silence_ends_at_the_deadline)
{
    static const fault_step hang = {.kind = FAULT_HANG};
    harness_start(&h, &hang, 1, false);
    h.options.clock = NULL;
    h.options.request_timeout = 0.1;
    h.options.max_retries = 0;
    harness_client(&h);
    pomex_operation *op = harness_call(&h, POMEX_EFFECT_NONE);
    for (int steps = 0; steps < 50 && !pomex_operation_done(op); steps++) {
        assert_int_equal(pomex_client_poll(h.client, 30), 1);
        pomex_client_step(h.client, 0);
    }
    assert_true(pomex_operation_done(op));
    assert_string_equal(pomex_operation_error(op)->type, "timeout_error");
    pomex_operation_release(op);
    harness_stop(&h);
}
