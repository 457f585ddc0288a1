#include "sandbox/pages/dashboard.h"

#include "sandbox/control/sandbox.h"
#include "sandbox/http/guard.h"
#include "sandbox/pages/links.h"
#include "sandbox/pages/page.h"

#include <stdio.h>
#include <string.h>

#define SHOWN   50
#define LONGEST 1000 /* characters of a prompt that are shown */

static const char texts[] = "dashboard";

static int64_t integer(const json_t *row, const char *key)
{
    return json_integer_value(json_object_get(row, key));
}

static void put(json_t *row, const char *key, const char *value)
{
    json_object_set_new(row, key, json_string(value));
}

static void put_time(json_t *row, const char *key, const char *from)
{
    char time[POMEX_SB_TIME];
    pomex_sb_clock_iso(integer(row, from), time);
    put(row, key, time);
}

/* Adds a state: its word in the page's language, and its name for the style sheet. */
static void put_state(const pomex_sb_request *request, json_t *row, const char *name)
{
    put(row, "state", pomex_sb_page_word(request, texts, name));
    put(row, "mark", name);
}

static void fill_session(const pomex_sb_request *request, json_t *row, int64_t now)
{
    static const char *const names[] = {"ready", "passed", "failed", "pre_recorded", "expired"};
    int64_t outcome = integer(row, "outcome");
    if (outcome == POMEX_SB_READY && integer(row, "expires") <= now)
        outcome = POMEX_SB_EXPIRED;
    put_state(request, row, names[outcome]);
    put_time(row, "created_at", "created");
    put_time(row, "expires_at", "expires");
    if (outcome == POMEX_SB_READY) {
        char link[256];
        snprintf(link, sizeof link, "/h5?session=%s&lang=%s",
                 json_string_value(json_object_get(row, "token")),
                 json_string_value(json_object_get(row, "lang")));
        put(row, "link", link);
    }
}

static void fill_person(const pomex_sb_request *request, json_t *row, int64_t now)
{
    (void)request;
    (void)now;
    put_time(row, "created_at", "created");
    char count[24];
    snprintf(count, sizeof count, "%lld", (long long)integer(row, "assets"));
    put(row, "count", count);
}

static void fill_asset(const pomex_sb_request *request, json_t *row, int64_t now)
{
    (void)now;
    char path[256];
    char link[POMEX_SB_LINK];
    put_state(request, row,
              pomex_sb_store_assets_state_name((enum pomex_sb_state)integer(row, "state")));
    put_time(row, "created_at", "created");
    snprintf(path, sizeof path, "/files/assets/%.64s/%.100s",
             json_string_value(json_object_get(row, "id")),
             json_string_value(json_object_get(row, "file")));
    pomex_sb_links_make(request, path, request->sandbox->config.asset_link_seconds, link);
    put(row, "link", link);
}

static void fill_task(const pomex_sb_request *request, json_t *row, int64_t now)
{
    pomex_sb_task task = {.created = integer(row, "created"),
                          .ready = integer(row, "ready"),
                          .fails = integer(row, "fails") != 0};
    const char *status = pomex_sb_store_tasks_status(&task, now);
    put_state(request, row, status);
    put_time(row, "created_at", "created");
    if (strcmp(status, "succeeded") == 0) {
        char path[128];
        char link[POMEX_SB_LINK];
        snprintf(path, sizeof path, "/files/videos/%.64s/output.mp4",
                 json_string_value(json_object_get(row, "id")));
        pomex_sb_links_make(request, path, request->sandbox->config.video_link_seconds, link);
        put(row, "link", link);
    }
}

static void fill_entry(const pomex_sb_request *request, json_t *row, int64_t now)
{
    (void)now;
    const char *kind = json_string_value(json_object_get(row, "kind"));
    put(row, "kind_word", pomex_sb_page_word(request, texts, kind ? kind : ""));
    put_time(row, "created_at", "at");
}

typedef void (*fill_row)(const pomex_sb_request *request, json_t *row, int64_t now);

static int fill(const pomex_sb_request *request, json_t *data, const char *name, json_t *rows,
                fill_row fill_one)
{
    int64_t now = pomex_sb_clock_now(&request->sandbox->clock);
    char key[32];
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        fill_one(request, row, now);
    }
    /* The prefix keeps the list apart from the fields of its rows, where the template looks first. */
    snprintf(key, sizeof key, "list_%s", name);
    return rows ? json_object_set_new(data, key, rows) : -1;
}

static json_t *newest_ledger(pomex_sb_store *store, json_t *data)
{
    json_t *ledger = pomex_sb_store_ledger_entries(store, SHOWN, LONGEST);
    const json_t *entries = json_object_get(ledger, "entries");
    json_t *newest = ledger ? json_array() : NULL;
    for (size_t i = json_array_size(entries); newest && i-- > 0;)
        json_array_append(newest, json_array_get(entries, i));
    json_object_set_new(
        data, "count_ledger",
        json_integer(integer(ledger, "generation") + integer(ledger, "verification")));
    json_decref(ledger);
    return newest;
}

static int fill_counts(pomex_sb_store *store, json_t *data)
{
    json_t *counts = pomex_sb_store_summary_counts(store);
    char key[32];
    const char *name;
    json_t *count;
    json_object_foreach(counts, name, count)
    {
        snprintf(key, sizeof key, "count_%s", name);
        json_object_set(data, key, count);
    }
    json_decref(counts);
    return counts ? 0 : -1;
}

void pomex_sb_dashboard(pomex_sb_request *request)
{
    static const struct {
        const char *name;
        fill_row fill_one;
    } tables[] = {{"sessions", fill_session},
                  {"people", fill_person},
                  {"assets", fill_asset},
                  {"tasks", fill_task}};
    pomex_sb_store *store = request->sandbox->store;
    int64_t now = pomex_sb_clock_now(&request->sandbox->clock);
    char time[POMEX_SB_TIME];
    pomex_sb_clock_iso(now, time);
    json_t *data = json_pack("{s:s, s:s}", "host", pomex_sb_guard_host(request), "now", time);
    int failed = data ? fill_counts(store, data) : -1;
    for (size_t i = 0; i < sizeof tables / sizeof *tables && !failed; i++)
        failed = fill(request, data, tables[i].name,
                      pomex_sb_store_summary_newest(store, tables[i].name, now, SHOWN),
                      tables[i].fill_one);
    if (!failed)
        failed = fill(request, data, "ledger", newest_ledger(store, data), fill_entry);
    if (failed) {
        json_decref(data);
        data = NULL;
    }
    pomex_sb_page(request, 200, POMEX_SB_DASHBOARD, texts, data);
}
