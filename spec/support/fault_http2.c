#include "fault_http2.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FIELDS 32

typedef struct stream {
    struct stream *next;
    int32_t id;
    bool whole; /* the request is here; it waits for its step */
    fault_request request;
    fault_step step;
    char *owned; /* the answer of the server behind us, to which the step then points */
    size_t size; /* of the answer's body that is to be sent */
    size_t sent;
    bool broken; /* … and then RST_STREAM */
    bool halts;  /* … and then nothing */
} stream;

typedef struct http2 {
    fault_wire *wire;
    nghttp2_session *session;
    fault_take take;
    fault_followed followed;
    void *user;
    stream *streams;
    bool open;
} http2;

/* ------------------------------------------------------------------------------- requests */

static stream *stream_of(http2 *h, int32_t id)
{
    return nghttp2_session_get_stream_user_data(h->session, id);
}

static int on_begin(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    http2 *h = user;
    if (frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    stream *s = calloc(1, sizeof *s);
    if (!s)
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    s->id = frame->hd.stream_id;
    s->request.connection = h->wire->number;
    s->request.http2 = true;
    memcpy(s->request.offered, h->wire->alpn.offered, sizeof s->request.offered);
    s->next = h->streams;
    h->streams = s;
    return nghttp2_session_set_stream_user_data(session, s->id, s);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_length, const uint8_t *value, size_t value_length,
                     uint8_t flags, void *user)
{
    stream *s = stream_of(user, frame->hd.stream_id);
    const char *key = (const char *)name, *text = (const char *)value;
    (void)session;
    (void)flags;
    if (!s)
        return 0;
    if (strcmp(key, ":method") == 0) { /* libcurl sends it first */
        snprintf(s->request.line, sizeof s->request.line, "%s ", text);
    } else if (strcmp(key, ":path") == 0) {
        size_t used = strlen(s->request.line);
        snprintf(s->request.line + used, sizeof s->request.line - used, "%s", text);
    } else if (key[0] != ':') {
        size_t used = strlen(s->request.headers);
        snprintf(s->request.headers + used, sizeof s->request.headers - used, "%.*s: %.*s\r\n",
                 (int)name_length, key, (int)value_length, text);
    }
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                   size_t count, void *user)
{
    stream *s = stream_of(user, id);
    (void)session;
    (void)flags;
    if (!s)
        return 0;
    size_t most = sizeof s->request.body - 1, kept = s->request.body_length;
    if (kept < most)
        memcpy(s->request.body + kept, bytes, count < most - kept ? count : most - kept);
    s->request.body_length += count;
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    stream *s = stream_of(user, frame->hd.stream_id);
    (void)session;
    if (s && frame->hd.flags & NGHTTP2_FLAG_END_STREAM &&
        (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA)) {
        s->whole = true;
        s->request.at = fault_wire_now();
    }
    return 0;
}

static void free_stream(stream *s)
{
    free(s->owned);
    free(s);
}

static int on_stream_end(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
    http2 *h = user;
    (void)session;
    (void)code;
    for (stream **at = &h->streams; *at; at = &(*at)->next) {
        stream *s = *at;
        if (s->id != id)
            continue;
        *at = s->next;
        free_stream(s);
        break;
    }
    return 0;
}

/* -------------------------------------------------------------------------------- answers */

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *bytes, size_t room,
                         uint32_t *flags, nghttp2_data_source *source, void *user)
{
    stream *s = source->ptr;
    (void)user;
    size_t count = s->size - s->sent < room ? s->size - s->sent : room;
    if (s->step.body)
        memcpy(bytes, s->step.body + s->sent, count);
    else
        memset(bytes, 'x', count);
    s->sent += count;
    if (s->halts && !count)
        return NGHTTP2_ERR_DEFERRED;
    if (s->sent < s->size || s->halts)
        return (ssize_t)count;
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (s->broken) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_INTERNAL_ERROR);
    }
    return (ssize_t)count;
}

static void add_field(nghttp2_nv *fields, size_t *count, char *name, char *value)
{
    if (*count == MAX_FIELDS)
        return;
    for (char *p = name; *p; p++)
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
    fields[(*count)++] = (nghttp2_nv){.name = (uint8_t *)name,
                                      .namelen = strlen(name),
                                      .value = (uint8_t *)value,
                                      .valuelen = strlen(value)};
}

/* Splits "Name: value\r\n…" in place; what only HTTP/1.1 knows is left out. */
static void add_lines(nghttp2_nv *fields, size_t *count, char *lines)
{
    char *rest = NULL;
    for (char *line = strtok_r(lines, "\r\n", &rest); line;
         line = strtok_r(NULL, "\r\n", &rest)) {
        char *colon = strstr(line, ": ");
        if (!colon || strncasecmp(line, "Connection:", 11) == 0 ||
            strncasecmp(line, "Content-Length:", 15) == 0)
            continue;
        *colon = '\0';
        add_field(fields, count, line, colon + 2);
    }
}

