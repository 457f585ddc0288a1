/* Proxies: which proxy carries a request, and whether it was the proxy that failed. A proxy that
 * refuses a user or a host is not asked again: accounts are locked after a few wrong passwords. */
#ifndef POMEX_PROXY_H
#define POMEX_PROXY_H

#include "net/transfer.h"

/* Sets the proxy of the request. A request over http goes through no proxy, because the proxy would
 * read the key, or the data that the key guards, in clear. The exception is a proxy that the caller
 * named, for a host that is not this machine. */
CURLcode pomex_proxy_set(pomex_transfer *transfer, const char *url);

/* Fills in of_proxy and refused_there, and replaces `why` where libcurl's text would show a
 * password. */
void pomex_proxy_judge(const pomex_transfer *transfer, CURLcode code, pomex_outcome *outcome);

#endif
