#include "sandbox/control/limits.h"

#include <math.h>
#include <stdlib.h>

static pomex_sb_window *window_of(pomex_sb_limits *limits, int64_t account,
                                  pomex_endpoint_id endpoint)
{
    for (size_t i = 0; i < limits->count; i++) {
        if (limits->windows[i].account == account && limits->windows[i].endpoint == endpoint)
            return &limits->windows[i];
    }
    pomex_sb_window *grown =
        realloc(limits->windows, (limits->count + 1) * sizeof *limits->windows);
    if (!grown)
        return NULL;
    limits->windows = grown;
    pomex_sb_window *window = &grown[limits->count++];
    *window = (pomex_sb_window){.account = account, .endpoint = endpoint};
    return window;
}

/* A changed limit begins with an empty window. */
static bool resize(pomex_sb_window *window, size_t size)
{
    if (window->size == size)
        return true;
    double *times = malloc(size * sizeof *times);
    if (!times)
        return false;
    free(window->times);
    window->times = times;
    window->size = size;
    window->count = window->oldest = 0;
    return true;
}

int pomex_sb_limits_take(pomex_sb_limits *limits, int64_t account, pomex_endpoint_id endpoint,
                         double limit, double now)
{
    if (!(limit > 0))
        return 0;
    pomex_sb_window *window = window_of(limits, account, endpoint);
    if (!window || !resize(window, limit < 1 ? 1 : (size_t)limit))
        return 0;
    double span = limit < 1 ? 1 / limit : 1;
    if (window->count == window->size) {
        double left = window->times[window->oldest] + span - now;
        if (left > 0)
            return (int)ceil(left);
        window->oldest = (window->oldest + 1) % window->size;
        window->count--;
    }
    window->times[(window->oldest + window->count++) % window->size] = now;
    return 0;
}

void pomex_sb_limits_clear(pomex_sb_limits *limits)
{
    for (size_t i = 0; i < limits->count; i++)
        free(limits->windows[i].times);
    free(limits->windows);
    *limits = (pomex_sb_limits){NULL, 0};
}
