#include "sandbox/program/routes.h"

#include "rules/rules.h"
#include "sandbox/api/api.h"
#include "sandbox/control/control.h"
#include "sandbox/http/guard.h"
#include "sandbox/pages/dashboard.h"
#include "sandbox/pages/files.h"
#include "sandbox/pages/h5.h"
#include "sandbox/pages/pages.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void call_with_body(pomex_sb_request *request)
{
    pomex_violation fault;
    json_t *body = pomex_sb_request_json(request);
    if (!body)
        return;
    if (!pomex_rules_check(request->endpoint->id, body, &fault))
        pomex_sb_answer_error(&request->answer, 400, "%s", fault.message);
    else if (request->endpoint->id == POMEX_SESSION_CREATE)
        pomex_sb_create_session(request, body);
    else if (request->endpoint->id == POMEX_ASSET_CREATE)
        pomex_sb_create_asset(request, body);
    else
        pomex_sb_create_generation(request, body);
    json_decref(body);
}

static void call_list(pomex_sb_request *request)
{
    pomex_violation fault;
    json_t *query = pomex_sb_request_query(request);
    if (!query)
        return;
    if (pomex_rules_check(POMEX_ASSET_LIST, query, &fault))
        pomex_sb_list_assets(request, query);
    else
        pomex_sb_answer_error(&request->answer, 400, "%s", fault.message);
    json_decref(query);
}

static void call_with_id(pomex_sb_request *request)
{
    pomex_violation fault;
    char id[POMEX_MAX_ID + 1];
    size_t length = 0;
    if (!pomex_sb_percent_decode(request->id, strlen(request->id), false, id, sizeof id,
                                 &length) ||
        !pomex_rules_check_id(id, length, &fault))
        pomex_sb_answer_error(&request->answer, 404, "not found");
    else if (request->endpoint->id == POMEX_ASSET_GET)
        pomex_sb_get_asset(request, id, length);
    else
        pomex_sb_get_generation(request, id, length);
}

/* False, with the answer, if the account asks too often. */
static bool let_in(pomex_sb_request *request)
{
    pomex_sb *sandbox = request->sandbox;
    pomex_endpoint_id endpoint = request->endpoint->id;
    double limit = sandbox->config.limits[endpoint];
    int wait = pomex_sb_limits_take(&sandbox->limits, request->account, endpoint, limit,
                                    pomex_sb_monotonic());
    if (wait == 0)
        return true;
    pomex_sb_answer_error(&request->answer, sandbox->config.rate_limit_answer,
                          "rate limit exceeded: %s allows %g requests a second",
                          request->endpoint->name, limit);
    if (sandbox->config.rate_limit_answer == 429) {
        char seconds[16];
        snprintf(seconds, sizeof seconds, "%d", wait);
        pomex_sb_answer_header(&request->answer, "Retry-After", seconds);
    }
    return false;
}

static void call_api(pomex_sb_request *request)
{
    if (!request->account) {
        pomex_sb_answer_error(&request->answer, 401, "missing or invalid API key");
        return;
    }
    if (!request->endpoint) {
        pomex_sb_answer_error(&request->answer, 404, "not found");
        return;
    }
    if (!let_in(request))
        return;
    if (request->endpoint->has_id)
        call_with_id(request);
    else if (request->endpoint->id == POMEX_ASSET_LIST)
        call_list(request);
    else
        call_with_body(request);
}

static bool reads(const pomex_sb_request *request)
{
    return strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
}

static void find_place(pomex_sb_request *request)
{
    if (pomex_sb_request_under(request, "/v1")) {
        request->endpoint =
            pomex_endpoint_match(request->method, request->target, &request->id);
        request->place = request->endpoint ? request->endpoint->name : NULL;
    } else if (pomex_sb_request_under(request, "/files/videos")) {
        request->place = "video";
    } else if (pomex_sb_request_under(request, "/files/assets")) {
        request->place = "asset_link";
    }
}

static void carry_out(pomex_sb_request *request)
{
    pomex_sb_answer_header(&request->answer, "Cache-Control", "no-store");
    if (pomex_sb_request_under(request, "/v1"))
        call_api(request);
    else if (strcmp(request->target, "/h5") == 0 &&
             (reads(request) || strcmp(request->method, "POST") == 0))
        pomex_sb_h5(request);
    else if (!reads(request))
        pomex_sb_answer_error(&request->answer, 404, "not found");
    else if (pomex_sb_request_under(request, "/files"))
        pomex_sb_file(request);
    else if (strcmp(request->target, "/") == 0)
        pomex_sb_dashboard(request);
    else if (strcmp(request->target, POMEX_SB_STYLE_PATH) == 0)
        pomex_sb_page_style(request);
    else
        pomex_sb_answer_error(&request->answer, 404, "not found");
    if (request->answer.broken)
        pomex_sb_answer_unavailable(&request->answer);
}

