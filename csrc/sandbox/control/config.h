/* The settings that a test can change while the sandbox runs: docs/testing.md, "Settings". */
#ifndef POMEX_SB_CONFIG_H
#define POMEX_SB_CONFIG_H

#include "rules/endpoint.h"

#define POMEX_SB_LONGEST (100 * 366 * 86400.0) /* the most seconds of a setting: 100 years */

typedef struct pomex_sb_config {
    double asset_seconds;           /* until an upload is active or failed */
    double generation_seconds;      /* until a task has succeeded or failed */
    double h5_seconds;              /* how long a verification link works */
    double asset_link_seconds;      /* how long an asset's link works */
    double video_link_seconds;      /* how long a video's link works */
    double list_lag_seconds;        /* until a task is in the list */
    double asset_list_lag_seconds;  /* the list of assets shows what was so long ago */
    double task_kept_seconds;       /* how long a task is found and listed */
    bool has_list;                  /* there is a list of tasks; otherwise it is a 404 */
    bool list_as_data;              /* its items are called "data" */
    bool list_totals;               /* it says how many tasks there are */
    bool has_delete;                /* a task can be deleted; otherwise that is a 404 */
    bool task_fields;               /* a task says more than the document shows */
    double notice_delay_seconds;    /* how late notices come */
    bool notices;                   /* they are sent */
    bool notices_twice;             /* each comes twice */
    bool notices_reversed;          /* all come at the end, the last one first */
    bool notices_first;             /* the first comes before the answer to the create */
    bool notices_forged;            /* forged ones come before each */
    double limits[POMEX_ENDPOINTS]; /* requests a second; 0: no limit */
    int rate_limit_answer;          /* the status above the limit: 429 or 502 */
} pomex_sb_config;

/* Sets the document's values, and 4 and 12 seconds for assets and tasks. */
void pomex_sb_config_init(pomex_sb_config *config);

/* Turns the document's rate limits on or off. */
void pomex_sb_config_limits(pomex_sb_config *config, bool on);

/* Changes the settings that the object `changes` names. If one cannot be changed, none is: false,
 * with the reason in `why`. */
bool pomex_sb_config_apply(pomex_sb_config *config, const json_t *changes, char *why,
                           size_t why_size);

/* All settings, for /_sandbox/state. */
json_t *pomex_sb_config_json(const pomex_sb_config *config);

#endif
