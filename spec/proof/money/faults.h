/* What a network does to requests, connections and ways through a proxy, and how often. */
#ifndef FAULTS_H
#define FAULTS_H

#include "dice.h"
#include "fault_server.h"

enum {
    FAULT_DONE = 1,  /* may strike after the service has carried the request out */
    FAULT_AFTER = 2, /* strikes only then */
    FAULT_TLS = 4,   /* connections: where there is TLS */
    FAULT_PLAIN = 8  /* … or is not */
};

typedef struct fault {
    const char *name;
    unsigned weight; /* of a thousand */
    unsigned flags;
    fault_step step; /* `cut` and `forward_cut` are most; each time it is another number */
} fault;

typedef struct fault_table {
    const fault *faults;
    size_t count;
} fault_table;

/* Of requests, of connections, and of CONNECTs to a proxy; together at most FAULT_MOST. */
#define FAULT_MOST 96
extern const fault_table fault_requests, fault_connections, fault_ways;

/* To be called once, before the first draw. */
void fault_init(void);

/* The one that strikes, if any of those with one of `flags` (0: of all). */
const fault *fault_draw(run_dice *dice, const fault_table *table, unsigned flags);

/* What it does, to a service at `port`. */
void fault_fill(run_dice *dice, const fault *f, int port, fault_step *step);

/* A refusal in the words of the document, by which nothing was made: 429, or 503 in an envelope or
 * with Retry-After. */
bool fault_is_polite(const fault_step *step);

#endif
