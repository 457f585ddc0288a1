/* The part of a client that all its operations share. They know nothing else of the client. */
#ifndef POMEX_CONTEXT_H
#define POMEX_CONTEXT_H

#include "base/random.h"
#include "base/timer.h"
#include "net/net.h"
#include "operation/created.h"
#include "operation/durations.h"
#include "operation/event.h"
#include "operation/queue.h"
#include "operation/roster.h"

typedef struct pomex_context pomex_context;

/* The functions that the engine provides for operations. */
typedef struct pomex_hooks {
    /* Whether this process may touch the client's descriptors. */
    bool (*is_usable)(const pomex_context *context);
    /* Something happened between two steps for which the host must step. */
    void (*changed)(pomex_context *context);
    /* The last reference to the client is gone: frees the client. */
    void (*unused)(pomex_context *context);
} pomex_hooks;

struct pomex_context {
    const pomex_hooks *hooks;
    const pomex_settings *settings;
    pomex_clock *clock;
    pomex_net *net;
    unsigned refs; /* one for the caller's client, and one for each operation */
    bool closed;   /* the client was closed */
    bool stepping;
    bool unheard;   /* there is news since the last step */
    pomex_node all; /* operations that are not done … */
    size_t pending; /* … and how many these are */
    pomex_node news;
    uint64_t last_id;
    int64_t stepped_at; /* when the last step ended */
    int64_t gap_from;   /* the latest time between steps in which deadlines were missed … */
    int64_t gap_to;     /* … and its end */
    pomex_random random;
    pomex_timers timers;
    pomex_queue queue;
    pomex_roster roster;
    pomex_created created;
    pomex_created told; /* the ids of notices */
    pomex_durations durations;
    pomex_events events;
};

/* Initialises zeroed memory, with the caller's reference. */
void pomex_context_init(pomex_context *context, const pomex_hooks *hooks,
                        const pomex_settings *settings, pomex_clock *clock, pomex_net *net);

/* Gives up a reference; the last one frees the client. */
void pomex_context_release(pomex_context *context);

void pomex_context_free(pomex_context *context);

/* The monotonic time: read now, or as it was when last read (see pomex_clock_recent). */
static inline int64_t pomex_context_now(const pomex_context *context)
{
    return pomex_clock_now(context->clock);
}
static inline int64_t pomex_context_recent(const pomex_context *context)
{
    return pomex_clock_recent(context->clock);
}

/* A step, or a call between two steps, begins: notes how long no step has run. */
void pomex_context_note_gap(pomex_context *context);

/* Whether no step ran at the time `at` nor soon after: the host was busy, or the machine slept. */
bool pomex_context_missed(const pomex_context *context, int64_t at);

#endif
