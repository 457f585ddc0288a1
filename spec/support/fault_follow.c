/* The ways to answer a request of HTTP/1.1. */
#include "fault_wire.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

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

/* `bytes` NULL: that many x. */
static bool drip(fault_wire *c, double delay, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fault_wire_wait(c, delay);
        if (!fault_wire_send(c, bytes ? bytes + i : "x", 1))
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
        c->whole = true;
    else if (step->kind == FAULT_TRUNCATE)
        send_body(c, step, step->cut < size ? step->cut : size);
    else
        c->whole = step->kind == FAULT_DRIP ? drip(c, step->delay, step->body, size)
                                            : send_body(c, step, size);
    return c->whole && !step->close;
}

static bool relay(fault_wire *c, const fault_step *step)
{
    const fault_answer *behind = &c->behind;
    if (step->cut && step->cut < behind->length)
        return fault_wire_send(c, behind->bytes, step->cut) && false;
    bool sent = step->kind == FAULT_DRIP ? drip(c, step->delay, behind->bytes, behind->length)
                                         : fault_wire_send(c, behind->bytes, behind->length);
    c->whole = sent && behind->whole;
    return c->whole && !step->close;
}

static bool endless(fault_wire *c, const char *head, const char *piece)
{
    char many[16384];
    size_t length = strlen(piece), used = 0;
    for (; used + length <= sizeof many; used += length)
        memcpy(many + used, piece, length);
    if (!fault_wire_send(c, head, strlen(head)))
        return false;
    while (fault_wire_send(c, many, used))
        ;
    return false;
}

static bool tunnel(fault_wire *c, const fault_step *step)
{
    static const char established[] = "HTTP/1.1 200 Connection established\r\n\r\n";
    char bytes[16384];
    if (!fault_relay_connect(c, step->port) ||
        !fault_wire_send(c, established, sizeof established - 1))
        return false;
    struct pollfd fds[2] = {{.fd = c->fd, .events = POLLIN},
                            {.fd = c->other, .events = POLLIN}};
    while (poll(fds, 2, -1) > 0) {
        int from = fds[0].revents ? 0 : 1;
        ssize_t count = recv(fds[from].fd, bytes, sizeof bytes, 0);
        if (count <= 0 || send(fds[1 - from].fd, bytes, (size_t)count, MSG_NOSIGNAL) != count)
            break;
    }
    return false;
}

static bool follow(fault_wire *c, const fault_step *step, const fault_request *request)
{
    switch (step->kind) {
    case FAULT_DRIP:
        if (c->behind.bytes)
            return relay(c, step);
        /* fall through */
    case FAULT_ANSWER:
    case FAULT_TRUNCATE:
        return answer(c, step, strncmp(request->line, "HEAD ", 5) == 0);
    case FAULT_RELAY:
        return relay(c, step);
    case FAULT_RAW:
    case FAULT_RAW_AT_ONCE:
        return fault_wire_send(c, step->body, step->size ? step->size : strlen(step->body)) &&
               false;
    case FAULT_HANG:
    case FAULT_HANG_AT_ONCE:
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
    case FAULT_RESET_WITHIN:
    case FAULT_RESET_AT_ONCE:
    case FAULT_CUT_AT_ONCE:
        fault_wire_reset_on_close(c);
        return false;
    default:
        return false;
    }
}

bool fault_wire_follow(fault_wire *c, const fault_step *step, const fault_request *request)
{
    fault_relay_forget(c);
    c->handed_on = c->whole = false;
    if (step->forward || step->kind == FAULT_RELAY)
        fault_relay_exchange(c, step, c->raw, c->raw_length);
    if (step->delay > 0 && step->kind != FAULT_DRIP)
        fault_wire_wait(c, step->delay);
    bool going_on = follow(c, step, request);
    if (step->reset && !going_on)
        fault_wire_reset_on_close(c);
    return going_on;
}