/* What a fault says instead of the answer; the document's envelope where it gives no body. */
static void answer_fault(pomex_sb_answer *answer, const pomex_sb_fault *fault)
{
    int status = fault->status ? fault->status : 200;
    const char *type = fault->content_type ? fault->content_type : "application/json";
    pomex_sb_answer_clear(answer);
    if (fault->body) {
        /* A copy, since the fault may be gone before its words are sent. */
        size_t length = json_string_length(fault->body);
        char *copy = malloc(length + 1);
        if (copy)
            memcpy(copy, json_string_value(fault->body), length);
        pomex_sb_answer_own(answer, status, type, copy, length);
    } else if (status >= 400) {
        pomex_sb_answer_error(answer, status,
                              status == 503 ? "service temporarily unavailable"
                                            : "a fault that was asked for");
    } else {
        pomex_sb_answer_fixed(answer, status, type, "", 0);
    }
}

static void add_fault_headers(pomex_sb_answer *answer, const pomex_sb_fault *fault)
{
    if (json_is_string(fault->retry_after)) {
        pomex_sb_answer_header(answer, "Retry-After", json_string_value(fault->retry_after));
    } else if (fault->retry_after) {
        char seconds[32];
        snprintf(seconds, sizeof seconds, "%.0f", ceil(json_number_value(fault->retry_after)));
        pomex_sb_answer_header(answer, "Retry-After", seconds);
    }
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)fault->headers, name, value)
    {
        pomex_sb_answer_header(answer, name, json_string_value(value));
    }
}

static void break_answer(pomex_sb_request *request, const pomex_sb_fault *fault)
{
    static const char garbage[] = "\x1f\x8b\x08\xff{\"id\": \x00\xfe\xfd]]>;;<html\x80\x01";
    switch (fault->after) {
    case POMEX_SB_BREAK_DROP:
        request->manner = POMEX_SB_DROP;
        break;
    case POMEX_SB_BREAK_HANG:
        request->manner = POMEX_SB_HANG;
        break;
    case POMEX_SB_BREAK_TRUNCATE:
        request->manner = POMEX_SB_TRUNCATE;
        break;
    case POMEX_SB_BREAK_DRIP:
        request->manner = POMEX_SB_DRIP;
        break;
    case POMEX_SB_BREAK_GARBAGE:
        pomex_sb_answer_clear(&request->answer);
        pomex_sb_answer_fixed(&request->answer, 200, "application/json", garbage,
                              sizeof garbage - 1);
        break;
    case POMEX_SB_BREAK_STATUS:
        answer_fault(&request->answer, fault);
        break;
    case POMEX_SB_BREAK_NONE:
        break;
    }
}

static void carry_out_with(pomex_sb_request *request, const pomex_sb_fault *fault)
{
    request->delay = fault->delay;
    if (fault->before) {
        request->manner = fault->before == POMEX_SB_BREAK_DROP ? POMEX_SB_DROP : POMEX_SB_HANG;
        return;
    }
    if (fault->after == POMEX_SB_BREAK_NONE && (fault->status || fault->body)) {
        answer_fault(&request->answer, fault);
    } else {
        carry_out(request);
        break_answer(request, fault);
    }
    add_fault_headers(&request->answer, fault);
    if (request->answer.broken)
        pomex_sb_answer_unavailable(&request->answer);
}

void pomex_sb_decide(pomex_sb_request *request)
{
    pomex_sb *sandbox = request->sandbox;
    double at = pomex_sb_monotonic();
    if (request->out_of_memory) {
        pomex_sb_answer_unavailable(&request->answer);
        return;
    }
    bool ours = pomex_sb_guard_site(request);
    if (pomex_sb_request_under(request, "/_sandbox")) {
        if (ours && pomex_sb_guard_token(request))
            pomex_sb_control(request);
        if (request->answer.broken)
            pomex_sb_answer_unavailable(&request->answer);
        return;
    }
    if (ours) {
        find_place(request);
        pomex_sb_guard_key(request);
        pomex_sb_fault *fault =
            pomex_sb_faults_strike(&sandbox->faults, request->place, request->reused);
        if (fault)
            carry_out_with(request, fault);
        else
            carry_out(request);
        pomex_sb_faults_done(&sandbox->faults, fault);
    }
    pomex_sb_journal_note(&sandbox->journal, request, at);
}
