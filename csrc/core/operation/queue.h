/* Operations that wait for their turn, and how many attempts run. engine/admission.c says whose
 * turn it is. */
#ifndef POMEX_QUEUE_H
#define POMEX_QUEUE_H

#include "base/list.h"
#include "pomex.h"

typedef struct pomex_queue {
    pomex_node lanes[2][POMEX_ENDPOINTS]; /* of calls; of waits, whose priority is low */
    size_t count;
    uint64_t last_turn;
    int64_t due;      /* when an operation may start; POMEX_NEVER */
    size_t in_flight; /* attempts that run, without those of downloads … */
    size_t downloads; /* … and those */
    size_t room; /* most of both at once, since descriptors ran out; 0: as the options say */
} pomex_queue;

void pomex_queue_init(pomex_queue *queue);

/* The operation waits for its turn, behind all others of its lane. */
void pomex_queue_add(pomex_operation *operation);

/* The same, in front of all others and at its earlier turn. */
void pomex_queue_add_first(pomex_operation *operation);

/* The operation leaves its lane, if it is in one. */
void pomex_queue_leave(pomex_operation *operation);

/* An attempt of the operation begins, or has ended: there is room again. */
void pomex_queue_note_start(const pomex_operation *operation);
void pomex_queue_note_end(const pomex_operation *operation);

#endif
