#include "operation/context.h"

/* A deadline is missed if the first step after it comes later than this. */
#define LATE (POMEX_SECOND / 10)

void pomex_context_init(pomex_context *c, const pomex_hooks *hooks,
                        const pomex_settings *settings, pomex_clock *clock, pomex_net *net)
{
    c->hooks = hooks;
    c->settings = settings;
    c->clock = clock;
    c->net = net;
    c->refs = 1;
    pomex_list_init(&c->all);
    pomex_list_init(&c->news);
    pomex_queue_init(&c->queue);
    pomex_roster_init(&c->roster);
}

void pomex_context_release(pomex_context *c)
{
    if (--c->refs == 0)
        c->hooks->unused(c);
}

void pomex_context_free(pomex_context *c)
{
    pomex_timer_free(&c->timers);
    pomex_created_free(&c->created);
    pomex_created_free(&c->told);
    pomex_durations_free(&c->durations);
    pomex_event_free(&c->events);
}

void pomex_context_note_gap(pomex_context *c)
{
    int64_t now = pomex_context_now(c);
    if (now - c->stepped_at <= LATE)
        return;
    c->gap_from = c->stepped_at;
    c->gap_to = now;
}

bool pomex_context_missed(const pomex_context *c, int64_t at)
{
    return c->gap_from < at && at < c->gap_to - LATE;
}
