#include "fault_wire.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_ANSWER (64u << 20)

size_t fault_relay_body_length(const char *headers, size_t usual)
{
    for (const char *line = headers; line; line = strstr(line, "\r\n")) {
        line += line == headers ? 0 : 2;
        if (strncasecmp(line, "Content-Length:", 15) == 0)
            return strtoul(line + 15, NULL, 10);
    }
    return usual;
}

bool fault_relay_connect(fault_wire *c, int port)
{
    static const int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return false;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    pthread_mutex_lock(c->lock);
    c->other = fd;
    pthread_mutex_unlock(c->lock);
    return true;
}

static void disconnect(fault_wire *c)
{
    pthread_mutex_lock(c->lock);
    if (c->other >= 0)
        close(c->other);
    c->other = -1;
    pthread_mutex_unlock(c->lock);
}

static bool send_on(fault_wire *c, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t sent = send(c->other, bytes, count, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        count -= (size_t)sent;
    }
    return true;
}

/* The request with the Host of the server behind us; the caller frees it. */
static char *with_host(const char *request, size_t length, int port, size_t *out_length)
{
    char host[64];
    const char *line = memmem(request, length, "\r\nHost: ", 8);
    const char *end =
        line ? memmem(line + 2, length - (size_t)(line + 2 - request), "\r\n", 2) : NULL;
    if (!end)
        return NULL;
    size_t added = (size_t)snprintf(host, sizeof host, "\r\nHost: 127.0.0.1:%d", port);
    size_t before = (size_t)(line - request), after = length - (size_t)(end - request);
    char *out = malloc(before + added + after);
    if (!out)
        abort();
    memcpy(out, request, before);
    memcpy(out + before, host, added);
    memcpy(out + before + added, end, after);
    *out_length = before + added + after;
    return out;
}

/* Waits for bytes from behind, but no longer than the client keeps the connection. */
static bool is_readable(const fault_wire *c)
{
    struct pollfd fds[2] = {{.fd = c->other, .events = POLLIN},
                            {.fd = c->fd, .events = POLLRDHUP}};
    return poll(fds, 2, -1) > 0 && fds[0].revents;
}

static void read_answer(fault_wire *c, fault_answer *answer, bool no_body)
{
    size_t capacity = 0, wanted = SIZE_MAX;
    while (answer->length < wanted && answer->length < MAX_ANSWER && is_readable(c)) {
        if (answer->length + 4096 > capacity) {
            capacity = 2 * capacity + 8192;
            answer->bytes = realloc(answer->bytes, capacity + 1);
            if (!answer->bytes)
                abort();
        }
        ssize_t count =
            recv(c->other, answer->bytes + answer->length, capacity - answer->length, 0);
        if (count <= 0)
            break;
        answer->length += (size_t)count;
        answer->bytes[answer->length] = '\0';
        char *end = answer->head ? NULL : strstr(answer->bytes, "\r\n\r\n");
        if (!end)
            continue;
        answer->head = (size_t)(end + 4 - answer->bytes);
        answer->status = atoi(answer->bytes + strcspn(answer->bytes, " "));
        wanted =
            answer->head + (no_body ? 0 : fault_relay_body_length(answer->bytes, SIZE_MAX / 2));
    }
    answer->whole = answer->head && answer->length >= wanted;
}

void fault_relay_forget(fault_wire *c)
{
    free(c->behind.bytes);
    c->behind = (fault_answer){0};
}

void fault_relay_exchange(fault_wire *c, const fault_step *step, const char *request,
                          size_t length)
{
    size_t total = 0;
    char *text = with_host(request, length, step->port, &total);
    if (!text || (c->other < 0 && !fault_relay_connect(c, step->port))) {
        free(text);
        return;
    }
    bool cut = step->forward_cut && step->forward_cut < total;
    c->handed_on = send_on(c, text, cut ? step->forward_cut : total) && !cut;
    free(text);
    if (c->handed_on)
        read_answer(c, &c->behind, strncmp(request, "HEAD ", 5) == 0);
    if (!c->behind.whole || strcasestr(c->behind.bytes, "\r\nConnection: close"))
        disconnect(c);
}
