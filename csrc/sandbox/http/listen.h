/* The listening socket. */
#ifndef POMEX_SB_LISTEN_H
#define POMEX_SB_LISTEN_H

#include "sandbox/control/sandbox.h"

/* A listening socket on host:port; fills in host, any_host and port of the sandbox as bound.
 * -1 with the reason in `why`. */
int pomex_sb_listen(pomex_sb *sandbox, const char *host, int port, char *why, size_t why_size);

#endif
