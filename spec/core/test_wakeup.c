/* Descriptors of the host's own that the client's descriptor tells of. */
#include "cmocka_all.h"

#include "harness.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static bool readable(harness *h, int ms)
{
    struct pollfd fd = {.fd = pomex_client_pollfd(h->client), .events = POLLIN};
    return poll(&fd, 1, ms) == 1;
}

static void signal_fd(int fd)
{
    uint64_t one = 1;
    assert_int_equal(write(fd, &one, sizeof one), sizeof one);
}

static void quiet(harness *h)
{
    for (int i = 0; i < 100 && readable(h, 0); i++)
        pomex_client_step(h->client, 0);
    assert_false(readable(h, 0));
}

static int begin(harness *h)
{
    harness_start(h, NULL, 0, false);
    h->options.clock = NULL;
    harness_client(h);
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(pomex_client_watch(h->client, fd));
    quiet(h);
    return fd;
}

/* Each time that it becomes readable: also where the host left it full. */
TEST_CASE(one_descriptor_tells_of_both)
{
    harness h;
    int fd = begin(&h);
    for (int i = 0; i < 3; i++) {
        signal_fd(fd);
        assert_true(readable(&h, 10000));
        pomex_client_step(h.client, 0);
    }
    quiet(&h);
    close(fd);
    harness_stop(&h);
}

/* A wait in the kernel ends with it, and the next one sleeps though nobody read it. */
TEST_CASE(a_poll_ends_once_for_it)
{
    harness h;
    int fd = begin(&h);
    signal_fd(fd);
    assert_int_equal(pomex_client_poll(h.client, 10), 1);
    pomex_client_step(h.client, 0);
    double before = harness_now();
    assert_int_equal(pomex_client_poll(h.client, 0.2), 0);
    assert_true(harness_now() - before > 0.15);
    close(fd);
    harness_stop(&h);
}

/* One that is readable already is told of. */
TEST_CASE(readable_before_it_was_watched)
{
    harness h;
    int first = begin(&h), fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
    assert_true(pomex_client_watch(h.client, fd));
    assert_true(readable(&h, 10000));
    close(fd);
    close(first);
    harness_stop(&h);
}

TEST_CASE(unwatched_it_is_silent)
{
    harness h;
    int fd = begin(&h);
    assert_true(pomex_client_watch(h.client, fd)); /* twice is once */
    pomex_client_unwatch(h.client, fd);
    pomex_client_unwatch(h.client, fd);
    signal_fd(fd);
    assert_false(readable(&h, 50));
    close(fd);
    harness_stop(&h);
}

TEST_CASE(there_is_room_for_eight)
{
    harness h;
    int fds[9] = {begin(&h)};
    for (int i = 1; i < 9; i++) {
        fds[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        assert_int_equal(pomex_client_watch(h.client, fds[i]), i < 8);
    }
    assert_int_equal(errno, ENOSPC);
    pomex_client_unwatch(h.client, fds[0]);
    assert_true(pomex_client_watch(h.client, fds[8]));
    assert_false(pomex_client_watch(h.client, -1));
    for (int i = 0; i < 9; i++)
        close(fds[i]);
    harness_stop(&h);
}
