#include "engine/wakeup.h"

#include "engine/client.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

void pomex_wakeup_init(pomex_client *c)
{
    c->loop.epoll_fd = c->loop.timer_fd = c->loop.wake_fd = -1;
    c->loop.wake_at = c->loop.armed = POMEX_NEVER;
}

bool pomex_wakeup_open(pomex_client *c)
{
    pomex_loop *l = &c->loop;
    if ((l->epoll_fd = epoll_create1(EPOLL_CLOEXEC)) >= 0 &&
        (l->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) >= 0 &&
        (l->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) >= 0 &&
        pomex_socket_watch(l->epoll_fd, l->timer_fd, EPOLLIN, false) &&
        pomex_socket_watch(l->epoll_fd, l->wake_fd, EPOLLIN, false))
        return true;
    int problem = errno;
    pomex_wakeup_close(c);
    errno = problem;
    return false;
}

void pomex_wakeup_close(pomex_client *c)
{
    pomex_loop *l = &c->loop;
    const int own[] = {l->timer_fd, l->wake_fd, l->epoll_fd};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (own[i] >= 0)
            close(own[i]);
    l->timer_fd = l->wake_fd = l->epoll_fd = -1;
}

int64_t pomex_wakeup_due(const pomex_client *c)
{
    if (c->loop.behind || c->context.unheard || c->loop.ready_count ||
        !pomex_list_empty(&c->net.yielded))
        return 0;
    const pomex_timer *timer = pomex_timer_first(&c->context.timers);
    const int64_t times[] = {c->net.curl_due, c->context.queue.due, c->loop.wake_at,
                             c->net.watch_at};
    int64_t at = timer ? timer->at : POMEX_NEVER;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        at = times[i] < at ? times[i] : at;
    return at;
}

void pomex_wakeup_rearm(pomex_client *c)
{
    static const uint64_t one = 1;
    pomex_loop *l = &c->loop;
    int64_t at = pomex_wakeup_due(c);
    /* If the timer is already armed for an earlier time, it stays: one spurious wake-up is cheaper
     * than following every change. */
    if (at >= l->armed || l->woken || l->epoll_fd < 0)
        return;
    if (at <= pomex_clock_recent(&c->clock)) {
        l->woken = write(l->wake_fd, &one, sizeof one) == (ssize_t)sizeof one;
        return;
    }
    if (c->clock.read != pomex_clock_system)
        return; /* the owner of a replaced clock moves it, and steps then */
    struct itimerspec spec = {
        .it_value = {.tv_sec = at / POMEX_SECOND, .tv_nsec = at % POMEX_SECOND}};
    if (timerfd_settime(l->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) == 0)
        l->armed = at;
}

static bool is_watched(const pomex_loop *l, int fd)
{
    for (int i = 0; i < l->watched_count; i++)
        if (l->watched[i] == fd)
            return true;
    return false;
}

/* The descriptor is watched edge-triggered. Otherwise a host that reads it only after the step
 * would be woken in vain until then, and a host that never reads it, for ever. */
bool pomex_client_watch(pomex_client *c, int fd)
{
    pomex_loop *l = &c->loop;
    if (!pomex_client_open(c))
        return false;
    if (is_watched(l, fd))
        return true;
    if (l->watched_count == POMEX_WATCHED) {
        errno = ENOSPC;
        return false;
    }
    if (!pomex_socket_watch(l->epoll_fd, fd, EPOLLIN | EPOLLET, false))
        return false;
    l->watched[l->watched_count++] = fd;
    return true;
}

void pomex_client_unwatch(pomex_client *c, int fd)
{
    pomex_loop *l = &c->loop;
    struct epoll_event event = {0};
    if (pomex_client_unusable(c))
        return;
    for (int i = 0; i < l->watched_count; i++)
        if (l->watched[i] == fd) {
            l->watched[i] = l->watched[--l->watched_count];
            epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, fd, &event);
            return;
        }
}

bool pomex_wakeup_take(pomex_client *c, int fd)
{
    uint64_t count;
    if (fd == c->loop.timer_fd)
        c->loop.armed = POMEX_NEVER;
    else if (fd == c->loop.wake_fd)
        c->loop.woken = false;
    else
        return is_watched(&c->loop, fd);
    ssize_t got = read(fd, &count, sizeof count);
    (void)got; /* a timer that was set anew after it fired has nothing to read */
    return true;
}

int pomex_wakeup_poll(const pomex_client *c, double seconds)
{
    int ms = seconds < 0 ? -1 : seconds > 2e6 ? 2000000000 : (int)(seconds * 1000 + 0.999);
    /* The step asks the kernel again. The age of this answer is unknown, since the process could
     * have been suspended after it. */
    struct epoll_event event;
    return epoll_wait(c->loop.epoll_fd, &event, 1, ms);
}
