/* One pollable descriptor: an epoll set that holds libcurl's sockets, a timerfd for later and
 * an eventfd for now (a timer set in the past does the same, for 13 µs on a virtual machine).
 *
 * Invariants:
 *   - libcurl is never called from one of its callbacks; they record what it wants.
 *   - Whatever step must see to later is in the epoll set or is a time that the timerfd is
 *     armed for, so that waiting for the descriptor alone is enough.
 *   - Work cut short by a budget sets the eventfd: the descriptor is level-triggered
 *     for it too. News of a step does not: the host takes it next, and a system call for each
 *     would be a tenth of a request's cost. News that comes about between steps does: one place
 *     of the host cancels, and another waits. */
#include "operation/operation.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define ROUNDS_A_STEP 64

/* Seconds of work in a step that says no more: a third of a frame. */
#define USUAL_BUDGET 0.005

/* An attempt times out only after its socket was read once past the deadline. Under a load that
 * never lets the set go quiet it times out this much after every ready socket was read; if that
 * takes longer than this, after its own was. */
#define TIMER_GRACE_NS (POMEX_SECOND / 20)

/* A deadline is missed if the first step after it comes later than this. */
#define LATE (POMEX_SECOND / 10)

#define SYSTEM_CA_PATH "/etc/ssl/certs"

static int on_timer(CURLM *multi, long ms, void *user)
{
    pomex_client *c = user;
    (void)multi;
    c->curl_due = ms < 0 ? POMEX_NEVER : pomex_recent(c) + (int64_t)ms * 1000000;
    return 0;
}

/* -------------------------------------------------------------------------- open and close */

/* Fewer certificates than this are somebody's own, beside the system's bundle. */
#define WHOLE_STORE 50

/* Whether the folder holds all certificates by hash, as Debian's does. Of those libcurl reads
 * just the ones it needs: a new TLS connection then takes 4 ms and not 45. */
static bool has_hashed_certificates(const char *folder)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return false;
    int count = 0;
    for (struct dirent *entry; count < WHOLE_STORE && (entry = readdir(dir));)
        count += strlen(entry->d_name) == 10 && entry->d_name[8] == '.' &&
                 strspn(entry->d_name, "0123456789abcdef") == 8;
    closedir(dir);
    return count == WHOLE_STORE;
}

/* Settings that headers older than the library do not name, and older libraries refuse by
 * CURLM_UNKNOWN_OPTION. From libcurl 8.20 on the threads that look names up are the multi
 * handle's. */
static void set_lookups(CURLM *multi, long transfers)
{
    /* CURLMOPT_QUICK_EXIT: without it a cancel, a deadline and a close wait for the threads of
     * lookups that were given up, whatever CURLOPT_QUICK_EXIT says. */
    curl_multi_setopt(multi, (CURLMoption)21, 1L);
    /* CURLMOPT_RESOLVE_THREADS_MAX: each lookup takes two of them, also after it was given up. Of
     * the twenty that there are without this, none is left when an outage of DNS is over. */
    curl_multi_setopt(multi, (CURLMoption)20, 4 * transfers);
}

/* False with errno; a setting that libcurl refuses is ENOSYS: no answer would be heard of. */
static bool open_multi(pomex_client *c)
{
    const pomex_options *o = &c->settings.options;
    /* Below the number in flight, every request would connect anew. */
    long connections = o->max_in_flight + o->max_downloads + 4;
    c->multi = curl_multi_init();
    if (!c->multi && errno != EMFILE && errno != ENFILE)
        errno = ENOMEM;
    if (!c->multi)
        return false;
    set_lookups(c->multi, o->max_in_flight + o->max_downloads);
    errno = ENOSYS;
    return curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, pomex_socket_wanted) ==
               CURLM_OK &&
           curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c) == CURLM_OK &&
           curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK &&
           curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c) == CURLM_OK &&
           curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, connections) == CURLM_OK;
}

