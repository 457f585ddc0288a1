#include "fault_wire.h"

#include "fault_tls.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

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

void fault_wire_free(fault_wire *c)
{
    free(c->buffer);
    free(c->raw);
    fault_relay_forget(c);
    c->buffer = c->raw = NULL;
}

/* -------------------------------------------------------------------------------- requests */

static bool fill_buffer(fault_wire *c)
{
    ssize_t count = fault_wire_receive(c, c->buffer + c->used, FAULT_MAX_HEAD - c->used);
    if (count <= 0)
        return false;
    c->used += (size_t)count;
    c->buffer[c->used] = '\0';
    return true;
}

/* Appends to what is kept of the request as it came. */
static void keep_raw(fault_wire *c, const char *bytes, size_t count)
{
    if (c->raw_length + count > c->raw_capacity) {
        c->raw_capacity = 2 * (c->raw_length + count);
        c->raw = realloc(c->raw, c->raw_capacity);
        if (!c->raw)
            abort();
    }
    memcpy(c->raw + c->raw_length, bytes, count);
    c->raw_length += count;
}

bool fault_wire_read_head(fault_wire *c, fault_request *request)
{
    char *end;
    if (!c->buffer && !(c->buffer = calloc(1, FAULT_MAX_HEAD + 1)))
        return false;
    while (!(end = strstr(c->buffer, "\r\n\r\n")))
        if (!fill_buffer(c))
            return false;
    char *line_end = strstr(c->buffer, "\r\n");
    char *version = line_end;
    while (version > c->buffer && *version != ' ')
        version--;
    memset(request, 0, sizeof *request);
    snprintf(request->line, sizeof request->line, "%.*s", (int)(version - c->buffer),
             c->buffer);
    snprintf(request->headers, sizeof request->headers, "%.*s", (int)(end - line_end),
             line_end == end ? "" : line_end + 2);
    request->connection = c->number;
    snprintf(request->offered, sizeof request->offered, "%s", c->offered);
    if (c->tls)
        fault_tls_name_client(c->tls, request->certificate, sizeof request->certificate);
    request->body_length = fault_relay_body_length(request->headers, 0);
    c->head = (size_t)(end + 4 - c->buffer);
    if (strcasestr(request->headers, "Expect: 100-continue") &&
        !fault_wire_send(c, "HTTP/1.1 100 Continue\r\n\r\n", 25))
        return false;
    size_t beginning =
        request->body_length < FAULT_BEGINNING ? request->body_length : FAULT_BEGINNING;
    while (c->used < c->head + beginning)
        if (!fill_buffer(c))
            return false;
    size_t here = c->used - c->head;
    here = here < request->body_length ? here : request->body_length;
    here = here < sizeof request->body - 1 ? here : sizeof request->body - 1;
    memcpy(request->body, c->buffer + c->head, here);
    return true;
}

bool fault_wire_read_body(fault_wire *c, fault_request *request, size_t most)
{
    size_t left = request->body_length < most ? request->body_length : most, kept = 0;
    c->raw_length = 0;
    keep_raw(c, c->buffer, c->head);
    for (;;) {
        size_t here = c->used - c->head < left ? c->used - c->head : left;
        size_t fits = sizeof request->body - 1 - kept;
        memcpy(request->body + kept, c->buffer + c->head, here < fits ? here : fits);
        kept += here < fits ? here : fits;
        keep_raw(c, c->buffer + c->head, here);
        left -= here;
        memmove(c->buffer, c->buffer + c->head + here, c->used - c->head - here + 1);
        c->used -= c->head + here;
        c->head = 0;
        if (left == 0)
            break;
        if (!fill_buffer(c))
            return false;
    }
    request->at = fault_wire_now();
    return true;
}

void fault_wire_read_some(fault_wire *c, fault_request *request, size_t count)
{
    size_t room = sizeof request->body - 1, got = 0;
    memset(request, 0, sizeof *request);
    request->connection = c->number;
    count = count < room ? count : room;
    while (got < count) {
        ssize_t n = recv(c->fd, request->body + got, count - got, 0);
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    ssize_t more = recv(c->fd, request->body + got, room - got, MSG_DONTWAIT);
    request->body_length = got + (more > 0 ? (size_t)more : 0);
}
