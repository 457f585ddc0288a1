/* How long this client's own tasks took, by their kind: a model and a duration of the video. What is
 * remembered is bounded, and ends with the client. */
#ifndef POMEX_DURATIONS_H
#define POMEX_DURATIONS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define POMEX_DURATIONS_KINDS 8 /* a ninth takes the place of the one that is longest unused */

typedef struct pomex_durations {
    struct pomex_durations_kind *kinds[POMEX_DURATIONS_KINDS];
    uint64_t added;
} pomex_durations;

/* What a wait knows of its task. */
typedef struct pomex_durations_task {
    uint64_t kind; /* 0: unknown */
    int64_t since; /* the monotonic time when it was made; POMEX_NEVER: unknown */
    int64_t
        going_at; /* when the latest look began that found it unfinished; INT64_MIN: none has */
} pomex_durations_task;

/* The kind of task that a body asks for, or that an answer is about; 0: it has no model. */
uint64_t pomex_durations_kind_of(const json_t *object);

/* An answer of `date` (by the service's clock; -1: unknown) that came `now` tells what is not known
 * yet of a task that this client did not make: its kind and its age. */
void pomex_durations_meet(pomex_durations_task *task, const json_t *answer, time_t date,
                          int64_t now);

/* The task has succeeded, as `answer` says, which came `now`. How long it took is what the answer's
 * own times say, if they agree with what was seen; else the middle of the time between the last two
 * looks. Nothing is learnt if that was longer than `widest` seconds, as after a sleep. */
void pomex_durations_add(pomex_durations *durations, const pomex_durations_task *task,
                         const json_t *answer, int64_t now, double widest);

/* How long the last tasks of this kind took, in seconds, sorted, and how many these are: 0 to 64.
 * NULL: none. */
const double *pomex_durations_of(const pomex_durations *durations, uint64_t kind,
                                 size_t *count);

void pomex_durations_free(pomex_durations *durations);

#endif
