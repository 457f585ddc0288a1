/* Two clocks. The monotonic clock never jumps; rate limits and delays use it. The sandbox's own
 * clock is the wall clock plus what a test has advanced it by; everything that the service dates
 * uses it. */
#ifndef POMEX_SB_CLOCK_H
#define POMEX_SB_CLOCK_H

#include <stdint.h>

#define POMEX_SB_TIME 32 /* bytes that hold any of the texts below */

typedef struct pomex_sb_clock {
    int64_t offset; /* ms by which tests have advanced it */
    int64_t last;   /* the latest time that it has told */
} pomex_sb_clock;

/* Seconds of the monotonic clock. */
double pomex_sb_clock_monotonic(void);

/* The sandbox's own clock, in ms since 1970. It never goes back, whatever the system's clock
 * does: an asset that was made later is never dated earlier. */
int64_t pomex_sb_clock_now(pomex_sb_clock *clock);

/* The time `seconds` after `now`, in ms. */
int64_t pomex_sb_clock_after(int64_t now, double seconds);

/* "2026-06-19T07:02:41Z" */
void pomex_sb_clock_iso(int64_t ms, char out[POMEX_SB_TIME]);

/* "Fri, 19 Jun 2026 07:02:41 GMT" */
void pomex_sb_clock_http(int64_t ms, char out[POMEX_SB_TIME]);

/* "20260619150241", as it stands in an id. The document's examples are in UTC+8. */
void pomex_sb_clock_id(int64_t ms, char out[POMEX_SB_TIME]);

#endif
