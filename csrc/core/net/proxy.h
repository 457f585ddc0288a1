/* Proxies: who carries a request, and whether it was the proxy that failed. One that turns a user
 * or a host away is not asked again: accounts are locked after a few wrong passwords. */
#ifndef POMEX_PROXY_H
#define POMEX_PROXY_H

#include "net/transfer.h"

/* Sets who carries the request. Nobody carries one over http, where a proxy would get the key, or
 * what it guards, in clear; unless the caller named one, for a host that is not this machine. */
CURLcode pomex_proxy_set(pomex_transfer *transfer, const char *url);

/* Fills in of_proxy and refused_there, and `why` where libcurl's would show a password. */
void pomex_proxy_judge(const pomex_transfer *transfer, CURLcode code, pomex_outcome *outcome);

#endif
