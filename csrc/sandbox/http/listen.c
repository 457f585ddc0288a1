#include "sandbox/http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int bind_one(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, 4096) == 0)
        return fd;
    int kept = errno;
    close(fd);
    errno = kept;
    return -1;
}

/* Reads back what was bound; the host is written as in a URL. */
static bool read_bound(pomex_sb_server *server, int fd)
{
    struct sockaddr_storage bound;
    socklen_t length = sizeof bound;
    char text[INET6_ADDRSTRLEN];
    if (getsockname(fd, (struct sockaddr *)&bound, &length) != 0)
        return false;
    if (bound.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)&bound;
        inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof text);
        snprintf(server->host, sizeof server->host, "[%s]", text);
        server->any_host = IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
        server->port = ntohs(v6->sin6_port);
        return true;
    }
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)&bound;
    inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text);
    snprintf(server->host, sizeof server->host, "%s", text);
    server->any_host = v4->sin_addr.s_addr == INADDR_ANY;
    server->port = ntohs(v4->sin_port);
    return true;
}

static const char *reason(int code)
{
    switch (code) {
    case EADDRINUSE:
        return "the port is in use (port 0 takes a free one)";
    case EADDRNOTAVAIL:
        return "it is no address of this machine";
    default:
        return strerror(code);
    }
}

int pomex_sb_listen(pomex_sb_server *server, const char *host, int port, char *why,
                    size_t why_size)
{
    char bare[64];
    char service[16];
    size_t length = strlen(host);
    bool brackets = length > 2 && host[0] == '[' && host[length - 1] == ']';
    snprintf(bare, sizeof bare, "%.*s", (int)(length - (brackets ? 2 : 0)),
             host + (brackets ? 1 : 0));
    snprintf(service, sizeof service, "%d", port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *address = NULL;
    const char *name = strcmp(bare, "localhost") == 0 ? "127.0.0.1" : bare;
    if (getaddrinfo(name, service, &hints, &address) != 0) {
        snprintf(why, why_size, "--host %s is no IP address", host);
        return -1;
    }
    int fd = bind_one(address);
    int failure = errno;
    freeaddrinfo(address);
    if (fd >= 0 && read_bound(server, fd))
        return fd;
    snprintf(why, why_size, "cannot listen on %s port %d: %s", host, port,
             reason(fd < 0 ? failure : errno));
    if (fd >= 0)
        close(fd);
    return -1;
}
