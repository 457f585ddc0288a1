#include "sandbox/api/api.h"

#include "sandbox/control/sandbox.h"

#include "base/json.h"
#include "rules/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* The fields of a body that the upstream's answers repeat, and the one that they heed, as JSON, which
 * the caller frees. NULL if memory ran out. */
static char *given_fields(const json_t *body)
{
    static const char *const names[] = {"resolution",        "ratio",
                                        "duration",          "seed",
                                        "safety_identifier", "execution_expires_after",
                                        POMEX_SB_LAST_FRAME};
    json_t *given = json_object();
    for (size_t i = 0; given && i < sizeof names / sizeof *names; i++) {
        json_t *value = json_object_get(body, names[i]);
        if (value && json_object_set(given, names[i], value) != 0) {
            json_decref(given);
            given = NULL;
        }
    }
    size_t length;
    char *text = given ? pomex_json_text(given, &length) : NULL;
    json_decref(given);
    return text;
}

static bool has_mark(pomex_sb_text prompt, const char *mark)
{
    return memmem(prompt.bytes, prompt.length, mark, strlen(mark)) != NULL;
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
    task.model = (pomex_sb_text){model, strlen(model)};
    char *given = given_fields(body);
    int done = -1;
    bool refused = false;
    if (prompt && given) {
        task.given = (pomex_sb_text){given, strlen(given)};
        task.prompt = (pomex_sb_text){prompt, length};
        task.fails = has_mark(task.prompt, POMEX_SB_FAIL_MARK);
        refused = has_mark(task.prompt, POMEX_SB_REFUSE_MARK);
        if (!refused)
            done = pomex_sb_store_tasks_add(sandbox->store, request->account, &task);
    }
    free(prompt);
    free(given);
    if (done == 1)
        pomex_sb_api_notices_plan(request, &task,
                                  json_string_value(json_object_get(body, "callback_url")));
    if (done == 1)
        pomex_sb_response_json(&request->response, 200,
                               json_pack("{s:s, s:s, s:s, s:s}", "id", id, "object",
                                         request->endpoint->object, "model", model, "status",
                                         "queued"));
    else if (refused)
        pomex_sb_response_error(&request->response, 400,
                                "the prompt asked for this: " POMEX_SB_REFUSE_MARK);
    else
        pomex_sb_response_unavailable(&request->response);
}
