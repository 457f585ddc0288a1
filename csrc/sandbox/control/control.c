#include "sandbox/control/control.h"

#include "sandbox/base/form.h"
#include "sandbox/control/sandbox.h"
#include "sandbox/control/scan.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MOST_BULK  1000000.0
#define SHOWN_IDS  100
#define BULK_LABEL 200u

static void bad(pomex_sb_request *request, const char *why)
{
    pomex_sb_response_error(&request->response, 400, "%s", why);
}

static double now_seconds(pomex_sb_request *request)
{
    return (double)pomex_sb_clock_now(&request->sandbox->clock) / 1000;
}

static void state(pomex_sb_request *request, const json_t *body)
{
    (void)body;
    json_t *json = pomex_sb_store_summary_counts(request->sandbox->store);
    if (json && (json_object_set_new(json, "now", json_real(now_seconds(request))) ||
                 json_object_set_new(json, "config",
                                     pomex_sb_config_json(&request->sandbox->config)))) {
        json_decref(json);
        json = NULL;
    }
    pomex_sb_response_json(&request->response, 200, json);
}

static void move_clock(pomex_sb_request *request, const json_t *body)
{
    pomex_sb *sandbox = request->sandbox;
    const json_t *advance = json_object_get(body, "advance");
    double seconds = json_number_value(advance);
    double total = seconds + (double)sandbox->clock.offset / 1000;
    if (json_object_size(body) != 1 || !json_is_number(advance) || !(seconds >= 0) ||
        !(total <= POMEX_SB_LONGEST)) {
        bad(request, "the body must be {\"advance\": seconds}, 0 or more");
        return;
    }
    char text[32];
    int64_t offset = sandbox->clock.offset + (int64_t)llround(seconds * 1000);
    snprintf(text, sizeof text, "%" PRId64, offset);
    if (pomex_sb_store_set_meta(sandbox->store, "clock_offset", text) < 0) {
        pomex_sb_response_unavailable(&request->response);
        return;
    }
    sandbox->clock.offset = offset;
    pomex_sb_response_json(&request->response, 200,
                           json_pack("{s:f}", "now", now_seconds(request)));
}

static void configure(pomex_sb_request *request, const json_t *body)
{
    char why[128];
    pomex_sb *sandbox = request->sandbox;
    if (!pomex_sb_config_apply(&sandbox->config, body, why, sizeof why)) {
        bad(request, why);
        return;
    }
    if (json_object_get(body, "rate_limits"))
        pomex_sb_limits_clear(&sandbox->limits);
    pomex_sb_response_json(
        &request->response, 200,
        json_pack("{s:o}", "config", pomex_sb_config_json(&sandbox->config)));
}

static void add_fault(pomex_sb_request *request, const json_t *body)
{
    char why[256];
    long id = pomex_sb_faults_add(&request->sandbox->faults, (json_t *)body, why, sizeof why);
    if (id == 0)
        bad(request, why);
    else
        pomex_sb_response_json(&request->response, 200,
                               json_pack("{s:I}", "id", (json_int_t)id));
}

static void show_struck(pomex_sb_request *request, const json_t *body)
{
    (void)body;
    const pomex_sb_faults *faults = &request->sandbox->faults;
    json_t *struck = json_object();
    for (long id = 1; id <= faults->last_id; id++) {
        char name[24];
        snprintf(name, sizeof name, "%ld", id);
        json_object_set_new(struck, name, json_integer(faults->struck[id - 1]));
    }
    pomex_sb_response_json(&request->response, 200, json_pack("{s:o}", "struck", struck));
}

static void remove_faults(pomex_sb_request *request, const json_t *body)
{
    (void)body;
    pomex_sb_faults_clear(&request->sandbox->faults);
    pomex_sb_response_json(&request->response, 200, json_object());
}

static void show_journal(pomex_sb_request *request, const json_t *body)
{
    (void)body;
    char place[64];
    bool one = pomex_sb_form_value(request->query, "endpoint", place, sizeof place);
    /* A name that fits no request would make "nothing was sent" true of everything. */
    if (one && (strcmp(place, "*") == 0 || !pomex_sb_faults_is_place(place))) {
        bad(request, "endpoint must be " POMEX_SB_PLACES);
        return;
    }
    pomex_sb_response_json(
        &request->response, 200,
        pomex_sb_journal_json(&request->sandbox->journal, one ? place : NULL));
}

