/* The six endpoints of the API document, and the two of spec/document/beyond-the-document.md. */
#ifndef POMEX_SB_API_H
#define POMEX_SB_API_H

/* The field of a body that asks for the last frame beside the video. */
#define POMEX_SB_LAST_FRAME "return_last_frame"

#include "sandbox/control/sandbox.h"
#include "sandbox/http/request.h"

/* Answers a request below /v1: checks its key, the rate limit and the document's rules, and calls
 * the endpoint. */
void pomex_sb_api(pomex_sb_request *request);

/* The endpoints. Each is called with what the rules allow, and answers. */
void pomex_sb_api_sessions_create(pomex_sb_request *request, const json_t *body);
void pomex_sb_api_assets_create(pomex_sb_request *request, const json_t *body);
void pomex_sb_api_assets_list(pomex_sb_request *request, const json_t *query);
void pomex_sb_api_assets_get(pomex_sb_request *request, const char *id, size_t length);
void pomex_sb_api_generations_create(pomex_sb_request *request, const json_t *body);
void pomex_sb_api_tasks_get(pomex_sb_request *request, const char *id, size_t length);
void pomex_sb_api_tasks_list(pomex_sb_request *request, const json_t *query);
void pomex_sb_api_tasks_delete(pomex_sb_request *request, const char *id, size_t length);

/* The document's task object as of `now`, or an item of a list, which has no "object". Its link
 * begins with `host`. NULL: no memory. */
json_t *pomex_sb_api_tasks_json(pomex_sb *sandbox, const char *host, const pomex_sb_task *task,
                                int64_t now, bool item);

/* Plans the notices of a task that was just made, if `url`, its callback_url or NULL, is of this
 * machine. */
void pomex_sb_api_notices_plan(pomex_sb_request *request, const pomex_sb_task *task,
                               const char *url);

/* A task was cancelled or deleted: what was planned for it is void. */
void pomex_sb_api_notices_end(pomex_sb *sandbox, const char *id, bool cancelled);

/* Sends those that are due. Returns in how many seconds the next one is; INFINITY: none is. */
double pomex_sb_api_notices_send(pomex_sb *sandbox);

#define POMEX_SB_FAIL_MARK   "[fail]"   /* a prompt that has it makes a task that fails */
#define POMEX_SB_REFUSE_MARK "[refuse]" /* one that has it is refused, and makes no task */

/* A whole number in a query. The rules have checked its digits, so this cannot fail. */
int64_t pomex_sb_api_whole(const json_t *query, const char *key, int64_t usual);

#endif
