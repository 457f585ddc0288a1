#include "operation/event.h"

#include "base/secret.h"
#include "operation/operation.h"
#include "rules/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bounded, so that a host that never asks for its events costs a fixed amount. */
#define EVENTS_KEPT 1024
#define PATH_SHOWN  256
#define GROUP       "group-" /* how the id of a group begins */

/* ------------------------------------------------------------------------- texts of an event */

/* Writes `path` without its query, which can identify a person, and without the ids of groups, as
 * far as it fits. */
static void cut_path(char *to, size_t size, const char *path)
{
    size_t used = 0, length = strcspn(path, "?");
    for (size_t i = 0; i < length && used + sizeof GROUP < size;) {
        bool group = i && path[i - 1] == '/' && strncmp(path + i, GROUP, strlen(GROUP)) == 0;
        if (group) {
            used += (size_t)snprintf(to + used, size - used, GROUP "*");
            i += strcspn(path + i, "/?");
        } else {
            to[used++] = path[i++];
        }
    }
    to[used] = '\0';
}

/* The key is hidden before the path is cut: half a key is one, too. */
static void show_path(const pomex_operation *op, char *to, size_t size)
{
    char *path = pomex_operation_shown(op, op->url_path);
    if (path)
        cut_path(to, size, path);
    free(path);
}

static bool is_group(const char *text)
{
    return strncmp(text, GROUP, strlen(GROUP)) == 0;
}

/* Copies the texts of the event into one block. If memory runs out, the event has no texts. */
static void set_texts(pomex_kept_event *kept, const pomex_operation *op, bool answered)
{
    char path[PATH_SHOWN] = "";
    const char *method = op->own && op->kind->method ? op->kind->method(op) : NULL;
    bool own = method && op->url_path;
    if (own)
        show_path(op, path, sizeof path);
    const char *const texts[] = {
        op->object_id && !is_group(op->object_id) ? op->object_id : NULL,
        answered ? op->request_id : NULL, own ? method : NULL, own ? path : NULL};
    const char **const fields[] = {&kept->event.id, &kept->event.request_id,
                                   &kept->event.method, &kept->event.path};
    size_t size = 0, used = 0;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        size += texts[i] ? strlen(texts[i]) + 1 : 0;
    kept->texts = size ? malloc(size) : NULL;
    if (!kept->texts)
        return;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (!texts[i])
            continue;
        char *at = kept->texts + used;
        used += strlen(texts[i]) + 1;
        memcpy(at, texts[i], strlen(texts[i]) + 1);
        pomex_secret_hide(at, strlen(at), op->context->settings->key);
        *fields[i] = at;
    }
}

/* --------------------------------------------------------------------------------- the queue */

/* A place in the ring. NULL: the options asked for no events, or the ring is full. */
static pomex_kept_event *take_place(pomex_context *context)
{
    pomex_events *events = &context->events;
    if (!context->settings->options.events)
        return NULL;
    if (!events->ring)
        events->ring = calloc(EVENTS_KEPT, sizeof *events->ring);
    if (!events->ring || events->count == EVENTS_KEPT) {
        events->lost++;
        return NULL;
    }
    return &events->ring[(events->first + events->count++) % EVENTS_KEPT];
}

static pomex_kept_event *add(const pomex_operation *op, const char *name, double seconds)
{
    pomex_kept_event *kept = take_place(op->context);
    if (!kept)
        return NULL;
    *kept = (pomex_kept_event){.event = {
                                   .name = name,
                                   .endpoint = op->endpoint->name,
                                   .operation = op->id,
                                   .attempt = op->attempts,
                                   .seconds = seconds,
                                   .next = -1,
                               }};
    return kept;
}

void pomex_event_request(const pomex_operation *op)
{
    pomex_kept_event *kept = add(op, "request", 0);
    if (kept)
        set_texts(kept, op, false);
}

void pomex_event_retry(pomex_operation *op, int status, double pause, const char *type)
{
    pomex_event_failed(op, type);
    pomex_kept_event *kept = add(op, "retry", pause);
    if (!kept)
        return;
    kept->event.status = status;
    kept->event.type = type;
    set_texts(kept, op, true);
}

void pomex_event_look(pomex_operation *op, const char *status)
{
    pomex_kept_event *kept = add(op, "update", 0);
    if (op->response)
        snprintf(op->response->event.detail, sizeof op->response->event.detail, "%s", status);
    if (!kept)
        return;
    kept->event.status = op->status;
    snprintf(kept->event.detail, sizeof kept->event.detail, "%s", status);
    set_texts(kept, op, true);
}

void pomex_event_done(pomex_operation *op, const char *type, double seconds)
{
    pomex_event_failed(op, type);
    if (op->response)
        op->response->event.ends = type;
    pomex_event_next(op, -1);
    pomex_kept_event *kept = add(op, "done", seconds);
    if (!kept)
        return;
    kept->event.status = op->status;
    kept->event.type = type;
    kept->event.between = !op->response;
    kept->event.billed = pomex_operation_billed(op);
    set_texts(kept, op, true);
}

/* ------------------------------------------------- the response, while it is seen what follows */

/* The type of the attempt's error, as far as its outcome alone tells; NULL: it did not fail. */
static const char *type_of(const pomex_operation *op, const pomex_outcome *o)
{
    bool redirected = !op->endpoint->of_service && o->status >= 300 && o->status < 400;
    switch (o->ending) {
    case POMEX_ANSWERED:
        return o->status < 300 || redirected ? NULL
               : o->of_proxy                 ? "connection_error"
                                             : pomex_rules_error_type(o->status);
    case POMEX_TIMED_OUT:
    case POMEX_STALLED:
        return "timeout_error";
    case POMEX_OVERSIZED:
        return "decode_error";
    case POMEX_LOCAL:
        return "file_error";
    case POMEX_CANCELLED:
        return "cancelled_error";
    case POMEX_NO_MEMORY:
        return "memory_error";
    default:
        return "connection_error";
    }
}

void pomex_event_response(pomex_operation *op, const pomex_outcome *o)
{
    op->response = add(op, "response", pomex_clock_seconds(o->took));
    if (!op->response)
        return;
    op->response->event.status = o->status;
    op->response->event.type = type_of(op, o);
}

void pomex_event_failed(pomex_operation *op, const char *type)
{
    if (op->response && !op->response->event.type)
        op->response->event.type = type;
}

void pomex_event_next(pomex_operation *op, double seconds)
{
    if (op->response)
        op->response->event.next = seconds;
}

void pomex_event_settled(pomex_operation *op)
{
    if (op->response)
        set_texts(op->response, op, true);
    op->response = NULL;
}

/* -------------------------------------------------------------------------------- the host's */

bool pomex_event_take(pomex_events *events, pomex_event *event)
{
    free(events->taken);
    events->taken = NULL;
    if (events->count) {
        *event = events->ring[events->first].event;
        events->taken = events->ring[events->first].texts;
        events->first = (events->first + 1) % EVENTS_KEPT;
        events->count--;
        return true;
    }
    if (!events->lost)
        return false;
    *event = (pomex_event){.name = "dropped", .next = -1};
    snprintf(event->detail, sizeof event->detail, "%zu", events->lost);
    events->lost = 0;
    return true;
}

void pomex_event_free(pomex_events *events)
{
    for (; events->count; events->count--) {
        free(events->ring[events->first].texts);
        events->first = (events->first + 1) % EVENTS_KEPT;
    }
    free(events->taken);
    free(events->ring);
    *events = (pomex_events){0};
}
