/* The listening socket. */
#ifndef POMEX_SB_LISTEN_H
#define POMEX_SB_LISTEN_H

#include "sandbox/http/server.h"

/* Opens a socket that listens on host:port, and sets the server's host, any_host and port as they
 * were bound. -1, with the reason in `why`, if that fails. */
int pomex_sb_listen(pomex_sb_server *server, const char *host, int port, char *why,
                    size_t why_size);

#endif
