#include "sandbox/api/api.h"

#include "sandbox/control/sandbox.h"
#include "sandbox/pages/links.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    enum pomex_sb_reason reason;
    const char *mark; /* a file name that has it makes an asset that fails */
    const char *message;
} marks[] = {
    {POMEX_SB_NO_FACE, "no-face", "no face was found in the image"},
    {POMEX_SB_SEVERAL_FACES, "several-faces", "the image shows more than one face"},
    {POMEX_SB_OTHER_PERSON, "other-person",
     "the face in the image is not that of the verified person"},
};

static enum pomex_sb_reason reason_of(const char *file)
{
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (strstr(file, marks[i].mark))
            return marks[i].reason;
    }
    return POMEX_SB_FINE;
}

/* The group that a request names, or the account's Virtual one if it names none. False, with an
 * error as the response, if there is no such group. */
static bool find_group(pomex_sb_request *request, const json_t *payload, pomex_sb_group *group)
{
    const json_t *id = json_object_get(payload, "group_id");
    int found =
        pomex_sb_store_groups_find(request->sandbox->store, request->account,
                                   json_string_value(id), json_string_length(id), group);
    if (found == 0)
        pomex_sb_response_error(&request->response, 400, "group id error");
    if (found < 0)
        pomex_sb_response_unavailable(&request->response);
    return found == 1;
}

void pomex_sb_api_assets_create(pomex_sb_request *request, const json_t *body)
{
    pomex_sb *sandbox = request->sandbox;
    pomex_sb_group group;
    if (!find_group(request, body, &group))
        return;
    const json_t *url = json_object_get(body, "url");
    const json_t *name = json_object_get(body, "name");
    const json_t *type = json_object_get(body, "asset_type");
    char file[96];
    pomex_sb_links_file(json_string_value(url), json_string_length(url), file, sizeof file);
    int64_t now = pomex_sb_clock_now(&sandbox->clock);
    bool checked = group.person && strcmp(json_string_value(type), "Image") == 0;
    pomex_sb_asset asset = {
        .name = {name && json_is_string(name) ? json_string_value(name) : "",
                 json_string_length(name)},
        .file = {file, strlen(file)},
        .type = {json_string_value(type), json_string_length(type)},
        .created = now,
        .ready = pomex_sb_clock_after(now, sandbox->config.asset_seconds),
        .reason = checked ? reason_of(file) : POMEX_SB_FINE,
    };
    char ids[1][POMEX_SB_ID];
    if (pomex_sb_store_assets_add(sandbox->store, &group, &asset, 1, ids, 1) < 0) {
        pomex_sb_response_unavailable(&request->response);
        return;
    }
    pomex_sb_response_json(&request->response, 200,
                           json_pack("{s:s, s:s, s:s}", "id", ids[0], "object",
                                     request->endpoint->object, "status", "processing"));
}

static pomex_sb_text text_of(const char *text)
{
    return (pomex_sb_text){text, strlen(text)};
}

static int set_text(json_t *json, const char *key, pomex_sb_text text)
{
    return json_object_set_new_nocheck(json, key,
                                       json_stringn_nocheck(text.bytes, text.length));
}

/* The document's asset object. An item of a list has no "object". */
static json_t *asset_json(const pomex_sb_request *request, const pomex_sb_asset *asset,
                          int64_t now, bool item)
{
    enum pomex_sb_state state = pomex_sb_store_assets_state(asset, now);
    char path[256];
    char link[POMEX_SB_LINK];
    char created[POMEX_SB_TIME];
    char updated[POMEX_SB_TIME];
    snprintf(path, sizeof path, "/files/assets/%.64s/%.100s", asset->id.bytes,
             asset->file.bytes);
    pomex_sb_links_make(request, path, request->sandbox->config.asset_link_seconds, link);
    pomex_sb_clock_iso(asset->created, created);
    pomex_sb_clock_iso(state == POMEX_SB_PROCESSING ? asset->created : asset->ready, updated);
    json_t *json = json_object();
    int failed = set_text(json, "id", asset->id);
    if (!item)
        failed |= set_text(json, "object", text_of("video.asset"));
    failed |= set_text(json, "name", asset->name);
    failed |= set_text(json, "url", text_of(link));
    failed |= set_text(json, "asset_type", asset->type);
    failed |= set_text(json, "group_id", asset->group);
    failed |= set_text(json, "status", text_of(pomex_sb_store_assets_state_name(state)));
    failed |= set_text(json, "created_at", text_of(created));
    failed |= set_text(json, "updated_at", text_of(updated));
    for (size_t i = 0; state == POMEX_SB_FAILED && i < sizeof marks / sizeof *marks; i++) {
        if (marks[i].reason == asset->reason)
            failed |= json_object_set_new(json, "error",
                                          json_pack("{s:s}", "message", marks[i].message));
    }
    if (!failed)
        return json;
    json_decref(json);
    return NULL;
}

