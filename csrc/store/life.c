/* The beat of this process's worker, and the watch over the others'. No wall clock decides here:
 * a worker is dead when its counter stood still for `limit` of our own BOOTTIME, counted only
 * between two looks at which the store answered. */
#include "base/clock.h"
#include "store/thread.h"

#include <stdlib.h>

/* The most that one interval between two looks counts for: a process that was stopped, or had no
 * store for long, has not watched during that time. */
#define LONGEST_LOOK (10 * POMEX_SECOND)
/* A host with work due for this long and without a step is taken for dead. */
#define HOST_LATE (600 * POMEX_SECOND)

int64_t pomex_store_now(void)
{
    return pomex_clock_system(NULL, POMEX_CLOCK_BOOTTIME);
}

void pomex_store_life_init(pomex_store_life *life, const pomex_store_options *options)
{
    double beat = options->beat_seconds > 0 ? options->beat_seconds : 5;
    double still = options->still_seconds > 0 ? options->still_seconds : 60;
    life->interval = pomex_clock_ns(beat);
    life->limit = pomex_clock_ns(still);
    atomic_init(&life->asked, 0);
    atomic_init(&life->due, POMEX_STORE_NEVER);
}

void pomex_store_life_free(pomex_store_life *life)
{
    free(life->watched);
}

bool pomex_store_life_tick(pomex_store_life *life, int64_t now)
{
    if (!life->worker || now < life->next_beat)
        return false;
    int64_t due = atomic_load(&life->due);
    life->next_beat = now + life->interval;
    return due == POMEX_STORE_NEVER || now - due < HOST_LATE;
}

void pomex_store_life_answered(pomex_store_life *life, const pomex_store_request *request,
                               int64_t asked)
{
    bool well = request->answer == POMEX_STORE_YES || request->answer == POMEX_STORE_KNOWN;
    if (request->verb == POMEX_STORE_JOIN && well) {
        life->worker = request->join.worker;
        life->next_beat = asked + life->interval;
        life->looked = 0;
        atomic_store(&life->asked, asked);
    } else if (request->verb == POMEX_STORE_BEAT && request->beat.worker == life->worker) {
        if (well)
            atomic_store(&life->asked, asked);
    }
    bool gone = request->answer == POMEX_STORE_BURIED && request->verb == POMEX_STORE_BEAT &&
                request->beat.worker == life->worker;
    bool left =
        request->verb == POMEX_STORE_LEAVE && well && request->leave.worker == life->worker;
    if (gone || left) {
        life->worker = 0;
        atomic_store(&life->asked, 0);
    }
}

/* The entry of a worker, made if need be. NULL: no memory, so nobody is buried for now. */
static pomex_store_watched *find(pomex_store_life *life, int64_t id)
{
    for (size_t i = 0; i < life->count; i++) {
        if (life->watched[i].id == id)
            return &life->watched[i];
    }
    pomex_store_watched *grown =
        realloc(life->watched, (life->count + 1) * sizeof *life->watched);
    if (!grown)
        return NULL;
    life->watched = grown;
    grown[life->count] = (pomex_store_watched){.id = id, .beat = -1};
    return &grown[life->count++];
}

size_t pomex_store_life_look(pomex_store_life *life, const pomex_store_workers *list,
                             int64_t now, pomex_store_bury *dead, size_t most)
{
    int64_t passed = life->looked ? now - life->looked : 0;
    size_t found = 0, kept = 0;
    if (passed > LONGEST_LOOK)
        passed = LONGEST_LOOK;
    life->looked = now;
    for (size_t i = 0; i < list->worker_count; i++) {
        const pomex_store_worker *worker = &list->workers[i];
        pomex_store_watched *entry = worker->id == life->worker ? NULL : find(life, worker->id);
        if (!entry)
            continue;
        entry->seen = true;
        entry->still = entry->beat == worker->beat ? entry->still + passed : 0;
        entry->beat = worker->beat;
        if ((worker->dead || entry->still >= life->limit) && found < most)
            dead[found++] = (pomex_store_bury){worker->id, worker->beat};
    }
    for (size_t i = 0; i < life->count; i++) {
        if (life->watched[i].seen) {
            life->watched[i].seen = false;
            life->watched[kept++] = life->watched[i];
        }
    }
    life->count = kept;
    return found;
}
