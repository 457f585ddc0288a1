#include "net/limiter.h"

#include "base/clock.h"
#include "base/pid.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* A slot that was held for this long without being used is free: a few connections that hang must
 * not hold up all others. The attempt that held it takes another slot when its request is ready to
 * go. */
#define HOLD_LIMIT POMEX_SECOND

/* Our window is longer than the service's by one part in this many: requests take different times
 * on their way, so requests that left in two windows could arrive in one. */
#define WINDOW_MARGIN 20

/* How soon to ask again when every slot is held by attempts that have not sent yet: another process
 * may hold the slots, and it cannot wake this one. */
#define HELD_PAUSE (POMEX_SECOND / 20)

/* A mark is a negative number, made of the holder's pid (22 bits on Linux) and the time in
 * milliseconds at which the slot was taken. */
#define SINCE_BITS  41
#define SINCE       ((INT64_C(1) << SINCE_BITS) - 1)
#define MILLISECOND (POMEX_SECOND / 1000)

/* The value of a slot: 0 if it was never used; the time of its stamp if positive; the holder's mark
 * if negative. */
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

/* Whether the holder was killed before it sent anything: it will neither stamp its slots nor give
 * them back. */
static bool is_gone(pid_t holder)
{
    return holder != pomex_pid() && kill(holder, 0) != 0 && errno == ESRCH;
}

/* When a slot with this value becomes free; a time in the past if it is free already. */
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
        slot->mark = -((int64_t)pomex_pid() << SINCE_BITS | (now / MILLISECOND & SINCE));
        if (atomic_compare_exchange_strong(&l->slot[i], &value, slot->mark))
            return true;
        *again = now; /* another process was quicker: look again */
    }
    return false;
}

/* Sets the value of a slot, but only while the slot still bears the holder's mark. */
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
    /* The slot was held too long and given to another attempt: any slot whose window is unused does
     * as well. */
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
