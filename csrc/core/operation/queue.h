/* Operations that wait for their turn, and the count of attempts that run. engine/admission.c
 * decides whose turn it is. */
#ifndef POMEX_QUEUE_H
#define POMEX_QUEUE_H

#include "base/list.h"
#include "pomex.h"

typedef struct pomex_queue {
    pomex_node lanes[2][POMEX_ENDPOINTS]; /* [0]: calls; [1]: waits, whose priority is low */
    pomex_node
        cleared; /* calls that stood by and may go: they have a slot, and count as in flight */
    size_t count;
    uint64_t last_turn;
    int64_t due;      /* when an operation may start; POMEX_NEVER */
    size_t in_flight; /* attempts that run, except those of downloads … */
    size_t downloads; /* … and those of downloads */
    size_t room;      /* most attempts at once after descriptors ran out; 0: no such limit */
} pomex_queue;

void pomex_queue_init(pomex_queue *queue);

/* Puts the operation behind all others of its lane. */
void pomex_queue_add(pomex_operation *operation);

/* Puts the operation in front of all others of its lane, with the turn that it had. */
void pomex_queue_add_first(pomex_operation *operation);

/* Puts an operation that holds a slot among those that are cleared. */
void pomex_queue_add_cleared(pomex_operation *operation);

/* The operation leaves its lane, if it is in one. */
void pomex_queue_leave(pomex_operation *operation);

/* An attempt of the operation begins, or has ended and leaves room for another. */
void pomex_queue_note_start(const pomex_operation *operation);
void pomex_queue_note_end(const pomex_operation *operation);

#endif