static void answer(http2 *h, stream *s)
{
    char status[16], length[32], lines[4096], names[2][16] = {":status", "content-length"};
    nghttp2_nv fields[MAX_FIELDS];
    size_t count = 0;
    size_t size = s->step.size || !s->step.body ? s->step.size : strlen(s->step.body);
    s->broken = s->broken || s->step.kind == FAULT_TRUNCATE;
    s->halts = s->step.kind == FAULT_HALT;
    s->size = (s->broken || s->halts) && s->step.cut < size ? s->step.cut : size;
    snprintf(status, sizeof status, "%d", s->step.status ? s->step.status : 200);
    snprintf(length, sizeof length, "%zu", size);
    snprintf(lines, sizeof lines, "%s", s->step.headers ? s->step.headers : "");
    add_field(fields, &count, names[0], status);
    add_field(fields, &count, names[1], length);
    add_lines(fields, &count, lines);
    nghttp2_data_provider body = {.source.ptr = s, .read_callback = read_body};
    nghttp2_submit_response(h->session, s->id, fields, count, &body);
    if (s->step.close)
        nghttp2_submit_shutdown_notice(h->session);
}

/* Hands the request on; false if what came back is no answer. */
static bool hand_on(http2 *h, stream *s)
{
    char text[10240];
    const fault_request *r = &s->request;
    const fault_answer *behind = &h->wire->behind;
    int length = snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: us\r\n%s\r\n%s", r->line,
                          r->headers, r->body);
    if (r->body_length >= sizeof r->body) /* not all of it was kept */
        return false;
    fault_relay_exchange(h->wire, &s->step, text, (size_t)length);
    if (!behind->whole || s->step.kind != FAULT_RELAY)
        return behind->whole;
    s->owned = malloc(behind->length + 1);
    if (!s->owned)
        return false;
    memcpy(s->owned, behind->bytes, behind->length + 1);
    s->owned[behind->head - 2] = '\0';
    s->step.status = behind->status;
    s->step.headers = strstr(s->owned, "\r\n") + 2;
    s->step.body = s->owned + behind->head;
    s->step.size = behind->length - behind->head;
    s->broken = s->step.cut && s->step.cut < behind->length;
    s->step.cut = s->step.cut > behind->head ? s->step.cut - behind->head : 0;
    return true;
}

static void follow(http2 *h, stream *s)
{
    nghttp2_session *session = h->session;
    fault_relay_forget(h->wire);
    h->wire->handed_on = h->wire->whole = false;
    h->take(h->user, &s->request, &s->step);
    if ((s->step.forward || s->step.kind == FAULT_RELAY) && !hand_on(h, s))
        s->step.kind = FAULT_CLOSE;
    if (s->step.delay > 0)
        fault_wire_wait(h->wire, s->step.delay);
    h->followed(h->user, h->wire, &s->request, &s->step);
    switch (s->step.kind) {
    case FAULT_ANSWER:
    case FAULT_TRUNCATE:
    case FAULT_HALT:
    case FAULT_RELAY:
        answer(h, s);
        break;
    case FAULT_HANG:
        break;
    case FAULT_REFUSE_STREAM:
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_REFUSED_STREAM);
        break;
    case FAULT_HTTP_1_1:
        nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_HTTP_1_1_REQUIRED);
        break;
    case FAULT_GO_AWAY:
        nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE, s->id > 1 ? s->id - 2 : 0,
                              NGHTTP2_NO_ERROR, NULL, 0);
        h->open = false;
        break;
    case FAULT_RESET:
    case FAULT_RESET_WITHIN:
        fault_wire_reset_on_close(h->wire);
        h->open = false;
        break;
    default:
        h->open = false;
    }
}

/* ----------------------------------------------------------------------------- connection */

static bool flush(http2 *h)
{
    const uint8_t *bytes;
    ssize_t count;
    while ((count = nghttp2_session_mem_send(h->session, &bytes)) > 0)
        if (!fault_wire_send(h->wire, (const char *)bytes, (size_t)count))
            return false;
    return count == 0;
}

static stream *next_whole(http2 *h)
{
    stream *first = NULL;
    for (stream *s = h->streams; s; s = s->next)
        if (s->whole && (!first || s->id < first->id))
            first = s;
    return first;
}

static void run(http2 *h)
{
    char bytes[16384];
    stream *s;
    ssize_t count;
    nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, NULL, 0);
    h->open = flush(h);
    while (h->open && (count = fault_wire_receive(h->wire, bytes, sizeof bytes)) > 0) {
        if (nghttp2_session_mem_recv(h->session, (const uint8_t *)bytes, (size_t)count) < 0)
            return;
        while (h->open && (s = next_whole(h))) {
            s->whole = false;
            follow(h, s); /* closes none: that happens in flush */
        }
        /* What a reset or a close follows is lost with it; a GOAWAY is to be seen. */
        if (!flush(h))
            return;
    }
}

void fault_http2_serve(fault_wire *wire, fault_take take, fault_followed followed, void *user)
{
    http2 h = {.wire = wire, .take = take, .followed = followed, .user = user};
    nghttp2_session_callbacks *callbacks = NULL;
    if (nghttp2_session_callbacks_new(&callbacks) == 0) {
        nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin);
        nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
        nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_end);
        if (nghttp2_session_server_new(&h.session, callbacks, &h) == 0)
            run(&h);
        nghttp2_session_callbacks_del(callbacks);
    }
    nghttp2_session_del(h.session);
    while (h.streams) {
        stream *s = h.streams;
        h.streams = s->next;
        free_stream(s);
    }
}
