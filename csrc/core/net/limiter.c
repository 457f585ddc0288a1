#include "net/limiter.h"

#include "base/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* A slot that nobody has used for this long is free: a few connections that hang must not hold up
 * all others. Whoever held it takes another when its request is ready to go. */
#define HOLD_LIMIT POMEX_SECOND

/* The way to the service is not always as long: requests that leave in two windows arrive in one,
 * unless ours is longer by this part of it. */
#define WINDOW_MARGIN 20

/* How soon to ask again where every slot is held by attempts that have not sent yet: whoever
 * holds them may be another process, which cannot wake this one. */
#define HELD_PAUSE (POMEX_SECOND / 20)

/* A mark: minus the holder's pid (Linux's have 22 bits) and the milliseconds since when. */
#define SINCE_BITS  41
#define SINCE       ((INT64_C(1) << SINCE_BITS) - 1)
#define MILLISECOND (POMEX_SECOND / 1000)

/* A slot: 0 never used; > 0 the time of its stamp; < 0 held, its mark. */
typedef struct lane {
    int slots;
    int64_t window;
    _Atomic int64_t held_until;
    _Atomic int64_t *slot;
} lane;

struct pomex_limiter {
    size_t size;
    lane lanes[POMEX_ENDPOINTS];
};

pomex_limiter *pomex_limiter_new(const double rates[POMEX_ENDPOINTS])
{
    size_t slots = 0;
    for (int kind = 0; kind < POMEX_ENDPOINTS; kind++)
        slots += rates[kind] > 0 ? (size_t)rates[kind] + 1 : 0;
    size_t size = sizeof(pomex_limiter) + slots * sizeof(int64_t);
    pomex_limiter *limiter =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (limiter == MAP_FAILED)
        return NULL;
    limiter->size = size;
    _Atomic int64_t *next = (_Atomic int64_t *)(limiter + 1);
    for (int kind = 0; kind < POMEX_ENDPOINTS; kind++) {
        lane *l = &limiter->lanes[kind];
        if (!(rates[kind] > 0))
            continue;
        l->slots = rates[kind] < 1 ? 1 : (int)rates[kind];
        l->window = rates[kind] < 1 ? pomex_clock_ns(1 / rates[kind]) : POMEX_SECOND;
        l->window += l->window / WINDOW_MARGIN;
        l->slot = next;
        next += l->slots;
    }
    return limiter;
}

void pomex_limiter_free(pomex_limiter *limiter)
{
    if (limiter)
        munmap(limiter, limiter->size);
}

/* Killed before it sent anything: it will neither stamp its slots nor give them back. */
static bool is_gone(pid_t holder)
{
    return holder != getpid() && kill(holder, 0) != 0 && errno == ESRCH;
}

/* When a slot with this value is free; in the past if it is. */
static int64_t free_at(const lane *l, int64_t value, int64_t now)
{
    if (value == 0)
        return 0;
    if (value > 0)
        return value + l->window;
    int64_t since = (-value & SINCE) * MILLISECOND;
    bool over = now - since >= HOLD_LIMIT || is_gone((pid_t)(-value >> SINCE_BITS));
    return over ? 0 : now + HELD_PAUSE;
}

bool pomex_limiter_take(pomex_limiter *limiter, pomex_endpoint_id kind, int64_t now,
                        pomex_slot *slot, int64_t *again)
{
    lane *l = &limiter->lanes[kind];
    int64_t held = atomic_load(&l->held_until);
    *slot = (pomex_slot){.kind = kind};
    *again = held;
    if (held > now)
        return false;
    if (!l->slots)
        return true;
    *again = POMEX_NEVER;
    for (int i = 0; i < l->slots; i++) {
        int64_t value = atomic_load(&l->slot[i]);
        int64_t at = free_at(l, value, now);
        if (at > now) {
            *again = at < *again ? at : *again;
            continue;
        }
        slot->number = i + 1;
        slot->mark = -((int64_t)getpid() << SINCE_BITS | (now / MILLISECOND & SINCE));
        if (atomic_compare_exchange_strong(&l->slot[i], &value, slot->mark))
            return true;
        *again = now; /* another process was quicker: look again */
    }
    return false;
}

/* Only while it still bears the holder's mark. */
static bool mark(pomex_limiter *limiter, const pomex_slot *slot, int64_t value)
{
    int64_t held = slot->mark;
    return slot->number &&
           atomic_compare_exchange_strong(&limiter->lanes[slot->kind].slot[slot->number - 1],
                                          &held, value);
}

bool pomex_limiter_sent(pomex_limiter *limiter, const pomex_slot *slot, int64_t now)
{
    if (!slot->number || mark(limiter, slot, now))
        return true;
    /* Held too long, and given to others: any that has not been used counts as much. */
    lane *l = &limiter->lanes[slot->kind];
    for (int i = 0; i < l->slots; i++) {
        int64_t value = atomic_load(&l->slot[i]);
        bool used = value > 0 && value + l->window > now;
        if (!used && atomic_compare_exchange_strong(&l->slot[i], &value, now))
            return true;
    }
    return false;
}

void pomex_limiter_give_back(pomex_limiter *limiter, const pomex_slot *slot)
{
    mark(limiter, slot, 0);
}

void pomex_limiter_hold_until(pomex_limiter *limiter, pomex_endpoint_id kind, int64_t until)
{
    _Atomic int64_t *gate = &limiter->lanes[kind].held_until;
    int64_t seen = atomic_load(gate);
    while (seen < until && !atomic_compare_exchange_weak(gate, &seen, until)) {
    }
}
