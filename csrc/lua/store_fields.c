#include "store_fields.h"

#include <stddef.h>

static const char *const kinds[] = {"video", "portrait", NULL};
static const char *const states[] = {"incoming", "ready",   "sending", "polling",
                                     "saving",   "done",    "failed",  "cancelled",
                                     "expired",  "unclear", NULL};
const char *const pomex_lua_store_answers[] = {"yes",   "known",  "second",  "stale",
                                               "later", "buried", "refused", "missing",
                                               "busy",  "full",   "broken",  NULL};
static const char *const reasons[] = {"none",    "cap",      "unpriced", "paused",
                                      "blocked", "tasks",    "gate",     "room",
                                      "exists",  "continue", NULL};
static const char *const facts[] = {"never_left", "late", "turned_away", "task", "ended", NULL};
static const char *const verdicts[] = {"new",      "same",       "changed",
                                       "conflict", "save_taken", NULL};

_Static_assert(sizeof states / sizeof *states == POMEX_STORE_STATES + 1, "every state");
_Static_assert(sizeof pomex_lua_store_answers / sizeof *pomex_lua_store_answers ==
                   POMEX_STORE_BROKEN + 2,
               "every answer");
_Static_assert(sizeof reasons / sizeof *reasons == POMEX_STORE_REASON_CONTINUE + 2, "reason");
_Static_assert(sizeof facts / sizeof *facts == POMEX_STORE_ENDED + 2, "every fact");
_Static_assert(sizeof verdicts / sizeof *verdicts == POMEX_STORE_SAVE_TAKEN + 2, "verdict");

/* A member M of the structure S, asked (Q) or answered (P). */
// clang-format off: its versions disagree
#define Q(S, M, KIND)                                                                          \
    {                                                                                          \
        .name = #M, .kind = KIND, .way = POMEX_LUA_ASKED, .offset = offsetof(S, M)             \
    }
#define P(S, M, KIND)                                                                          \
    {                                                                                          \
        .name = #M, .kind = KIND, .way = POMEX_LUA_ANSWERED, .offset = offsetof(S, M)          \
    }
#define QP(S, M, KIND)                                                                         \
    {                                                                                          \
        .name = #M, .kind = KIND, .way = POMEX_LUA_ASKED | POMEX_LUA_ANSWERED,                 \
        .offset = offsetof(S, M)                                                               \
    }
#define QW(S, M, KIND, LIST)                                                                   \
    {                                                                                          \
        .name = #M, .kind = KIND, .way = POMEX_LUA_ASKED, .offset = offsetof(S, M),            \
        .words = LIST                                                                          \
    }
#define PW(S, M, KIND, LIST)                                                                   \
    {                                                                                          \
        .name = #M, .kind = KIND, .way = POMEX_LUA_ANSWERED, .offset = offsetof(S, M),         \
        .words = LIST                                                                          \
    }
#define QA(S, M, N, KIND)                                                                      \
    {                                                                                          \
        .name = #M, .kind = KIND, .way = POMEX_LUA_ASKED, .offset = offsetof(S, M),            \
        .count = offsetof(S, N)                                                                \
    }
#define QR(S, M, N, ROW, LIST)                                                                 \
    {                                                                                          \
        .name = #M, .kind = POMEX_LUA_ROWS, .way = POMEX_LUA_ASKED, .offset = offsetof(S, M),  \
        .count = offsetof(S, N), .fields = LIST, .size = sizeof(ROW)                           \
    }
#define PR(S, M, N, ROW, LIST)                                                                 \
    {                                                                                          \
        .name = #M, .kind = POMEX_LUA_ROWS, .way = POMEX_LUA_ANSWERED,                         \
        .offset = offsetof(S, M), .count = offsetof(S, N), .fields = LIST, .size = sizeof(ROW) \
    }
#define END                                                                                    \
    {                                                                                          \
        .name = NULL                                                                           \
    }
// clang-format on

