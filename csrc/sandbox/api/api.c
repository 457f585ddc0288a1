#include "sandbox/api/api.h"

#include "rules/rules.h"
#include "sandbox/base/form.h"
#include "sandbox/control/sandbox.h"

#include <stdio.h>
#include <string.h>

static void call_with_body(pomex_sb_request *request)
{
    pomex_violation violation;
    json_t *body = pomex_sb_request_json(request);
    if (!body)
        return;
    if (!pomex_rules_check(request->endpoint->id, body, &violation))
        pomex_sb_response_error(&request->response, 400, "%s", violation.message);
    else if (request->endpoint->id == POMEX_SESSION_CREATE)
        pomex_sb_api_sessions_create(request, body);
    else if (request->endpoint->id == POMEX_ASSET_CREATE)
        pomex_sb_api_assets_create(request, body);
    else
        pomex_sb_api_generations_create(request, body);
    json_decref(body);
}

static void call_list(pomex_sb_request *request)
{
    pomex_violation violation;
    json_t *query = pomex_sb_request_query(request);
    if (!query)
        return;
    /* The document's rules for `page`, `limit` and the order hold for both lists. */
    json_t *paging = json_copy(query);
    bool tasks = request->endpoint->id == POMEX_GENERATION_LIST;
    if (tasks)
        json_object_del(paging, "status");
    if (!paging)
        pomex_sb_response_unavailable(&request->response);
    else if (!pomex_rules_check(POMEX_ASSET_LIST, paging, &violation))
        pomex_sb_response_error(&request->response, 400, "%s", violation.message);
    else if (tasks)
        pomex_sb_api_tasks_list(request, query);
    else
        pomex_sb_api_assets_list(request, query);
    json_decref(paging);
    json_decref(query);
}

static void call_with_id(pomex_sb_request *request)
{
    pomex_violation violation;
    char id[POMEX_MAX_ID + 1];
    size_t length = 0;
    if (!pomex_sb_form_decode(request->id, strlen(request->id), false, id, sizeof id,
                              &length) ||
        !pomex_rules_check_id(id, length, &violation))
        pomex_sb_response_error(&request->response, 404, "not found");
    else if (request->endpoint->id == POMEX_ASSET_GET)
        pomex_sb_api_assets_get(request, id, length);
    else if (request->endpoint->id == POMEX_GENERATION_CANCEL)
        pomex_sb_api_tasks_delete(request, id, length);
    else
        pomex_sb_api_tasks_get(request, id, length);
}

/* Whether the account keeps within the rate limit. If not, the response says so. */
static bool let_in(pomex_sb_request *request)
{
    pomex_sb *sandbox = request->sandbox;
    pomex_endpoint_id endpoint = request->endpoint->id;
    double limit = sandbox->config.limits[endpoint];
    int wait = pomex_sb_limits_take(&sandbox->limits, request->account, endpoint, limit,
                                    pomex_sb_clock_monotonic());
    if (wait == 0)
        return true;
    pomex_sb_response_error(&request->response, sandbox->config.rate_limit_answer,
                            "rate limit exceeded: %s allows %g requests a second",
                            request->endpoint->name, limit);
    if (sandbox->config.rate_limit_answer == 429) {
        char seconds[16];
        snprintf(seconds, sizeof seconds, "%d", wait);
        pomex_sb_response_header(&request->response, "Retry-After", seconds);
    }
    return false;
}

/* Whether the service has the endpoint: a setting can take away what the document does not name. */
static bool is_there(const pomex_sb_request *request)
{
    const pomex_sb_config *config = &request->sandbox->config;
    if (request->endpoint->id == POMEX_GENERATION_LIST)
        return config->has_list;
    return request->endpoint->id != POMEX_GENERATION_CANCEL || config->has_delete;
}

void pomex_sb_api(pomex_sb_request *request)
{
    if (!request->account) {
        pomex_sb_response_error(&request->response, 401, "missing or invalid API key");
        return;
    }
    if (!request->endpoint || !is_there(request)) {
        pomex_sb_response_error(&request->response, 404, "not found");
        return;
    }
    if (!let_in(request))
        return;
    if (request->endpoint->has_id)
        call_with_id(request);
    else if (request->endpoint->effect == POMEX_EFFECT_NONE)
        call_list(request);
    else
        call_with_body(request);
}
