#include "net/proxy.h"

#include "base/ascii.h"
#include "net/net.h"

#include <string.h>

CURLcode pomex_proxy_set(pomex_transfer *t, const char *url)
{
    const pomex_settings *s = t->net->settings;
    bool http = pomex_ascii_begins(url, "http:");
    bool none = http && (s->base_is_loopback || !s->proxy);
    t->by_proxy = http && !none && *s->proxy;
    /* What CONNECT says of us; an http request has it among its own headers. */
    CURLcode code =
        curl_easy_setopt(t->easy, CURLOPT_PROXYHEADER, http ? NULL : &t->net->agent_alone);
    if (code != CURLE_OK)
        return code;
    /* NULL: libcurl takes the environment's proxy */
    return curl_easy_setopt(t->easy, CURLOPT_PROXY, none ? "" : s->proxy);
}

/* Whether the proxy's answer to CONNECT refuses the user, the host or the method. Any other answer
 * could be about the service behind the proxy. */
static bool is_refusal(long status)
{
    return status == 401 || status == 403 || status == 405 || status == 407;
}

/* Whether a SOCKS proxy refuses the user or the host. */
static bool is_socks_refusal(long error)
{
    switch (error) {
    case CURLPX_IDENTD:
    case CURLPX_IDENTD_DIFFER:
    case CURLPX_LONG_PASSWD:
    case CURLPX_LONG_USER:
    case CURLPX_NO_AUTH:
    case CURLPX_REPLY_NOT_ALLOWED:
    case CURLPX_USER_REJECTED:
        return true;
    default:
        return false;
    }
}

void pomex_proxy_judge(const pomex_transfer *t, CURLcode code, pomex_outcome *o)
{
    long status = 0, error = 0, untrusted = 0;
    if (o->ending == POMEX_ANSWERED) {
        o->of_proxy = o->refused_there = t->by_proxy && o->status == 407;
        return;
    }
    if (t->sent || code == CURLE_OK)
        return;
    if (strncmp(t->why, "Unsupported proxy", strlen("Unsupported proxy")) == 0) {
        /* The address comes from the environment. libcurl's text shows all of it, with its
         * password. */
        o->of_proxy = o->refused_there = true;
        o->why = "libcurl cannot read the proxy's address";
        return;
    }
    curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &status);
    curl_easy_getinfo(t->easy, CURLINFO_PROXY_ERROR, &error);
    curl_easy_getinfo(t->easy, CURLINFO_PROXY_SSL_VERIFYRESULT, &untrusted);
    o->refused_there = is_refusal(status) || (code == CURLE_PROXY && is_socks_refusal(error));
    o->of_proxy = o->refused_there || status >= 300 || code == CURLE_PROXY ||
                  code == CURLE_COULDNT_RESOLVE_PROXY ||
                  (o->ending == POMEX_UNTRUSTED && untrusted);
}
