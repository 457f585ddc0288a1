/* Who may speak to the sandbox: no web page of another site, whatever name it found for our
 * address. */
#ifndef POMEX_SB_GUARD_H
#define POMEX_SB_GUARD_H

#include "sandbox/http/request.h"

/* Whether Host and Origin are ours; if not, the answer says so. */
bool pomex_sb_guard_site(pomex_sb_request *request);

/* Whether the request bears the token of /_sandbox/; if not, the answer says so. */
bool pomex_sb_guard_token(pomex_sb_request *request);

/* Fills in `account` from the API key. */
void pomex_sb_guard_key(pomex_sb_request *request);

/* The address under which the client reached us, "127.0.0.1:8765". Valid once guard_site has
 * passed. */
const char *pomex_sb_guard_host(const pomex_sb_request *request);

#endif
