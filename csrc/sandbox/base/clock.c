#include "sandbox/base/clock.h"

#include <string.h>
#include <time.h>

double pomex_sb_clock_monotonic(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int64_t pomex_sb_clock_now(pomex_sb_clock *clock)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    int64_t now = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 + clock->offset;
    if (now > clock->last)
        clock->last = now;
    return clock->last;
}

int64_t pomex_sb_clock_after(int64_t now, double seconds)
{
    return now + (int64_t)(seconds * 1000);
}

static void format(int64_t ms, const char *form, char out[POMEX_SB_TIME])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    if (!gmtime_r(&seconds, &parts) || !strftime(out, POMEX_SB_TIME, form, &parts))
        out[0] = '\0';
}

void pomex_sb_clock_iso(int64_t ms, char out[POMEX_SB_TIME])
{
    format(ms, "%Y-%m-%dT%H:%M:%SZ", out);
}

void pomex_sb_clock_http(int64_t ms, char out[POMEX_SB_TIME])
{
    /* strftime's own names of days and months would follow the locale. */
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    out[0] = '\0';
    if (!gmtime_r(&seconds, &parts) ||
        !strftime(out, POMEX_SB_TIME, "day, %d mon %Y %H:%M:%S GMT", &parts))
        return;
    memcpy(out, days[parts.tm_wday], 3);
    memcpy(out + 8, months[parts.tm_mon], 3);
}

void pomex_sb_clock_id(int64_t ms, char out[POMEX_SB_TIME])
{
    format(ms + 8 * 3600 * INT64_C(1000), "%Y%m%d%H%M%S", out);
}