static void empty_journal(pomex_sb_request *request, const json_t *body)
{
    (void)body;
    pomex_sb_journal_clear(&request->sandbox->journal);
    pomex_sb_response_json(&request->response, 200, json_object());
}

static void show_ledger(pomex_sb_request *request, const json_t *body)
{
    (void)body;
    json_t *ledger = pomex_sb_store_ledger_entries(request->sandbox->store, -1, INT32_MAX);
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(ledger, "entries"), i, entry)
    {
        double at = json_number_value(json_object_get(entry, "at")) / 1000;
        json_object_set_new(entry, "at", json_real(at));
    }
    pomex_sb_response_json(&request->response, 200, ledger);
}

static void add_person(pomex_sb_request *request, const json_t *body)
{
    (void)body;
    pomex_sb *sandbox = request->sandbox;
    char id[POMEX_SB_ID];
    if (pomex_sb_store_groups_add(sandbox->store, 1, true, pomex_sb_clock_now(&sandbox->clock),
                                  id) < 0)
        pomex_sb_response_unavailable(&request->response);
    else
        pomex_sb_response_json(&request->response, 200, json_pack("{s:s}", "group_id", id));
}

static void add_account(pomex_sb_request *request, const json_t *body)
{
    (void)body;
    pomex_sb *sandbox = request->sandbox;
    char secret[POMEX_SB_SECRET];
    char key[64];
    int64_t number;
    if (!pomex_sb_secret_make(secret)) {
        pomex_sb_response_unavailable(&request->response);
        return;
    }
    snprintf(key, sizeof key, "sk-sandbox-%s", secret);
    if (pomex_sb_store_accounts_add(sandbox->store, 0, key, pomex_sb_clock_now(&sandbox->clock),
                                    &number) < 0)
        pomex_sb_response_unavailable(&request->response);
    else
        pomex_sb_response_json(
            &request->response, 200,
            json_pack("{s:s, s:I}", "key", key, "account", (json_int_t)number));
}

static void scan(pomex_sb_request *request, const json_t *body)
{
    const char *link = json_string_value(json_object_get(body, "h5_link"));
    const char *outcome = json_string_value(json_object_get(body, "outcome"));
    const char *query = link ? strchr(link, '?') : NULL;
    char token[POMEX_SB_SECRET];
    enum pomex_sb_outcome chosen;
    if (!query || !pomex_sb_form_value(query + 1, "session", token, sizeof token)) {
        bad(request, "h5_link must be the h5_link of a session");
        return;
    }
    if (!outcome || !pomex_sb_scan_outcome(outcome, &chosen)) {
        bad(request, "outcome must be pass, fail, pre_record or expire");
        return;
    }
    char *location = NULL;
    enum pomex_sb_outcome before;
    int found = pomex_sb_scan(request->sandbox, token, chosen, &before, &location);
    if (found == 0)
        pomex_sb_response_error(&request->response, 404, "no such session");
    else if (found < 0)
        pomex_sb_response_unavailable(&request->response);
    else
        pomex_sb_response_json(
            &request->response, 200,
            json_pack("{s:s?, s:i}", "location", location, "status", location ? 302 : 410));
    free(location);
}

/* Reads what the assets have in common, and how many to make. False, with an error as the
 * response, if a value is out of range. */
