#include "sandbox/http/waiting.h"

#include <stddef.h>

void pomex_sb_waiting_add(pomex_sb_waiting *waiting, pomex_sb_waiter *waiter, double due)
{
    pomex_sb_waiter *before = waiting->last;
    while (before && before->due > due)
        before = before->previous;
    waiter->due = due;
    waiter->queued = true;
    waiter->previous = before;
    waiter->next = before ? before->next : waiting->first;
    *(before ? &before->next : &waiting->first) = waiter;
    *(waiter->next ? &waiter->next->previous : &waiting->last) = waiter;
}

void pomex_sb_waiting_remove(pomex_sb_waiting *waiting, pomex_sb_waiter *waiter)
{
    if (!waiter->queued)
        return;
    *(waiter->previous ? &waiter->previous->next : &waiting->first) = waiter->next;
    *(waiter->next ? &waiter->next->previous : &waiting->last) = waiter->previous;
    waiter->previous = waiter->next = NULL;
    waiter->queued = false;
}

pomex_sb_waiter *pomex_sb_waiting_due(pomex_sb_waiting *waiting, double now)
{
    pomex_sb_waiter *waiter = waiting->first;
    if (!waiter || waiter->due > now)
        return NULL;
    pomex_sb_waiting_remove(waiting, waiter);
    return waiter;
}
