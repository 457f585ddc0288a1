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

/* The owner of a web page can point a name of his at this machine, and a browser would then let the
 * page read what the sandbox answers. With an IP address he cannot. So no name is accepted, except
 * "localhost". */
static bool is_our_host(const pomex_sb_server *server, const char *host)
{
    char name[64];
    size_t length = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    if (length >= sizeof name || length > strlen(host))
        return false;
    memcpy(name, host, length);
    name[length] = '\0';
    const char *port = host + length;
    char expected[16];
    snprintf(expected, sizeof expected, ":%d", server->port);
    if (strcmp(port, expected) != 0 && !(*port == '\0' && server->port == 80))
        return false;
    if (strcasecmp(name, server->host) == 0)
        return true;
    if (pomex_url_is_loopback(name))
        return server->any_host || pomex_url_is_loopback(server->host);
    return server->any_host && is_literal(name);
}

static void refuse_host(pomex_sb_request *request)
{
    const pomex_sb_server *server = request->server;
    if (server->any_host)
        pomex_sb_response_error(
            &request->response, 403,
            "Host must be an IP address of this machine, or localhost, with "
            "port %d",
            server->port);
    else
        pomex_sb_response_error(
            &request->response, 403,
            "this sandbox answers to http://%s:%d only, not to another Host", server->host,
            server->port);
}

bool pomex_sb_guard_site(pomex_sb_request *request)
{
    const char *host = pomex_sb_guard_host(request);
    if (!is_our_host(request->server, host)) {
        refuse_host(request);
        return false;
    }
    const char *origin = pomex_sb_request_header(request, "Origin");
    if (!origin || (strncmp(origin, "http://", 7) == 0 && strcasecmp(origin + 7, host) == 0))
        return true;
    pomex_sb_response_error(&request->response, 403,
                            "pages of another site cannot use this sandbox");
    return false;
}