static bool read_bulk(pomex_sb_request *request, const json_t *body, pomex_sb_asset *asset,
                      double *count)
{
    const json_t *number = json_object_get(body, "count");
    const char *status = json_string_value(json_object_get(body, "status"));
    const json_t *name = json_object_get(body, "name");
    const json_t *type = json_object_get(body, "asset_type");
    pomex_sb *sandbox = request->sandbox;
    *count = number ? json_number_value(number) : 1;
    asset->created = asset->ready = pomex_sb_clock_now(&sandbox->clock);
    asset->name = (pomex_sb_text){json_is_string(name) ? json_string_value(name) : "asset",
                                  json_is_string(name) ? json_string_length(name) : 5};
    asset->file = (pomex_sb_text){"bulk.jpg", 8};
    asset->type = (pomex_sb_text){json_is_string(type) ? json_string_value(type) : "Image",
                                  json_is_string(type) ? json_string_length(type) : 5};
    if (!(*count >= 1 && *count <= MOST_BULK) || asset->name.length > BULK_LABEL ||
        asset->type.length > BULK_LABEL) {
        bad(request, "count must be 1 to 1000000, name and asset_type at most 200 bytes");
        return false;
    }
    if (!status || strcmp(status, "active") == 0)
        return true;
    if (strcmp(status, "failed") == 0) {
        asset->reason = POMEX_SB_NO_FACE;
        return true;
    }
    asset->ready = pomex_sb_clock_after(asset->created, sandbox->config.asset_seconds);
    if (strcmp(status, "processing") != 0)
        bad(request, "status must be active, processing or failed");
    return strcmp(status, "processing") == 0;
}

static void add_assets(pomex_sb_request *request, const json_t *body)
{
    pomex_sb *sandbox = request->sandbox;
    const json_t *id = json_object_get(body, "group_id");
    pomex_sb_group group;
    pomex_sb_asset asset = {0};
    double count;
    char ids[SHOWN_IDS][POMEX_SB_ID];
    if (!read_bulk(request, body, &asset, &count))
        return;
    int done = pomex_sb_store_groups_find(sandbox->store, 1, json_string_value(id),
                                          json_string_length(id), &group);
    if (done == 0) {
        bad(request, "group id error");
        return;
    }
    if (done == 1)
        done = pomex_sb_store_assets_add(sandbox->store, &group, &asset, (int64_t)count, ids,
                                         SHOWN_IDS);
    json_t *shown = done == 1 ? json_array() : NULL;
    for (size_t i = 0; shown && i < SHOWN_IDS && (double)i < count; i++)
        json_array_append_new(shown, json_string(ids[i]));
    pomex_sb_response_json(
        &request->response, 200,
        shown ? json_pack("{s:o, s:I}", "ids", shown, "count", (json_int_t)count) : NULL);
}

/* A line for each. */
// clang-format off
static const struct {
    const char *method;
    const char *path;
    void (*handle)(pomex_sb_request *request, const json_t *body);
} controls[] = {
    {"GET", "/_sandbox/state", state},
    {"POST", "/_sandbox/clock", move_clock},
    {"POST", "/_sandbox/config", configure},
    {"POST", "/_sandbox/faults", add_fault},
    {"GET", "/_sandbox/faults", show_struck},
    {"DELETE", "/_sandbox/faults", remove_faults},
    {"GET", "/_sandbox/journal", show_journal},
    {"DELETE", "/_sandbox/journal", empty_journal},
    {"GET", "/_sandbox/ledger", show_ledger},
    {"POST", "/_sandbox/people", add_person},
    {"POST", "/_sandbox/accounts", add_account},
    {"POST", "/_sandbox/scan", scan},
    {"POST", "/_sandbox/assets", add_assets},
};
// clang-format on

static bool has_token(const pomex_sb_request *request)
{
    const char *token = pomex_sb_request_header(request, "X-Sandbox-Token");
    const char *ours = request->sandbox->token;
    return token && pomex_sb_secret_same(token, strlen(token), ours, strlen(ours));
}

void pomex_sb_control(pomex_sb_request *request)
{
    if (!has_token(request)) {
        pomex_sb_response_error(
            &request->response, 403,
            "X-Sandbox-Token must be the token that was shown at the start");
        return;
    }
    for (size_t i = 0; i < sizeof controls / sizeof *controls; i++) {
        if (strcmp(controls[i].path, request->target) != 0 ||
            strcmp(controls[i].method, request->method) != 0)
            continue;
        bool posts = strcmp(request->method, "POST") == 0;
        json_t *body = posts ? pomex_sb_request_json(request) : NULL;
        if (!posts || body)
            controls[i].handle(request, body);
        json_decref(body);
        return;
    }
    pomex_sb_response_error(&request->response, 404, "no such control");
}
