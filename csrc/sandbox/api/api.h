/* The six endpoints of the API document. */
#ifndef POMEX_SB_API_H
#define POMEX_SB_API_H

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
void pomex_sb_api_generations_get(pomex_sb_request *request, const char *id, size_t length);

#endif
