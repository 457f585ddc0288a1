#include "base/timer.h"

#include <stdlib.h>

bool pomex_timer_reserve(pomex_timers *timers, size_t count)
{
    if (count <= timers->capacity)
        return true;
    size_t capacity = timers->capacity ? timers->capacity * 2 : 64;
    if (capacity < count)
        capacity = count;
    pomex_timer **heap = realloc(timers->heap, capacity * sizeof *heap);
    if (!heap)
        return false;
    timers->heap = heap;
    timers->capacity = capacity;
    return true;
}

static void put(pomex_timers *timers, size_t index, pomex_timer *timer)
{
    timers->heap[index] = timer;
    timer->place = index + 1;
}

static void sift_up(pomex_timers *timers, size_t index, pomex_timer *timer)
{
    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (timers->heap[parent]->at <= timer->at)
            break;
        put(timers, index, timers->heap[parent]);
        index = parent;
    }
    put(timers, index, timer);
}

static void sift_down(pomex_timers *timers, size_t index, pomex_timer *timer)
{
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= timers->count)
            break;
        if (child + 1 < timers->count && timers->heap[child + 1]->at < timers->heap[child]->at)
            child++;
        if (timer->at <= timers->heap[child]->at)
            break;
        put(timers, index, timers->heap[child]);
        index = child;
    }
    put(timers, index, timer);
}

void pomex_timer_set(pomex_timers *timers, pomex_timer *timer, int64_t at)
{
    if (at == POMEX_NEVER) {
        pomex_timer_unset(timers, timer);
        return;
    }
    bool later = timer->place && at > timer->at;
    timer->at = at;
    if (!timer->place)
        put(timers, timers->count++, timer);
    if (later)
        sift_down(timers, timer->place - 1, timer);
    else
        sift_up(timers, timer->place - 1, timer);
}

void pomex_timer_unset(pomex_timers *timers, pomex_timer *timer)
{
    if (!timer->place)
        return;
    size_t index = timer->place - 1;
    timer->place = 0;
    pomex_timer *last = timers->heap[--timers->count];
    if (last == timer)
        return;
    put(timers, index, last);
    sift_up(timers, index, last);
    sift_down(timers, last->place - 1, last);
}

pomex_timer *pomex_timer_first(const pomex_timers *timers)
{
    return timers->count ? timers->heap[0] : NULL;
}

void pomex_timer_free(pomex_timers *timers)
{
    free(timers->heap);
    *timers = (pomex_timers){0};
}