static const pomex_lua_field job[] = {P(pomex_store_job, id, POMEX_LUA_WHOLE),
                                      P(pomex_store_job, key, POMEX_LUA_TEXT),
                                      PW(pomex_store_job, kind, POMEX_LUA_WORD, kinds),
                                      PW(pomex_store_job, state, POMEX_LUA_WORD, states),
                                      P(pomex_store_job, save, POMEX_LUA_TEXT),
                                      P(pomex_store_job, body, POMEX_LUA_TEXT),
                                      P(pomex_store_job, fence, POMEX_LUA_WHOLE),
                                      P(pomex_store_job, worker, POMEX_LUA_WHOLE),
                                      P(pomex_store_job, attempt, POMEX_LUA_WHOLE),
                                      P(pomex_store_job, task, POMEX_LUA_TEXT),
                                      P(pomex_store_job, due, POMEX_LUA_TIME),
                                      P(pomex_store_job, blocked, POMEX_LUA_COUNT),
                                      P(pomex_store_job, stuck, POMEX_LUA_FLAG),
                                      P(pomex_store_job, saved, POMEX_LUA_TEXT),
                                      P(pomex_store_job, length, POMEX_LUA_WHOLE),
                                      P(pomex_store_job, sha256, POMEX_LUA_TEXT),
                                      P(pomex_store_job, error, POMEX_LUA_TEXT),
                                      P(pomex_store_job, note, POMEX_LUA_TEXT),
                                      P(pomex_store_job, base_url, POMEX_LUA_TEXT),
                                      P(pomex_store_job, account, POMEX_LUA_TEXT),
                                      END};

static const pomex_lua_field attempt[] = {P(pomex_store_attempt, number, POMEX_LUA_WHOLE),
                                          P(pomex_store_attempt, worker, POMEX_LUA_WHOLE),
                                          P(pomex_store_attempt, begun, POMEX_LUA_TIME),
                                          P(pomex_store_attempt, body, POMEX_LUA_TEXT),
                                          P(pomex_store_attempt, model, POMEX_LUA_TEXT),
                                          P(pomex_store_attempt, version, POMEX_LUA_TEXT),
                                          P(pomex_store_attempt, cost, POMEX_LUA_WHOLE),
                                          P(pomex_store_attempt, held, POMEX_LUA_WHOLE),
                                          P(pomex_store_attempt, counted, POMEX_LUA_FLAG),
                                          P(pomex_store_attempt, task, POMEX_LUA_TEXT),
                                          P(pomex_store_attempt, error, POMEX_LUA_TEXT),
                                          P(pomex_store_attempt, stage, POMEX_LUA_TEXT),
                                          END};

static const pomex_lua_field event[] = {P(pomex_store_event, id, POMEX_LUA_WHOLE),
                                        P(pomex_store_event, at, POMEX_LUA_TIME),
                                        P(pomex_store_event, age, POMEX_LUA_TIME),
                                        P(pomex_store_event, job, POMEX_LUA_WHOLE),
                                        P(pomex_store_event, key, POMEX_LUA_TEXT),
                                        P(pomex_store_event, name, POMEX_LUA_TEXT),
                                        P(pomex_store_event, by, POMEX_LUA_TEXT),
                                        P(pomex_store_event, text, POMEX_LUA_TEXT),
                                        END};

static const pomex_lua_field worker[] = {P(pomex_store_worker, id, POMEX_LUA_WHOLE),
                                         P(pomex_store_worker, beat, POMEX_LUA_WHOLE),
                                         P(pomex_store_worker, dead, POMEX_LUA_FLAG), END};

static const pomex_lua_field new_job[] = {
    Q(pomex_store_new, key, POMEX_LUA_TEXT),
    QW(pomex_store_new, kind, POMEX_LUA_WORD, kinds),
    Q(pomex_store_new, save, POMEX_LUA_TEXT),
    Q(pomex_store_new, line, POMEX_LUA_TEXT),
    Q(pomex_store_new, body, POMEX_LUA_TEXT),
    QA(pomex_store_new, needs, need_count, POMEX_LUA_TEXTS),
    Q(pomex_store_new, due, POMEX_LUA_TIME),
    END};

static const pomex_lua_field beat[] = {Q(pomex_store_beat, worker, POMEX_LUA_WHOLE), END};
static const pomex_lua_field join[] = {Q(pomex_store_join, base_url, POMEX_LUA_TEXT),
                                       Q(pomex_store_join, account, POMEX_LUA_TEXT),
                                       Q(pomex_store_join, key_hash, POMEX_LUA_TEXT),
                                       Q(pomex_store_join, name, POMEX_LUA_TEXT),
                                       Q(pomex_store_join, max_tasks, POMEX_LUA_WHOLE),
                                       P(pomex_store_join, worker, POMEX_LUA_WHOLE),
                                       P(pomex_store_join, key_changed, POMEX_LUA_FLAG),
                                       END};
