/* One pollable descriptor: an epoll set that holds libcurl's sockets, a timerfd for later and
 * an eventfd for now (a timer set in the past does the same, for 13 µs on a virtual machine).
 *
 * Invariants:
 *   - Whatever step must see to later is in the epoll set or is a time that the timerfd is
 *     armed for, so that waiting for the descriptor alone is enough.
 *   - Work cut short by a budget sets the eventfd: the descriptor is level-triggered
 *     for it too. News of a step does not: the host takes it next, and a system call for each
 *     would be a tenth of a request's cost. News that comes about between steps does: one place
 *     of the host cancels, and another waits. */
#ifndef POMEX_WAKEUP_H
#define POMEX_WAKEUP_H

#include "pomex.h"

void pomex_wakeup_init(pomex_client *client);

/* Opens the three descriptors. False with errno. */
bool pomex_wakeup_open(pomex_client *client);
void pomex_wakeup_close(pomex_client *client);

/* When step has work next; in the past: now. */
int64_t pomex_wakeup_due(const pomex_client *client);

/* Has the descriptor become readable at that time. */
void pomex_wakeup_rearm(pomex_client *client);

/* Whether the descriptor is the timerfd or the eventfd, whose readiness this takes, or one of the
 * host's own, which the host reads after the step. */
bool pomex_wakeup_take(pomex_client *client, int fd);

/* Waits `seconds` (-1: for ever) until something in the epoll set is ready. 1, 0, or -1 with
 * errno. */
int pomex_wakeup_poll(const pomex_client *client, double seconds);

#endif