void pomex_sb_api_assets_get(pomex_sb_request *request, const char *id, size_t length)
{
    pomex_sb *sandbox = request->sandbox;
    pomex_sb_asset asset;
    int found =
        pomex_sb_store_assets_find(sandbox->store, request->account, id, length, &asset);
    if (found == 1)
        pomex_sb_response_json(
            &request->response, 200,
            asset_json(request, &asset, pomex_sb_clock_now(&sandbox->clock), false));
    else if (found == 0)
        pomex_sb_response_error(&request->response, 404, "asset not found");
    else
        pomex_sb_response_unavailable(&request->response);
}

static unsigned states_of(const char *status)
{
    unsigned states = 0;
    for (int state = POMEX_SB_PROCESSING; status && state <= POMEX_SB_FAILED; state++) {
        if (strstr(status, pomex_sb_store_assets_state_name((enum pomex_sb_state)state)))
            states |= 1u << state;
    }
    return states ? states : 7u;
}

int64_t pomex_sb_api_whole(const json_t *query, const char *key, int64_t usual)
{
    const char *text = json_string_value(json_object_get(query, key));
    return text ? strtoll(text, NULL, 10) : usual;
}

struct page {
    const pomex_sb_request *request;
    int64_t as_of; /* the time that the list shows */
    unsigned states;
    json_t *items;
};

/* A list that lags leaves out what it does not know yet, though its total counts it. */
static bool add_item(void *user, const pomex_sb_asset *asset)
{
    struct page *page = user;
    enum pomex_sb_state state = pomex_sb_store_assets_state(asset, page->as_of);
    if (asset->created > page->as_of || !(page->states >> state & 1))
        return true;
    return json_array_append_new(page->items,
                                 asset_json(page->request, asset, page->as_of, true)) == 0;
}

void pomex_sb_api_assets_list(pomex_sb_request *request, const json_t *query)
{
    pomex_sb *sandbox = request->sandbox;
    pomex_sb_group group;
    if (!find_group(request, query, &group))
        return;
    const json_t *name = json_object_get(query, "name");
    const char *by = json_string_value(json_object_get(query, "sort_by"));
    const char *order = json_string_value(json_object_get(query, "sort_order"));
    int64_t number = pomex_sb_api_whole(query, "page", 1);
    int64_t size = pomex_sb_api_whole(query, "limit", 10);
    /* All assets of a list are in one group, so to sort by "group_id" keeps the order of
     * creation. */
    pomex_sb_list list = {
        .states = states_of(json_string_value(json_object_get(query, "status"))),
        .name = json_string_value(name),
        .name_length = json_string_length(name),
        .by_update = by && strcmp(by, "update_time") == 0,
        .ascending = order && strcmp(order, "asc") == 0,
        .offset = (number - 1) * size,
        .limit = size,
    };
    int64_t now = pomex_sb_clock_now(&sandbox->clock);
    int64_t lag = (int64_t)(sandbox->config.asset_list_lag_seconds * 1000);
    struct page page = {request, now - lag, list.states, json_array()};
    if (!page.items ||
        pomex_sb_store_list(sandbox->store, &group, now, &list, add_item, &page) < 0) {
        json_decref(page.items);
        pomex_sb_response_unavailable(&request->response);
        return;
    }
    pomex_sb_response_json(&request->response, 200,
                           json_pack("{s:s, s:o, s:I, s:I, s:I}", "object", "list", "items",
                                     page.items, "total_count", (json_int_t)list.total,
                                     "page_number", (json_int_t)number, "page_size",
                                     (json_int_t)size));
}
