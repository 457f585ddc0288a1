/* One rate limiter for all clients of an account in a process: clients with the same base URL, key,
 * rates and clock share it. nginx makes a new client at each reload, and separate clients for http
 * and for stream; if each had a limiter of its own, together they would exceed the account's
 * limits. */
#ifndef POMEX_ACCOUNT_H
#define POMEX_ACCOUNT_H

#include "base/settings.h"
#include "net/limiter.h"

/* The account's limiter, which is made if this process has none; NULL if there is no memory. Each
 * limiter that is handed out must be released once, in the process that got it or in a child of
 * that process. */
pomex_limiter *pomex_account_limiter(const pomex_settings *settings);

/* Gives up one use of the limiter; the last release frees it. `limiter` may be NULL, or one that
 * the caller made itself. */
void pomex_account_release(pomex_limiter *limiter);

#endif