bool pomex_loop_open(pomex_client *c)
{
    errno = 0;
    if ((c->epoll_fd = epoll_create1(EPOLL_CLOEXEC)) < 0 ||
        (c->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) < 0 ||
        (c->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) < 0 ||
        !pomex_socket_watch(c, c->timer_fd, EPOLLIN, false) ||
        !pomex_socket_watch(c, c->wake_fd, EPOLLIN, false) || !open_multi(c)) {
        int problem = errno;
        pomex_loop_close(c, false);
        errno = problem;
        return false;
    }
    c->system_ca_path = has_hashed_certificates(SYSTEM_CA_PATH);
    c->asleep = c->clock(c->clock_user, POMEX_CLOCK_BOOTTIME) - pomex_now(c);
    return true;
}

void pomex_loop_close(pomex_client *c, bool foreign)
{
    if (foreign) {
        /* No epoll_ctl either: the set is shared with the process that owns it. */
        for (size_t fd = 0; fd < c->socket_count; fd++)
            if (c->sockets[fd].ours)
                close((int)fd);
    } else if (c->multi) {
        curl_multi_cleanup(c->multi);
    }
    c->multi = NULL;
    c->socket_count = 0;
    const int own[] = {c->timer_fd, c->wake_fd, c->epoll_fd};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (own[i] >= 0)
            close(own[i]);
    c->timer_fd = c->wake_fd = c->epoll_fd = -1;
}

/* --------------------------------------------------------------------------------- running */

static void drain(pomex_client *c)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(c->multi, &left))) {
        pomex_transfer *transfer = NULL;
        pomex_outcome outcome;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        pomex_transfer_ended(transfer);
        pomex_transfer_outcome(transfer, code, &outcome);
        pomex_operation_attempt_ended(transfer->operation, &outcome);
    }
}

static void call_curl(pomex_client *c, int fd, int bits)
{
    int running;
    curl_multi_socket_action(c->multi, fd, bits, &running);
}

static void run_curl_timer(pomex_client *c)
{
    if (c->curl_due > pomex_recent(c))
        return;
    c->curl_due = POMEX_NEVER; /* before the call, which may set it again */
    call_curl(c, CURL_SOCKET_TIMEOUT, 0);
}

static bool is_own(const pomex_client *c, int fd)
{
    return fd == c->timer_fd || fd == c->wake_fd;
}

