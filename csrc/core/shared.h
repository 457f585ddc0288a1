/* Who else is on the connection that a request goes out on.
 *
 * libcurl 7.88 takes every connection to a host for one that carries many, once one of them
 * spoke HTTP/2 (curl #4885): where another of that host speaks HTTP/1.1, it puts requests on
 * one that waits for an answer, and the answers change hands. What shares a connection that
 * turns out to speak HTTP/1.1 is not believed. */
#ifndef POMEX_SHARED_H
#define POMEX_SHARED_H

#include "transfer.h"

/* What a connection between these addresses is called. */
uint64_t pomex_shared_line(const char *remote_ip, const char *local_ip, int remote_port,
                           int local_port);

/* A request is about to go out between these addresses; false if it must not, because the
 * answer to another has begun there, and is not HTTP/2. */
bool pomex_shared_enter(pomex_transfer *transfer, const char *remote_ip, const char *local_ip,
                        int remote_port, int local_port);

/* The status line of its answer is here; false if that may be another's. */
bool pomex_shared_believes(pomex_transfer *transfer);

/* Its time ran out. If nothing at all came on its connection since it was sent, or of late,
 * that is dead without knowing it: libcurl would keep it, if it speaks HTTP/2, and put every
 * later request on it. So it is shut, and who else is on it is cut off. */
void pomex_shared_unanswered(pomex_transfer *transfer);

void pomex_shared_leave(pomex_transfer *transfer);

#endif
