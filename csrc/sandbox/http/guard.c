#include "sandbox/http/guard.h"

#include "base/url.h"
#include "rules/rules.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *pomex_sb_guard_host(const pomex_sb_request *request)
{
    const char *host = pomex_sb_request_header(request, "Host");
    return host ? host : "";
}

static bool is_literal(const char *host)
{
    char bare[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (inet_pton(AF_INET, host, &address) == 1)
        return true;
    size_t length = strlen(host);
    if (length < 3 || length - 2 >= sizeof bare || host[0] != '[' || host[length - 1] != ']')
        return false;
    memcpy(bare, host + 1, length - 2);
    bare[length - 2] = '\0';
    return inet_pton(AF_INET6, bare, &address) == 1;
}

/* A name could be made to point at us by anyone who owns it; an address cannot. */
static bool is_our_host(const pomex_sb *sandbox, const char *host)
{
    char name[64];
    size_t length = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    if (length >= sizeof name || length > strlen(host))
        return false;
    memcpy(name, host, length);
    name[length] = '\0';
    const char *port = host + length;
    char expected[16];
    snprintf(expected, sizeof expected, ":%d", sandbox->port);
    if (strcmp(port, expected) != 0 && !(*port == '\0' && sandbox->port == 80))
        return false;
    if (strcasecmp(name, sandbox->host) == 0)
        return true;
    if (pomex_url_is_loopback(name))
        return sandbox->any_host || pomex_url_is_loopback(sandbox->host);
    return sandbox->any_host && is_literal(name);
}

bool pomex_sb_guard_site(pomex_sb_request *request)
{
    const char *host = pomex_sb_guard_host(request);
    if (!is_our_host(request->sandbox, host)) {
        pomex_sb_answer_error(&request->answer, 403,
                              "this sandbox answers to http://%s:%d only, not to another Host",
                              request->sandbox->host, request->sandbox->port);
        return false;
    }
    const char *origin = pomex_sb_request_header(request, "Origin");
    if (!origin || (strncmp(origin, "http://", 7) == 0 && strcasecmp(origin + 7, host) == 0))
        return true;
    pomex_sb_answer_error(&request->answer, 403,
                          "pages of another site may not ask this sandbox");
    return false;
}

bool pomex_sb_guard_token(pomex_sb_request *request)
{
    const char *token = pomex_sb_request_header(request, "X-Sandbox-Token");
    const char *ours = request->sandbox->token;
    if (token && pomex_sb_same(token, strlen(token), ours, strlen(ours)))
        return true;
    pomex_sb_answer_error(&request->answer, 403,
                          "X-Sandbox-Token must be the token that was shown at the start");
    return false;
}

void pomex_sb_guard_key(pomex_sb_request *request)
{
    static const char scheme[] = "Bearer ";
    const char *header = pomex_sb_request_header(request, "Authorization");
    if (!header || strncasecmp(header, scheme, sizeof scheme - 1) != 0)
        return;
    const char *key = header + sizeof scheme - 1;
    request->account = pomex_sb_store_account(request->sandbox->store, key, strlen(key));
}
