#include "sandbox/pages/h5.h"

#include "sandbox/pages/pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    enum pomex_sb_outcome outcome;
} outcomes[] = {{"pass", POMEX_SB_PASSED},
                {"fail", POMEX_SB_NOT_PASSED},
                {"pre_record", POMEX_SB_PRE_RECORDED},
                {"expire", POMEX_SB_EXPIRED}};

bool pomex_sb_h5_outcome(const char *name, enum pomex_sb_outcome *outcome)
{
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
        if (strcmp(outcomes[i].name, name) == 0) {
            *outcome = outcomes[i].outcome;
            return true;
        }
    }
    return false;
}

/* Appends the result to the callback's query, before a fragment. NULL if memory ran out. */
static char *with_result(const char *callback, enum pomex_sb_outcome outcome, const char *group)
{
    char result[256];
    if (outcome == POMEX_SB_NOT_PASSED)
        snprintf(result, sizeof result,
                 "resultCode=10001&verify_type=real_time&algorithmBaseRespCode=50001"
                 "&reqMeasureInfoValue=0");
    else
        snprintf(result, sizeof result,
                 "resultCode=10000&group_id=%s&verify_type=%s&algorithmBaseRespCode=0"
                 "&reqMeasureInfoValue=%d",
                 group, outcome == POMEX_SB_PASSED ? "real_time" : "pre_record",
                 outcome == POMEX_SB_PASSED);
    size_t base = strcspn(callback, "#");
    const char *query = memchr(callback, '?', base);
    const char *glue = !query                                                 ? "?"
                       : base > 0 && strchr("?&", callback[base - 1]) != NULL ? ""
                                                                              : "&";
    char *location;
    if (asprintf(&location, "%.*s%s%s%s", (int)base, callback, glue, result, callback + base) <
        0)
        return NULL;
    return location;
}

int pomex_sb_h5_scan(pomex_sb *sandbox, const char *token, enum pomex_sb_outcome outcome,
                     enum pomex_sb_outcome *before, char **location)
{
    pomex_sb_session session;
    int64_t now = pomex_sb_now(&sandbox->clock);
    *location = NULL;
    int found = pomex_sb_store_session(sandbox->store, token, now, &session);
    if (found != 1)
        return found;
    *before = session.outcome;
    if (session.outcome != POMEX_SB_READY)
        return 1;
    char *callback = strdup(session.callback.bytes);
    /* The id of a pre-recorded result belongs to nobody: the document says it is of no use. */
    char group[POMEX_SB_ID];
    pomex_sb_make_id("group", now, group);
    int done = callback ? pomex_sb_store_end_session(sandbox->store, token, session.account,
                                                     outcome, now, group)
                        : -1;
    if (done == 1 && outcome != POMEX_SB_EXPIRED) {
        *location = with_result(callback, outcome, group);
        done = *location ? 1 : -1;
    }
    free(callback);
    return done;
}

/* What the page shows of a session: it is "ready", "passed", "failed", "used", "expired" or
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
        pomex_sb_answer_header(&request->answer, "Location", location);
}

static void choose(pomex_sb_request *request, const char *token)
{
    char name[32];
    enum pomex_sb_outcome outcome;
    enum pomex_sb_outcome before;
    char *location;
    if (!pomex_sb_form_value(request->body ? request->body : "", "outcome", name,
                             sizeof name) ||
        !pomex_sb_h5_outcome(name, &outcome)) {
        pomex_sb_answer_error(&request->answer, 400,
                              "outcome must be pass, fail, pre_record or expire");
        return;
    }
    int found = pomex_sb_h5_scan(request->sandbox, token, outcome, &before, &location);
    if (found < 0)
        pomex_sb_answer_unavailable(&request->answer);
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
    int found =
        pomex_sb_store_session(sandbox->store, token, pomex_sb_now(&sandbox->clock), &session);
    if (found < 0)
        pomex_sb_answer_unavailable(&request->answer);
    else if (found == 0)
        show(request, 404, "unknown", NULL, POMEX_SB_READY);
    else if (session.outcome == POMEX_SB_READY)
        show(request, 200, "ready", NULL, POMEX_SB_READY);
    else
        show(request, 410, session.outcome == POMEX_SB_EXPIRED ? "expired" : "used", NULL,
             session.outcome);
}
