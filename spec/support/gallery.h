/* A service of assets, for tests of many waits: a fault server that answers looks and lists by the
 * test's clock, and can be told to list wrongly. */
#ifndef GALLERY_H
#define GALLERY_H

#include "harness.h"

#include <stdatomic.h>

typedef struct gallery_asset {
    double
        ready; /* seconds of the test's clock at which it is final; it exists from the start */
    bool failed; /* … and then it has failed */
} gallery_asset;

/* Set after gallery_start, and changed only while no request is under way. */
typedef struct gallery {
    harness h;
    size_t count;
    size_t groups;         /* asset I is one of group I modulo this */
    gallery_asset *assets; /* by their creation */
    size_t *by_ready;      /* their numbers, the first that is ready first */
    size_t hidden;         /* the lists leave out so many of the oldest … */
    bool gone;             /* … and looks do not find them either */
    double lag;            /* the lists show what was so many seconds ago */
    bool unmoved;          /* a change of status does not move the time of update */
    bool bare;             /* items have neither url nor error */
    int list_status;       /* of the answers to lists; 0: 200 */
    bool lists_hang;       /* a list is never answered */
    size_t made;           /* number of the next upload; those after it are of its group */
    atomic_size_t gets;
    atomic_size_t lists;
    atomic_size_t newest; /* of these: lists of final ones */
    atomic_size_t hung;   /* the pages by creation that hang: bit N is page N */
    atomic_bool twice;    /* … one of them was asked for twice */
    fault_chooser chooser;
} gallery;

/* Starts it with `count` assets that are never ready; the client is made by harness_client(&g->h). */
void gallery_start(gallery *g, size_t count, size_t groups);
void gallery_stop(gallery *g);

/* After the times of readiness were set. */
void gallery_sort(gallery *g);

/* Begins a wait for an asset, whose group the caller knows (or not). */
pomex_operation *gallery_wait(gallery *g, size_t asset, bool known, double timeout);

/* Seconds of the test's clock since the start. */
double gallery_now(const gallery *g);

/* Steps until nothing is under way, or to be done at this time. */
void gallery_settle(gallery *g);

/* Lets that time pass, and all that is due in it happen. */
void gallery_pass(gallery *g, double seconds);

#endif
