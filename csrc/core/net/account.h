/* One limiter for all clients of an account in a process: what has the same base URL, key and rates
 * shares it. nginx makes a client anew at each reload, and one for http and one for stream: each with
 * limits of its own would multiply what the account may ask for. */
#ifndef POMEX_ACCOUNT_H
#define POMEX_ACCOUNT_H

#include "base/settings.h"
#include "net/limiter.h"

/* The account's limiter, made if this process has none; NULL if there is no memory. Each one got must
 * be released once, before the process that got it ends or in any child of it. */
pomex_limiter *pomex_account_limiter(const pomex_settings *settings);

/* The last one frees it. NULL, and a limiter of the caller's own, are allowed. */
void pomex_account_release(pomex_limiter *limiter);

#endif