static const pomex_lua_field leave[] = {Q(pomex_store_leave, worker, POMEX_LUA_WHOLE), END};
static const pomex_lua_field bury[] = {Q(pomex_store_bury, worker, POMEX_LUA_WHOLE),
                                       Q(pomex_store_bury, beat, POMEX_LUA_WHOLE), END};
static const pomex_lua_field claim[] = {
    Q(pomex_store_claim, worker, POMEX_LUA_WHOLE),
    Q(pomex_store_claim, queue, POMEX_LUA_TEXT),
    Q(pomex_store_claim, count, POMEX_LUA_WHOLE),
    PR(pomex_store_claim, jobs, job_count, pomex_store_job, job),
    P(pomex_store_claim, next_due, POMEX_LUA_TIME),
    END};
static const pomex_lua_field begin[] = {Q(pomex_store_begin, worker, POMEX_LUA_WHOLE),
                                        Q(pomex_store_begin, job, POMEX_LUA_WHOLE),
                                        Q(pomex_store_begin, fence, POMEX_LUA_WHOLE),
                                        Q(pomex_store_begin, attempt, POMEX_LUA_WHOLE),
                                        Q(pomex_store_begin, cost, POMEX_LUA_WHOLE),
                                        Q(pomex_store_begin, body, POMEX_LUA_TEXT),
                                        Q(pomex_store_begin, model, POMEX_LUA_TEXT),
                                        Q(pomex_store_begin, version, POMEX_LUA_TEXT),
                                        Q(pomex_store_begin, file, POMEX_LUA_TEXT),
                                        PW(pomex_store_begin, reason, POMEX_LUA_WORD, reasons),
                                        P(pomex_store_begin, not_before, POMEX_LUA_TIME),
                                        END};
static const pomex_lua_field fact[] = {Q(pomex_store_fact, job, POMEX_LUA_WHOLE),
                                       Q(pomex_store_fact, attempt, POMEX_LUA_WHOLE),
                                       QW(pomex_store_fact, kind, POMEX_LUA_WORD, facts),
                                       Q(pomex_store_fact, task, POMEX_LUA_TEXT),
                                       QW(pomex_store_fact, outcome, POMEX_LUA_WORD, states),
                                       Q(pomex_store_fact, cost, POMEX_LUA_WHOLE),
                                       Q(pomex_store_fact, free, POMEX_LUA_FLAG),
                                       Q(pomex_store_fact, failure, POMEX_LUA_TEXT),
                                       Q(pomex_store_fact, due, POMEX_LUA_TIME),
                                       Q(pomex_store_fact, gate_until, POMEX_LUA_TIME),
                                       Q(pomex_store_fact, error, POMEX_LUA_TEXT),
                                       Q(pomex_store_fact, note, POMEX_LUA_TEXT),
                                       PW(pomex_store_fact, state, POMEX_LUA_WORD, states),
                                       END};
static const pomex_lua_field move[] = {Q(pomex_store_move, worker, POMEX_LUA_WHOLE),
                                       Q(pomex_store_move, job, POMEX_LUA_WHOLE),
                                       Q(pomex_store_move, fence, POMEX_LUA_WHOLE),
                                       QW(pomex_store_move, from, POMEX_LUA_WORD, states),
                                       QW(pomex_store_move, to, POMEX_LUA_WORD, states),
                                       Q(pomex_store_move, due, POMEX_LUA_TIME),
                                       Q(pomex_store_move, stuck, POMEX_LUA_FLAG),
                                       Q(pomex_store_move, saved, POMEX_LUA_TEXT),
                                       Q(pomex_store_move, sha256, POMEX_LUA_TEXT),
                                       Q(pomex_store_move, length, POMEX_LUA_WHOLE),
                                       Q(pomex_store_move, error, POMEX_LUA_TEXT),
                                       Q(pomex_store_move, note, POMEX_LUA_TEXT),
                                       END};
