/* What this process knows of tasks, for all its clients together: the ids that somebody in it holds,
 * and whether a task of an account could be that of another create. Kept for 300 s, in a fixed room:
 * if it does not suffice, nothing is certain for so long. `now` is the client's monotonic time. */
#ifndef POMEX_HELD_H
#define POMEX_HELD_H

#include "base/settings.h"

#include <stdbool.h>

/* Seconds after the sending of a create within which these functions can tell. */
#define POMEX_HELD_SECONDS 240

/* A call, a wait or a download is about this task, or has made it. */
void pomex_held_note(const char *id, int64_t now);

/* Whether nobody in this process holds the task. */
bool pomex_held_by_nobody(const char *id, int64_t now);

/* A create, from when it is first sent until it is over. Returns a number for its account, never 0.
 * `doubt`: perhaps it made a task, and nobody has its id. */
uint64_t pomex_held_begin(const pomex_settings *settings, int64_t now);
void pomex_held_end(uint64_t account, bool doubt, int64_t now);

/* Whether a task that nobody holds can be that of the one create that is under way, and of no other
 * one of this process. */
bool pomex_held_is_alone(uint64_t account, int64_t now);

#endif
