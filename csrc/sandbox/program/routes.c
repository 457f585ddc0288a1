#include "sandbox/program/routes.h"

#include "sandbox/api/api.h"
#include "sandbox/control/control.h"
#include "sandbox/control/fault_effect.h"
#include "sandbox/control/sandbox.h"
#include "sandbox/http/guard.h"
#include "sandbox/pages/dashboard.h"
#include "sandbox/pages/files.h"
#include "sandbox/pages/h5.h"
#include "sandbox/pages/page.h"

#include <string.h>
#include <strings.h>

static bool reads(const pomex_sb_request *request)
{
    return strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
}

/* Finds the endpoint or link that the request is for, under the name that faults and the journal
 * have for it. */
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
    pomex_sb_response_header(&request->response, "Cache-Control", "no-store");
    if (pomex_sb_request_under(request, "/v1"))
        pomex_sb_api(request);
    else if (strcmp(request->target, "/h5") == 0 &&
             (reads(request) || strcmp(request->method, "POST") == 0))
        pomex_sb_h5(request);
    else if (!reads(request))
        pomex_sb_response_error(&request->response, 404, "not found");
    else if (pomex_sb_request_under(request, "/files"))
        pomex_sb_files(request);
    else if (strcmp(request->target, "/") == 0)
        pomex_sb_dashboard(request);
    else if (strcmp(request->target, POMEX_SB_STYLE_PATH) == 0)
        pomex_sb_page_style(request);
    else if (strcmp(request->target, POMEX_SB_SCRIPT_PATH) == 0)
        pomex_sb_page_script(request);
    else
        pomex_sb_response_error(&request->response, 404, "not found");
}

/* Finds the account whose key the request bears. */
static void find_account(pomex_sb_request *request)
{
    static const char scheme[] = "Bearer ";
    const char *header = pomex_sb_request_header(request, "Authorization");
    if (!header || strncasecmp(header, scheme, sizeof scheme - 1) != 0)
        return;
    const char *key = header + sizeof scheme - 1;
    request->account = pomex_sb_store_accounts_find(request->sandbox->store, key, strlen(key));
}

static void carry_out_or_fail(pomex_sb_request *request)
{
    pomex_sb_faults *faults = &request->sandbox->faults;
    pomex_sb_fault *fault = pomex_sb_faults_strike(faults, request->place, request->reused);
    if (!fault || !pomex_sb_fault_effect_before(request, fault))
        carry_out(request);
    if (fault)
        pomex_sb_fault_effect_after(request, fault);
    pomex_sb_faults_done(faults, fault);
}

void pomex_sb_routes_decide(pomex_sb_request *request)
{
    pomex_sb *sandbox = request->sandbox;
    int64_t at = pomex_sb_clock_now(&sandbox->clock);
    bool allowed = !request->out_of_memory && pomex_sb_guard_site(request);
    bool controls = pomex_sb_request_under(request, "/_sandbox");
    if (allowed && controls) {
        pomex_sb_control(request);
    } else if (allowed) {
        find_place(request);
        find_account(request);
        carry_out_or_fail(request);
    }
    if (request->out_of_memory || request->response.broken)
        pomex_sb_response_unavailable(&request->response);
    if (!controls && !request->out_of_memory)
        pomex_sb_journal_note(&sandbox->journal, request, at);
}
