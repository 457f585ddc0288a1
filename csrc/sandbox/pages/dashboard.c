#include "sandbox/pages/dashboard.h"

#include "sandbox/base/form.h"
#include "sandbox/control/sandbox.h"
#include "sandbox/http/guard.h"
#include "sandbox/pages/links.h"
#include "sandbox/pages/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN    50
#define SEARCHED 1000 /* the newest of each kind that a search looks at */
#define LONGEST  1000 /* characters of a prompt that are shown */

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

/* "duration 5, ratio 16:9": the fields of its body, from the JSON that the store keeps of them. */
static void put_parameters(json_t *row)
{
    json_t *given = json_loads(json_string_value(json_object_get(row, "given")), 0, NULL);
    char text[LONGEST] = "";
    size_t used = 0;
    const char *name;
    json_t *value;
    json_object_foreach(given, name, value)
    {
        const char *word = json_string_value(value);
        char *other = word ? NULL : json_dumps(value, JSON_ENCODE_ANY);
        int written =
            snprintf(text + used, sizeof text - used, "%s%s %s", used > 0 ? ", " : "", name,
                     word    ? word
                     : other ? other
                             : "?");
        free(other);
        used += written > 0 ? (size_t)written : 0;
        if (used >= sizeof text)
            break;
    }
    json_decref(given);
    put(row, "given", text);
}

static void fill_task(const pomex_sb_request *request, json_t *row, int64_t now)
{
    pomex_sb_task task = {.created = integer(row, "created"),
                          .ready = integer(row, "ready"),
                          .cancelled = integer(row, "cancelled"),
                          .fails = integer(row, "fails") != 0};
    const char *status = pomex_sb_store_tasks_status(&task, now);
    put_state(request, row, status);
    put_time(row, "created_at", "created");
    put_parameters(row);
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

static bool holds(const json_t *row, const char *sought)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)row, name, value)
    {
        /* A link has a signature in it, which matches at random. */
        if (strcmp(name, "link") != 0 && json_is_string(value) &&
            strcasestr(json_string_value(value), sought))
            return true;
    }
    return false;
}

/* Leaves the newest rows that hold what is sought. */
static void keep_sought(json_t *rows, const char *sought)
{
    for (size_t i = 0; i < json_array_size(rows);) {
        if (i < SHOWN && holds(json_array_get(rows, i), sought))
            i++;
        else
            json_array_remove(rows, i);
    }
}

typedef void (*fill_row)(const pomex_sb_request *request, json_t *row, int64_t now);

/* Takes over `rows`. `sought`: "" where all are wanted. */
static int fill(const pomex_sb_request *request, json_t *data, const char *name, json_t *rows,
                fill_row fill_one, const char *sought)
{
    int64_t now = pomex_sb_clock_now(&request->sandbox->clock);
    char key[32];
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row)
    {
        fill_one(request, row, now);
    }
    if (*sought)
        keep_sought(rows, sought);
    /* The prefix keeps the list apart from the fields of its rows, where the template looks first. */
    snprintf(key, sizeof key, "list_%s", name);
    return rows ? json_object_set_new(data, key, rows) : -1;
}

static json_t *newest_ledger(pomex_sb_store *store, json_t *data, int64_t limit)
{
    json_t *ledger = pomex_sb_store_ledger_entries(store, limit, LONGEST);
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
    char sought[128];
    if (!pomex_sb_form_value(request->query, "q", sought, sizeof sought))
        sought[0] = '\0';
    json_t *q = json_string(sought);
    if (!q) /* no UTF-8: no row holds it */
        q = json_string("");
    int64_t limit = *sought ? SEARCHED : SHOWN;
    pomex_sb_clock_iso(now, time);
    json_t *data =
        json_pack("{s:s, s:s, s:o}", "host", pomex_sb_guard_host(request), "now", time, "q", q);
    int failed = data ? fill_counts(store, data) : -1;
    for (size_t i = 0; i < sizeof tables / sizeof *tables && !failed; i++)
        failed = fill(request, data, tables[i].name,
                      pomex_sb_store_summary_newest(store, tables[i].name, now, limit),
                      tables[i].fill_one, sought);
    if (!failed)
        failed = fill(request, data, "ledger", newest_ledger(store, data, limit), fill_entry,
                      sought);
    if (failed) {
        json_decref(data);
        data = NULL;
    }
    pomex_sb_page(request, 200, POMEX_SB_DASHBOARD, texts, data);
}
