/* Two times: the real one, which never jumps, for rate limits and delays; and the wall clock
 * that a test may move on, for everything that the service would date. */
#ifndef POMEX_SB_CLOCK_H
#define POMEX_SB_CLOCK_H

#include <stdint.h>

#define POMEX_SB_TIME 32 /* bytes that hold any of the texts below */

typedef struct pomex_sb_clock {
    int64_t offset; /* ms that the wall clock was moved on */
    int64_t last;   /* the latest time that was told */
} pomex_sb_clock;

/* Seconds of the monotonic clock. */
double pomex_sb_monotonic(void);

/* The movable wall clock, ms since 1970. It never goes back, so that assets made later are
 * never dated earlier, whatever the system's clock does. */
int64_t pomex_sb_now(pomex_sb_clock *clock);

/* "2026-06-19T07:02:41Z" */
void pomex_sb_iso_time(int64_t ms, char out[POMEX_SB_TIME]);

/* "Fri, 19 Jun 2026 07:02:41 GMT" */
void pomex_sb_http_time(int64_t ms, char out[POMEX_SB_TIME]);

/* "20260619150241": what stands in an id; the document's examples are in UTC+8. */
void pomex_sb_id_time(int64_t ms, char out[POMEX_SB_TIME]);

#endif