static const pomex_lua_field release[] = {
    Q(pomex_store_release, worker, POMEX_LUA_WHOLE),
    QA(pomex_store_release, jobs, job_count, POMEX_LUA_IDS), END};
static const pomex_lua_field gate[] = {Q(pomex_store_gate, worker, POMEX_LUA_WHOLE),
                                       Q(pomex_store_gate, until, POMEX_LUA_TIME),
                                       Q(pomex_store_gate, text, POMEX_LUA_TEXT), END};
static const pomex_lua_field queue[] = {Q(pomex_store_queue, queue, POMEX_LUA_TEXT),
                                        Q(pomex_store_queue, videos_cap, POMEX_LUA_WHOLE),
                                        Q(pomex_store_queue, money_cap, POMEX_LUA_WHOLE),
                                        Q(pomex_store_queue, paused, POMEX_LUA_FLAG),
                                        Q(pomex_store_queue, by, POMEX_LUA_TEXT),
                                        Q(pomex_store_queue, text, POMEX_LUA_TEXT),
                                        END};
static const pomex_lua_field put[] = {
    Q(pomex_store_put, queue, POMEX_LUA_TEXT),
    QR(pomex_store_put, jobs, job_count, pomex_store_new, new_job),
    Q(pomex_store_put, more, POMEX_LUA_FLAG),
    QP(pomex_store_put, batch, POMEX_LUA_WHOLE),
    P(pomex_store_put, hidden, POMEX_LUA_WHOLE),
    {.name = "verdicts",
     .kind = POMEX_LUA_WORDS,
     .way = POMEX_LUA_ANSWERED,
     .offset = offsetof(pomex_store_put, verdicts),
     .count = offsetof(pomex_store_put, job_count),
     .words = verdicts},
    PW(pomex_store_put, counts, POMEX_LUA_SUMS, verdicts),
    END};
static const pomex_lua_field person[] = {Q(pomex_store_person, queue, POMEX_LUA_TEXT),
                                         Q(pomex_store_person, key, POMEX_LUA_TEXT),
                                         Q(pomex_store_person, by, POMEX_LUA_TEXT),
                                         Q(pomex_store_person, line, POMEX_LUA_TEXT),
                                         Q(pomex_store_person, body, POMEX_LUA_TEXT),
                                         Q(pomex_store_person, now, POMEX_LUA_FLAG),
                                         Q(pomex_store_person, task, POMEX_LUA_TEXT),
                                         Q(pomex_store_person, base_url, POMEX_LUA_TEXT),
                                         Q(pomex_store_person, account, POMEX_LUA_TEXT),
                                         Q(pomex_store_person, key_hash, POMEX_LUA_TEXT),
                                         Q(pomex_store_person, cost, POMEX_LUA_WHOLE),
                                         Q(pomex_store_person, made, POMEX_LUA_TIME),
                                         Q(pomex_store_person, attempt, POMEX_LUA_WHOLE),
                                         Q(pomex_store_person, not_billed, POMEX_LUA_FLAG),
                                         END};
static const pomex_lua_field go_on[] = {Q(pomex_store_continue, by, POMEX_LUA_TEXT), END};
static const pomex_lua_field backup[] = {Q(pomex_store_backup, path, POMEX_LUA_TEXT), END};
static const pomex_lua_field get[] = {
    Q(pomex_store_get, queue, POMEX_LUA_TEXT),
    Q(pomex_store_get, key, POMEX_LUA_TEXT),
    Q(pomex_store_get, task, POMEX_LUA_TEXT),
    {.name = "job",
     .kind = POMEX_LUA_ROWS,
     .way = POMEX_LUA_ANSWERED,
     .offset = offsetof(pomex_store_get, job),
     .fields = job},
    PR(pomex_store_get, attempts, attempt_count, pomex_store_attempt, attempt),
    END};
static const pomex_lua_field list[] = {
    Q(pomex_store_list, queue, POMEX_LUA_TEXT),
    QW(pomex_store_list, states, POMEX_LUA_MASK, states),
    Q(pomex_store_list, stuck, POMEX_LUA_FLAG),
    Q(pomex_store_list, after, POMEX_LUA_WHOLE),
    Q(pomex_store_list, limit, POMEX_LUA_WHOLE),
    PR(pomex_store_list, jobs, job_count, pomex_store_job, job),
    END};
