#include "sandbox/control/scan.h"

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

bool pomex_sb_scan_outcome(const char *name, enum pomex_sb_outcome *outcome)
{
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
        if (strcmp(outcomes[i].name, name) == 0) {
            *outcome = outcomes[i].outcome;
            return true;
        }
    }
    return false;
}

/* The callback's URL with the result added to its query, before a fragment. NULL if memory ran
 * out. */
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

int pomex_sb_scan(pomex_sb *sandbox, const char *token, enum pomex_sb_outcome outcome,
                  enum pomex_sb_outcome *before, char **location)
{
    pomex_sb_session session;
    int64_t now = pomex_sb_clock_now(&sandbox->clock);
    *location = NULL;
    int found = pomex_sb_store_sessions_find(sandbox->store, token, now, &session);
    if (found != 1)
        return found;
    *before = session.outcome;
    if (session.outcome != POMEX_SB_READY)
        return 1;
    char *callback = strdup(session.callback.bytes);
    /* A pre-recorded result has an id that belongs to no group: the document says that such an id
     * cannot be used. */
    char group[POMEX_SB_ID];
    pomex_sb_id_make("group", now, group);
    int done = callback ? pomex_sb_store_sessions_end(sandbox->store, token, session.account,
                                                      outcome, now, group)
                        : -1;
    if (done == 1 && outcome != POMEX_SB_EXPIRED) {
        *location = with_result(callback, outcome, group);
        done = *location ? 1 : -1;
    }
    free(callback);
    return done;
}
