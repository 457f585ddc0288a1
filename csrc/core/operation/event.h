/* Events for logs and metrics, kept until the host asks for them. No event carries the key, a
 * signed link or a group. */
#ifndef POMEX_EVENT_H
#define POMEX_EVENT_H

#include "net/transfer.h"

typedef struct pomex_kept_event {
    pomex_event event;
    char *texts; /* the block that holds its texts; or NULL */
} pomex_kept_event;

typedef struct pomex_events {
    pomex_kept_event *ring;
    char *taken; /* texts of the event that was taken last */
    size_t first;
    size_t count;
    size_t lost;
} pomex_events;

/* None of these does anything if the options asked for no events. */

/* An attempt begins. */
void pomex_event_request(const pomex_operation *operation);

/* An attempt ended. The functions below complete its event until the event is settled. */
void pomex_event_response(pomex_operation *operation, const pomex_outcome *outcome);

/* The attempt that ended counts as failed after all. */
void pomex_event_failed(pomex_operation *operation, const char *type);

/* The operation goes on in `seconds`. */
void pomex_event_next(pomex_operation *operation, double seconds);

/* The stage has decided what follows the attempt. */
void pomex_event_settled(pomex_operation *operation);

/* A wait saw this status. */
void pomex_event_look(pomex_operation *operation, const char *status);

/* Another attempt, or look, comes after `pause` seconds. */
void pomex_event_retry(pomex_operation *operation, int status, double pause, const char *type);

/* The operation is over, with an error of `type` (NULL: without one). */
void pomex_event_done(pomex_operation *operation, const char *type, double seconds);

/* Takes the oldest event; false: there is none. Its texts live until the next call. */
bool pomex_event_take(pomex_events *events, pomex_event *event);

void pomex_event_free(pomex_events *events);

#endif
