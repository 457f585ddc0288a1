/* The six endpoints of the API document. Each is called with a key that is valid, within the
 * rate limit, and leaves its answer in the request. */
#ifndef POMEX_SB_API_H
#define POMEX_SB_API_H

#include "sandbox/http/request.h"

void pomex_sb_create_session(pomex_sb_request *request, const json_t *body);
void pomex_sb_create_asset(pomex_sb_request *request, const json_t *body);
void pomex_sb_list_assets(pomex_sb_request *request, const json_t *query);
void pomex_sb_get_asset(pomex_sb_request *request, const char *id, size_t length);
void pomex_sb_create_generation(pomex_sb_request *request, const json_t *body);
void pomex_sb_get_generation(pomex_sb_request *request, const char *id, size_t length);

/* The name of a state, as the document has it. */
const char *pomex_sb_state_name(enum pomex_sb_state state);

/* "queued", "running", "succeeded" or "failed". */
const char *pomex_sb_task_status(const pomex_sb_task *task, int64_t now);

/* Seconds after `now` in ms, from a setting. */
int64_t pomex_sb_after(int64_t now, double seconds);

#endif
