/* One pollable descriptor: an epoll set that holds libcurl's sockets, a timerfd for work that is
 * due later, and an eventfd for work that is due now (a timer set in the past does the same, but
 * takes 13 µs on a virtual machine).
 *
 * Invariant: all work of a later step is either an event in the epoll set or a time that the
 * timerfd is armed for. So waiting for the descriptor alone is enough.
 *
 * Invariant: work that a budget cut short sets the eventfd, so the descriptor stays readable. News
 * of a step does not set it: the host takes that news next, and a system call for each would be a
 * tenth of a request's cost. News between two steps does set it, because one place in the host can
 * cancel while another waits. */
#ifndef POMEX_WAKEUP_H
#define POMEX_WAKEUP_H

#include "pomex.h"

void pomex_wakeup_init(pomex_client *client);

/* Opens the three descriptors. False with errno. */
bool pomex_wakeup_open(pomex_client *client);
void pomex_wakeup_close(pomex_client *client);

/* When the next step has work; a time in the past: now. */
int64_t pomex_wakeup_due(const pomex_client *client);

/* Makes the descriptor readable at that time. */
void pomex_wakeup_rearm(pomex_client *client);

/* Whether `fd` is the timerfd or the eventfd, which this function resets, or a descriptor of the
 * host's own, which the host reads after the step. */
bool pomex_wakeup_take(pomex_client *client, int fd);

/* Waits `seconds` (-1: for ever) until something in the epoll set is ready. 1, 0, or -1 with
 * errno. */
int pomex_wakeup_poll(const pomex_client *client, double seconds);

#endif
