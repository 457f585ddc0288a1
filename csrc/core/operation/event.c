#include "operation/event.h"

#include "operation/operation.h"

#include <stdio.h>
#include <stdlib.h>

/* Bounded, so that a host that never asks for its events costs a fixed amount. */
#define EVENTS_KEPT 1024

void pomex_event_add(const pomex_operation *operation, const char *name, int status,
                     double seconds, const char *type, const char *detail)
{
    pomex_context *context = operation->context;
    pomex_events *events = &context->events;
    if (!context->settings->options.events)
        return;
    if (!events->ring)
        events->ring = calloc(EVENTS_KEPT, sizeof *events->ring);
    if (!events->ring || events->count == EVENTS_KEPT) {
        events->lost++;
        return;
    }
    pomex_event *event = &events->ring[(events->first + events->count++) % EVENTS_KEPT];
    *event = (pomex_event){
        .name = name,
        .endpoint = operation->endpoint->name,
        .operation = operation->id,
        .attempt = operation->attempts,
        .status = status,
        .seconds = seconds,
        .type = type,
    };
    if (detail)
        snprintf(event->detail, sizeof event->detail, "%s", detail);
}

bool pomex_event_take(pomex_events *events, pomex_event *event)
{
    if (events->count) {
        *event = events->ring[events->first];
        events->first = (events->first + 1) % EVENTS_KEPT;
        events->count--;
        return true;
    }
    if (!events->lost)
        return false;
    *event = (pomex_event){.name = "dropped"};
    snprintf(event->detail, sizeof event->detail, "%zu", events->lost);
    events->lost = 0;
    return true;
}

void pomex_event_free(pomex_events *events)
{
    free(events->ring);
}
