/* What a test may change while the sandbox runs. */
#ifndef POMEX_SB_CONFIG_H
#define POMEX_SB_CONFIG_H

#include "rules/endpoint.h"

typedef struct pomex_sb_config {
    double asset_seconds;      /* until an upload is active or failed */
    double generation_seconds; /* until a task has succeeded or failed */
    double h5_seconds;         /* how long a verification link lives */
    double asset_link_seconds;
    double video_link_seconds;
    double limits[POMEX_ENDPOINTS]; /* requests a second; 0: none */
    int rate_limit_answer;          /* 429 or 502 */
} pomex_sb_config;

/* The document's values, and 4 and 12 seconds for assets and tasks. */
void pomex_sb_config_init(pomex_sb_config *config);

void pomex_sb_config_limits(pomex_sb_config *config, bool on);

/* Takes over what `changes` names; all of it or, with the reason in `why`, nothing. */
bool pomex_sb_config_apply(pomex_sb_config *config, const json_t *changes, char *why,
                           size_t why_size);

/* All of it, for /_sandbox/state. */
json_t *pomex_sb_config_json(const pomex_sb_config *config);

#endif
