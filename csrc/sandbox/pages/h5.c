#include "sandbox/pages/h5.h"

#include "sandbox/base/form.h"
#include "sandbox/control/sandbox.h"
#include "sandbox/control/scan.h"
#include "sandbox/pages/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Answers with the page in one of its views: "ready", "passed", "failed", "used", "expired" or
 * "unknown". `location` is where the browser is sent, or NULL. */
static void show(pomex_sb_request *request, int status, const char *view, const char *location,
                 enum pomex_sb_outcome outcome)
{
    static const char *const past[] = {"", "was_passed", "was_failed", "was_pre_recorded", ""};
    char token[POMEX_SB_SECRET];
    if (!pomex_sb_form_value(request->query, "session", token, sizeof token))
        token[0] = '\0';
    const char *was = strcmp(view, "used") == 0 && *past[outcome]
                          ? pomex_sb_page_word(request, "h5", past[outcome])
                          : "";
    pomex_sb_page(request, status, POMEX_SB_H5, "h5",
                  json_pack("{s:b, s:s, s:s?, s:s, s:s}", view, 1, "view", view, "location",
                            location, "session", token, "past", was));
    if (location)
        pomex_sb_response_header(&request->response, "Location", location);
}

static void choose(pomex_sb_request *request, const char *token)
{
    char name[32];
    enum pomex_sb_outcome outcome;
    enum pomex_sb_outcome before;
    char *location;
    if (!pomex_sb_form_value(request->body ? request->body : "", "outcome", name,
                             sizeof name) ||
        !pomex_sb_scan_outcome(name, &outcome)) {
        pomex_sb_response_error(&request->response, 400,
                                "outcome must be pass, fail, pre_record or expire");
        return;
    }
    int found = pomex_sb_scan(request->sandbox, token, outcome, &before, &location);
    if (found < 0)
        pomex_sb_response_unavailable(&request->response);
    else if (found == 0)
        show(request, 404, "unknown", NULL, POMEX_SB_READY);
    else if (location)
        show(request, 302, outcome == POMEX_SB_PASSED ? "passed" : "failed", location, outcome);
    else if (before == POMEX_SB_READY || before == POMEX_SB_EXPIRED)
        show(request, 410, "expired", NULL, before);
    else
        show(request, 410, "used", NULL, before);
    free(location);
}

void pomex_sb_h5(pomex_sb_request *request)
{
    pomex_sb *sandbox = request->sandbox;
    pomex_sb_session session;
    char token[POMEX_SB_SECRET];
    if (!pomex_sb_form_value(request->query, "session", token, sizeof token))
        token[0] = '\0';
    if (strcmp(request->method, "POST") == 0) {
        choose(request, token);
        return;
    }
    int found = pomex_sb_store_sessions_find(sandbox->store, token,
                                             pomex_sb_clock_now(&sandbox->clock), &session);
    if (found < 0)
        pomex_sb_response_unavailable(&request->response);
    else if (found == 0)
        show(request, 404, "unknown", NULL, POMEX_SB_READY);
    else if (session.outcome == POMEX_SB_READY)
        show(request, 200, "ready", NULL, POMEX_SB_READY);
    else
        show(request, 410, session.outcome == POMEX_SB_EXPIRED ? "expired" : "used", NULL,
             session.outcome);
}
