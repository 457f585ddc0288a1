#include "fault_wire.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int64_t fault_wire_now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

/* ------------------------------------------------------------------------------- the bytes */

ssize_t fault_wire_receive(fault_wire *c, char *bytes, size_t count)
{
    return c->tls ? SSL_read(c->tls, bytes, (int)count) : recv(c->fd, bytes, count, 0);
}

bool fault_wire_send(fault_wire *c, const char *bytes, size_t count)
{
    while (count > 0) {
        size_t piece = count < 65536 ? count : 65536;
        ssize_t sent = c->tls ? SSL_write(c->tls, bytes, (int)piece)
                              : send(c->fd, bytes, piece, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        count -= (size_t)sent;
    }
    return true;
}

void fault_wire_wait(fault_wire *c, double seconds)
{
    struct pollfd fd = {.fd = c->fd, .events = POLLRDHUP};
    poll(&fd, 1, seconds < 0 ? -1 : (int)(seconds * 1000));
}

void fault_wire_reset_on_close(fault_wire *c)
{
    struct linger linger = {1, 0};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

static size_t length_of_body(const char *headers)
{
    for (const char *line = headers; line; line = strstr(line, "\r\n")) {
        line += line == headers ? 0 : 2;
        if (strncasecmp(line, "Content-Length:", 15) == 0)
            return strtoul(line + 15, NULL, 10);
    }
    return 0;
}

bool fault_wire_read(fault_wire *c, fault_request *request)
{
    char *end;
    while (c->buffer[c->used] = '\0', !(end = strstr(c->buffer, "\r\n\r\n"))) {
        ssize_t count = fault_wire_receive(c, c->buffer + c->used, FAULT_MAX_HEAD - c->used);
        if (count <= 0)
            return false;
        c->used += (size_t)count;
    }
    char *line_end = strstr(c->buffer, "\r\n");
    char *version = line_end;
    while (version > c->buffer && *version != ' ')
        version--;
    memset(request, 0, sizeof *request);
    snprintf(request->line, sizeof request->line, "%.*s", (int)(version - c->buffer),
             c->buffer);
    snprintf(request->headers, sizeof request->headers, "%.*s", (int)(end - line_end),
             line_end == end ? "" : line_end + 2);
    size_t head = (size_t)(end + 4 - c->buffer);
    size_t left = request->body_length = length_of_body(request->headers);
    request->connection = c->number;
    snprintf(request->offered, sizeof request->offered, "%s", c->alpn.offered);
    if (strcasestr(request->headers, "Expect: 100-continue") &&
        !fault_wire_send(c, "HTTP/1.1 100 Continue\r\n\r\n", 25))
        return false;
    size_t kept = 0;
    for (;;) {
        size_t here = c->used - head < left ? c->used - head : left;
        size_t fits = sizeof request->body - 1 - kept;
        memcpy(request->body + kept, c->buffer + head, here < fits ? here : fits);
        kept += here < fits ? here : fits;
        left -= here;
        memmove(c->buffer, c->buffer + head + here, c->used - head - here);
        c->used -= head + here;
        if (left == 0)
            break;
        head = 0;
        ssize_t count = fault_wire_receive(c, c->buffer, FAULT_MAX_HEAD);
        if (count <= 0)
            return false;
        c->used = (size_t)count;
    }
    request->at = fault_wire_now();
    return true;
}

/* --------------------------------------------------------------------------------- answers */

static bool send_body(fault_wire *c, const fault_step *step, size_t size)
{
    char filler[4096];
    if (step->body)
        return fault_wire_send(c, step->body, size);
    memset(filler, 'x', sizeof filler);
    for (size_t left = size, piece; left > 0; left -= piece) {
        piece = left < sizeof filler ? left : sizeof filler;
        if (!fault_wire_send(c, filler, piece))
            return false;
    }
    return true;
}

static bool drip(fault_wire *c, const fault_step *step, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        fault_wire_wait(c, step->delay);
        if (!fault_wire_send(c, step->body ? step->body + i : "x", 1))
            return false;
    }
    return true;
}

static bool answer(fault_wire *c, const fault_step *step, bool no_body)
{
    char head[8192];
    size_t size = step->size || !step->body ? step->size : strlen(step->body);
    int status = step->status ? step->status : 200;
    int length = snprintf(
        head, sizeof head, "HTTP/1.1 %d Fault\r\nContent-Length: %zu\r\n%s%s\r\n", status, size,
        step->close ? "Connection: close\r\n" : "", step->headers ? step->headers : "");
    if (!fault_wire_send(c, head, (size_t)length))
        return false;
    if (no_body || status == 304)
        return !step->close;
    if (step->kind == FAULT_DRIP)
        return drip(c, step, size) && !step->close;
    if (step->kind == FAULT_TRUNCATE)
        return send_body(c, step, step->cut < size ? step->cut : size) && false;
    return send_body(c, step, size) && !step->close;
}

static bool endless(fault_wire *c, const char *head, const char *piece)
{
    if (!fault_wire_send(c, head, strlen(head)))
        return false;
    while (fault_wire_send(c, piece, strlen(piece)))
        ;
    return false;
}

static int connect_to(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool tunnel(fault_wire *c, const fault_step *step)
{
    static const char established[] = "HTTP/1.1 200 Connection established\r\n\r\n";
    char bytes[16384];
    int other = connect_to(step->port);
    if (other < 0 || !fault_wire_send(c, established, sizeof established - 1))
        return false;
    pthread_mutex_lock(c->lock);
    c->other = other;
    pthread_mutex_unlock(c->lock);
    struct pollfd fds[2] = {{.fd = c->fd, .events = POLLIN}, {.fd = other, .events = POLLIN}};
    while (poll(fds, 2, -1) > 0) {
        int from = fds[0].revents ? 0 : 1;
        ssize_t count = recv(fds[from].fd, bytes, sizeof bytes, 0);
        if (count <= 0 || send(fds[1 - from].fd, bytes, (size_t)count, MSG_NOSIGNAL) != count)
            break;
    }
    return false;
}

bool fault_wire_follow(fault_wire *c, const fault_step *step, const fault_request *request)
{
    if (step->delay > 0 && step->kind != FAULT_DRIP)
        fault_wire_wait(c, step->delay);
    switch (step->kind) {
    case FAULT_ANSWER:
    case FAULT_TRUNCATE:
    case FAULT_DRIP:
        return answer(c, step, strncmp(request->line, "HEAD ", 5) == 0);
    case FAULT_RAW:
        return fault_wire_send(c, step->body, step->size ? step->size : strlen(step->body)) &&
               false;
    case FAULT_HANG:
        fault_wire_wait(c, -1);
        return false;
    case FAULT_ENDLESS_HEADERS:
        return endless(c, "HTTP/1.1 200 OK\r\n", "X-More: and more and more and more\r\n");
    case FAULT_ENDLESS_BODY:
        return endless(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                       "20\r\n\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxx\",\r\n");
    case FAULT_TUNNEL:
        return tunnel(c, step);
    case FAULT_RESET:
    case FAULT_RESET_AT_ONCE:
        fault_wire_reset_on_close(c);
        return false;
    default:
        return false;
    }
}
