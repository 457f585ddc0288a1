#include "sandbox/api/api.h"

#include "sandbox/control/sandbox.h"
#include "sandbox/pages/links.h"

#include "base/json.h"
#include "rules/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAIL_MARK "[fail]" /* a prompt that has it makes a task that fails */

/* The url of a part of the content. It is under the key that has the name of the part's type. */
static const json_t *url_of(const json_t *part)
{
    const char *type = pomex_json_string(part, "type");
    return type ? json_object_get(json_object_get(part, type), "url") : NULL;
}

/* Refuses a reference to an asset that does not exist, is another account's, or is not active. */
static bool check_reference(pomex_sb_request *request, const char *id, size_t length)
{
    pomex_sb *sandbox = request->sandbox;
    pomex_sb_asset asset;
    int found =
        pomex_sb_store_assets_find(sandbox->store, request->account, id, length, &asset);
    if (found < 0)
        return pomex_sb_response_unavailable(&request->response);
    if (found == 0) {
        pomex_sb_response_error(&request->response, 400, "asset %.*s does not exist",
                                (int)length, id);
        return false;
    }
    enum pomex_sb_state state =
        pomex_sb_store_assets_state(&asset, pomex_sb_clock_now(&sandbox->clock));
    if (state == POMEX_SB_ACTIVE)
        return true;
    pomex_sb_response_error(&request->response, 400,
                            "asset %.*s is not active: its status is %s", (int)length, id,
                            pomex_sb_store_assets_state_name(state));
    return false;
}

static bool check_references(pomex_sb_request *request, const json_t *content)
{
    size_t i;
    json_t *part;
    json_array_foreach((json_t *)content, i, part)
    {
        const json_t *url = url_of(part);
        const char *text = json_string_value(url);
        const char *id = text ? pomex_rules_asset_uri(text) : NULL;
        if (id && !check_reference(request, id, json_string_length(url) - (size_t)(id - text)))
            return false;
    }
    return true;
}

/* All text parts, one a line, which the caller frees; counts the images too. NULL if memory ran
 * out. */
static char *join_texts(const json_t *content, size_t *length, int64_t *images)
{
    char *prompt = NULL;
    FILE *out = open_memstream(&prompt, length);
    if (!out)
        return NULL;
    size_t i;
    json_t *part;
    bool first = true;
    json_array_foreach((json_t *)content, i, part)
    {
        const char *type = pomex_json_string(part, "type");
        const json_t *text = json_object_get(part, "text");
        *images += strcmp(type, "image_url") == 0;
        if (strcmp(type, "text") != 0)
            continue;
        if (!first)
            fputc('\n', out);
        fwrite(json_string_value(text), 1, json_string_length(text), out);
        first = false;
    }
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(prompt);
        return NULL;
    }
    return prompt;
}

void pomex_sb_api_generations_create(pomex_sb_request *request, const json_t *body)
{
    pomex_sb *sandbox = request->sandbox;
    const json_t *content = json_object_get(body, "content");
    const char *model = json_string_value(json_object_get(body, "model"));
    if (!check_references(request, content))
        return;
    int64_t now = pomex_sb_clock_now(&sandbox->clock);
    pomex_sb_task task = {
        .created = now,
        .ready = pomex_sb_clock_after(now, sandbox->config.generation_seconds),
    };
    size_t length = 0;
    char *prompt = join_texts(content, &length, &task.images);
    char id[POMEX_SB_ID];
    pomex_sb_id_make("cgt", now, id);
    task.id = (pomex_sb_text){id, strlen(id)};
    int done = -1;
    if (prompt) {
        task.prompt = (pomex_sb_text){prompt, length};
        task.fails = memmem(prompt, length, FAIL_MARK, sizeof FAIL_MARK - 1) != NULL;
        done = pomex_sb_store_tasks_add(sandbox->store, request->account, model, &task);
    }
    free(prompt);
    if (done == 1)
        pomex_sb_response_json(&request->response, 200,
                               json_pack("{s:s, s:s, s:s, s:s}", "id", id, "object",
                                         request->endpoint->object, "model", model, "status",
                                         "queued"));
    else
        pomex_sb_response_unavailable(&request->response);
}

void pomex_sb_api_generations_get(pomex_sb_request *request, const char *id, size_t length)
{
    pomex_sb *sandbox = request->sandbox;
    pomex_sb_task task;
    int found = pomex_sb_store_tasks_find(sandbox->store, request->account, id, length, &task);
    if (found == 0)
        pomex_sb_response_error(&request->response, 404, "generation task not found");
    if (found < 0)
        pomex_sb_response_unavailable(&request->response);
    if (found != 1)
        return;
    const char *status =
        pomex_sb_store_tasks_status(&task, pomex_sb_clock_now(&sandbox->clock));
    json_t *json = json_pack("{s:s, s:s, s:s}", "id", task.id.bytes, "object",
                             request->endpoint->object, "status", status);
    int failed = 0;
    if (strcmp(status, "succeeded") == 0) {
        char path[128];
        char link[POMEX_SB_LINK];
        snprintf(path, sizeof path, "/files/videos/%.64s/output.mp4", task.id.bytes);
        pomex_sb_links_make(request, path, sandbox->config.video_link_seconds, link);
        failed = json_object_set_new(json, "content", json_pack("{s:s}", "video_url", link));
    } else if (strcmp(status, "failed") == 0) {
        failed = json_object_set_new(
            json, "error",
            json_pack("{s:s}", "message", "the prompt asked for this: " FAIL_MARK));
    }
    if (failed) {
        json_decref(json);
        json = NULL;
    }
    pomex_sb_response_json(&request->response, 200, json);
}