static void run_event(pomex_client *c, const struct epoll_event *event)
{
    int fd = event->data.fd;
    if (is_own(c, fd)) {
        uint64_t count;
        if (fd == c->timer_fd)
            c->armed = POMEX_NEVER;
        else
            c->woken = false;
        ssize_t got = read(fd, &count, sizeof count);
        (void)got; /* less where it was set anew since it fired */
        return;
    }
    if ((size_t)fd < c->socket_count && c->sockets[fd].in_set && !c->sockets[fd].wanted) {
        pomex_socket_unwatch(c,
                             fd); /* an idle connection that the server closed: else it spins */
        c->sockets[fd].in_set = false;
        c->sockets[fd].registered = 0;
        return;
    }
    int bits = (event->events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) |
               (event->events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
               (event->events & EPOLLERR ? CURL_CSELECT_ERR : 0);
    call_curl(c, fd, bits);
}

void pomex_loop_run(pomex_client *c)
{
    drain(c); /* first, so that nothing starts on a connection that seems to be in use */
    pomex_admission_run(c);
    run_curl_timer(c);
    drain(c);
}

/* Reads what has come for an attempt whose time is up, and whatever that ends. */
static void read_own(pomex_client *c, const pomex_operation *op)
{
    const CURL *easy = op->transfer->easy;
    for (size_t fd = 0; fd < c->socket_count; fd++)
        if (c->sockets[fd].easy == easy)
            call_curl(c, (int)fd, 0);
    drain(c);
}

/* Rings what is due. `horizon`: attempts that were to end by then have had their sockets read.
 */
static bool ring(pomex_client *c, int64_t horizon, int64_t limit)
{
    int64_t now = pomex_now(c);
    pomex_timer *timer;
    for (unsigned n = 1; (timer = pomex_timers_first(&c->timers)) && timer->at <= now; n++) {
        pomex_operation *op = POMEX_HOLDER(timer, pomex_operation, timer);
        if (n % 32 == 0 && pomex_now(c) >= limit)
            return false;
        op->overdue = op->overdue ? op->overdue : timer->at;
        bool unread = op->state == POMEX_FLYING && op->overdue > horizon;
        if (unread && now < op->overdue + TIMER_GRACE_NS) {
            pomex_timer_set(&c->timers, timer, now + POMEX_SECOND / 1000);
            continue;
        }
        if (unread)
            read_own(c, op);
        if (!unread || op->state == POMEX_FLYING)
            pomex_operation_rang(op);
    }
    return true;
}

/* One batch of events, or what an earlier step left of one; how many were libcurl's. Sets
 * swept_at: every socket that was ready by then has been read. */
static int run_batch(pomex_client *c, int64_t limit)
{
    if (!c->ready_count) {
        c->batch_at = pomex_recent(c);
        c->ready_count = epoll_wait(c->epoll_fd, c->ready, POMEX_EPOLL_EVENTS, 0);
        c->batch_was_full = c->ready_count == POMEX_EPOLL_EVENTS;
    }
    int i = 0, worked = 0, count = c->ready_count > 0 ? c->ready_count : 0;
    c->ready_count = 0;
    for (; i < count && (i == 0 || pomex_now(c) < limit); i++) {
        worked += !is_own(c, c->ready[i].data.fd);
        run_event(c, &c->ready[i]);
    }
    /* The kernel hands a full list back in the same order: its tail, thrown away, would starve.
     */
    c->ready_count = count - i;
    memmove(c->ready, c->ready + i, (size_t)c->ready_count * sizeof *c->ready);
    if (c->ready_count)
        return worked;
    c->batches = c->batch_was_full ? c->batches + 1 : 0;
    if (!c->batch_was_full || c->batches * POMEX_EPOLL_EVENTS > c->socket_count) {
        c->swept_at = c->batch_at;
        c->batches = 0;
    }
    return worked;
}

/* Lets go on what has had its turn, in order; whether there was any. */
static bool run_yielded(pomex_client *c, int64_t limit)
{
    const pomex_node *last = c->yielded.previous;
    bool any = !pomex_list_empty(&c->yielded);
    for (bool more = any; more; more = more && pomex_now(c) < limit) {
        pomex_node *node = c->yielded.next;
        pomex_transfer *t = POMEX_HOLDER(node, pomex_transfer, in_yielded);
        more = node != last;
        pomex_list_remove(node);
        t->turn = 0;
        CURLcode code = curl_easy_pause(t->easy, CURLPAUSE_CONT);
        if (code == CURLE_OK || code == CURLE_BAD_FUNCTION_ARGUMENT)
            continue; /* the latter: it is over already, and drain will hear how */
        /* libcurl says it here and nowhere else: the file takes no more, or memory ran out. */
        pomex_outcome outcome;
        pomex_transfer_outcome(t, code, &outcome);
        pomex_operation_attempt_ended(t->operation, &outcome);
    }
    return any;
}

void pomex_loop_step(pomex_client *c, double budget)
{
    int64_t limit = pomex_clock_after(pomex_now(c), budget > 0 ? budget : USUAL_BUDGET);
    bool quiet = false;
    pomex_loop_note_gap(c);
    /* What poll found is old where the host had other things to do first: answers may have come
     * since, and deadlines must not ring before they are read. */
    if (c->ready_from_poll && pomex_recent(c) > c->batch_at + POMEX_SECOND / 1000)
        c->ready_count = 0;
    /* Nor is it dated by when the kernel made it, but by when the process went on: it vouches
     * for no time, and after it the kernel is asked again. */
    bool undated = c->ready_from_poll;
    if (undated)
        c->batch_at = c->swept_at;
    c->ready_from_poll = false;
    pomex_socket_note_sleep(c);
    pomex_socket_watch_again(c);
    c->behind = c->unheard = false;
    if (c->wake_at <= pomex_recent(c))
        c->wake_at = POMEX_NEVER;
    for (int round = 0; round < ROUNDS_A_STEP && !quiet; round++) {
        int worked = run_batch(c, limit) + run_yielded(c, limit);
        pomex_loop_run(c);
        int64_t due = c->starts < POMEX_STARTS_A_STEP && c->queue_due < c->curl_due
                          ? c->queue_due
                          : c->curl_due;
        quiet = !worked && !undated && !c->ready_count && !c->batch_was_full &&
                due > pomex_recent(c);
        undated = false;
        if (pomex_now(c) >= limit && !quiet)
            break;
    }
    c->behind = !quiet;
    c->behind |= !ring(c, quiet ? c->swept_at : c->swept_at - TIMER_GRACE_NS, limit);
    if (pomex_now(c) < limit)
        pomex_loop_run(c);
    c->stepped_at = pomex_now(c);
}

void pomex_loop_note_gap(pomex_client *c)
{
    int64_t now = pomex_now(c);
    if (now - c->stepped_at <= LATE)
        return;
    c->gap_from = c->stepped_at;
    c->gap_to = now;
}

bool pomex_loop_missed(const pomex_client *c, int64_t at)
{
    return c->gap_from < at && at < c->gap_to - LATE;
}

/* --------------------------------------------------------------------------------- waiting */

/* When step has work next; in the past: now. */
static int64_t due(const pomex_client *c)
{
    if (c->behind || c->unheard || c->ready_count || !pomex_list_empty(&c->yielded))
        return 0;
    int64_t at = c->curl_due < c->queue_due ? c->curl_due : c->queue_due;
    const pomex_timer *timer = pomex_timers_first(&c->timers);
    at = c->wake_at < at ? c->wake_at : at;
    at = c->watch_at < at ? c->watch_at : at;
    return timer && timer->at < at ? timer->at : at;
}

void pomex_loop_rearm(pomex_client *c)
{
    static const uint64_t one = 1;
    int64_t at = due(c);
    /* Armed earlier is left to fire early once: cheaper than following every change. */
    if (at >= c->armed || c->woken || c->epoll_fd < 0)
        return;
    if (at <= pomex_recent(c)) {
        c->woken = write(c->wake_fd, &one, sizeof one) == (ssize_t)sizeof one;
        return;
    }
    if (c->clock != pomex_clock_system)
        return; /* a replaced clock moves when its owner says so, who then steps */
    struct itimerspec spec = {
        .it_value = {.tv_sec = at / POMEX_SECOND, .tv_nsec = at % POMEX_SECOND}};
    if (timerfd_settime(c->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL) == 0)
        c->armed = at;
}

int pomex_client_pollfd(pomex_client *c)
{
    if (!pomex_client_open(c))
        return -1;
    pomex_loop_rearm(c);
    return c->epoll_fd;
}

void pomex_client_wake_in(pomex_client *c, double seconds)
{
    if (pomex_client_unusable(c))
        return; /* the descriptor of another process is not ours to touch */
    c->wake_at = seconds < 0 ? POMEX_NEVER : pomex_clock_after(pomex_now(c), seconds);
    pomex_loop_rearm(c);
}

double pomex_client_timeout(pomex_client *c)
{
    int64_t at = pomex_list_empty(&c->news) ? due(c) : 0;
    if (at == POMEX_NEVER)
        return -1;
    int64_t left = at - pomex_now(c);
    return left > 0 ? pomex_clock_seconds(left) : 0;
}

int pomex_client_poll(pomex_client *c, double seconds)
{
    if (!pomex_client_open(c))
        return -1;
    if (due(c) <= 0 || !pomex_list_empty(&c->news))
        return 1;
    pomex_loop_rearm(c);
    int ms = seconds < 0 ? -1 : seconds > 2e6 ? 2000000000 : (int)(seconds * 1000 + 0.999);
    int count = epoll_wait(c->epoll_fd, c->ready, POMEX_EPOLL_EVENTS, ms);
    if (count > 0) { /* spares the next step its own question */
        c->ready_count = count;
        c->batch_was_full = count == POMEX_EPOLL_EVENTS;
        c->batch_at = pomex_now(c);
        c->ready_from_poll = true;
    }
    return count > 0 ? 1 : count;
}