static const pomex_lua_field counts[] = {Q(pomex_store_counts, queue, POMEX_LUA_TEXT),
                                         Q(pomex_store_counts, base_url, POMEX_LUA_TEXT),
                                         Q(pomex_store_counts, account, POMEX_LUA_TEXT),
                                         PW(pomex_store_counts, states, POMEX_LUA_SUMS, states),
                                         P(pomex_store_counts, blocked, POMEX_LUA_WHOLE),
                                         P(pomex_store_counts, stuck, POMEX_LUA_WHOLE),
                                         P(pomex_store_counts, stuck_saving, POMEX_LUA_WHOLE),
                                         P(pomex_store_counts, foreign, POMEX_LUA_WHOLE),
                                         P(pomex_store_counts, videos, POMEX_LUA_WHOLE),
                                         P(pomex_store_counts, videos_cap, POMEX_LUA_WHOLE),
                                         P(pomex_store_counts, money, POMEX_LUA_WHOLE),
                                         P(pomex_store_counts, money_cap, POMEX_LUA_WHOLE),
                                         P(pomex_store_counts, tasks, POMEX_LUA_WHOLE),
                                         P(pomex_store_counts, gate_until, POMEX_LUA_TIME),
                                         P(pomex_store_counts, paused, POMEX_LUA_FLAG),
                                         P(pomex_store_counts, why, POMEX_LUA_TEXT),
                                         P(pomex_store_counts, lasting, POMEX_LUA_FLAG),
                                         P(pomex_store_counts, must_continue, POMEX_LUA_FLAG),
                                         P(pomex_store_counts, newest_event, POMEX_LUA_TIME),
                                         END};
static const pomex_lua_field events[] = {
    Q(pomex_store_events, queue, POMEX_LUA_TEXT),
    Q(pomex_store_events, key, POMEX_LUA_TEXT),
    Q(pomex_store_events, after, POMEX_LUA_WHOLE),
    Q(pomex_store_events, limit, POMEX_LUA_WHOLE),
    PR(pomex_store_events, events, event_count, pomex_store_event, event),
    END};
static const pomex_lua_field workers[] = {
    PR(pomex_store_workers, workers, worker_count, pomex_store_worker, worker), END};

const pomex_lua_verb pomex_lua_store_verbs[] = {
    [POMEX_STORE_BEAT] = {"beat", beat},
    [POMEX_STORE_FACT] = {"fact", fact},
    [POMEX_STORE_BEGIN] = {"begin", begin},
    [POMEX_STORE_JOIN] = {"join", join},
    [POMEX_STORE_LEAVE] = {"leave", leave},
    [POMEX_STORE_BURY] = {"bury", bury},
    [POMEX_STORE_CLAIM] = {"claim", claim},
    [POMEX_STORE_MOVE] = {"move", move},
    [POMEX_STORE_RELEASE] = {"release", release},
    [POMEX_STORE_GATE] = {"gate", gate},
    [POMEX_STORE_QUEUE] = {"queue", queue},
    [POMEX_STORE_PUT] = {"put", put},
    [POMEX_STORE_RETRY] = {"retry", person},
    [POMEX_STORE_RESEND] = {"resend", person},
    [POMEX_STORE_ADOPT] = {"adopt", person},
    [POMEX_STORE_RESOLVE] = {"resolve", person},
    [POMEX_STORE_CANCEL] = {"cancel", person},
    [POMEX_STORE_FORGET] = {"forget", person},
    [POMEX_STORE_CAP] = {"cap", queue},
    [POMEX_STORE_PAUSE] = {"pause", queue},
    [POMEX_STORE_CONTINUE] = {"continue", go_on},
    [POMEX_STORE_BACKUP] = {"backup", backup},
    [POMEX_STORE_GET] = {"get", get},
    [POMEX_STORE_LIST] = {"list", list},
    [POMEX_STORE_COUNTS] = {"counts", counts},
    [POMEX_STORE_EVENTS] = {"events", events},
    [POMEX_STORE_WORKERS] = {"workers", workers},
};
_Static_assert(sizeof pomex_lua_store_verbs / sizeof *pomex_lua_store_verbs ==
                   POMEX_STORE_VERBS,
               "every verb");
