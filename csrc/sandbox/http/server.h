/* HTTP: connections, whole requests in, answers out; and the loop that drives them. */
#ifndef POMEX_SB_SERVER_H
#define POMEX_SB_SERVER_H

#include "sandbox/control/sandbox.h"

/* Listens on host:port (numeric host or "localhost"; port 0: any) and fills in what was bound.
 * False with the reason in `why`. */
bool pomex_sb_server_start(pomex_sb *sandbox, const char *host, int port, char *why,
                           size_t why_size);

/* Serves until `stop_fd` is readable, or `watch_fd` (-1: none) is at its end. */
void pomex_sb_server_run(pomex_sb *sandbox, int stop_fd, int watch_fd);

/* Closes every connection. */
void pomex_sb_server_stop(pomex_sb *sandbox);

#endif
