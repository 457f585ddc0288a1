/* Keeps out the web pages of other sites, even if a site's owner has given a name of his to the
 * sandbox's address. */
#ifndef POMEX_SB_GUARD_H
#define POMEX_SB_GUARD_H

#include "sandbox/http/request.h"

/* Whether the Host and Origin of a request are the sandbox's own. If not, the response says so. */
bool pomex_sb_guard_site(pomex_sb_request *request);

/* The address under which the client reached the sandbox, "127.0.0.1:8765". It can be trusted
 * once pomex_sb_guard_site has returned true. */
const char *pomex_sb_guard_host(const pomex_sb_request *request);

#endif
