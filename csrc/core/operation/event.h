/* Events for logs and metrics, kept until the host asks for them. */
#ifndef POMEX_EVENT_H
#define POMEX_EVENT_H

#include "pomex.h"

typedef struct pomex_events {
    pomex_event *ring;
    size_t first;
    size_t count;
    size_t lost;
} pomex_events;

/* Adds one of an operation. `type`: of an error, or NULL; `detail`: a status, or NULL. Does
 * nothing if the options asked for no events. */
void pomex_event_add(const pomex_operation *operation, const char *name, int status,
                     double seconds, const char *type, const char *detail);

/* Takes the oldest; false: there is none. */
bool pomex_event_take(pomex_events *events, pomex_event *event);

void pomex_event_free(pomex_events *events);

#endif
