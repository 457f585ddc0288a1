#include "run.h"

#include "fault_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of a hundred calls. */
static const struct {
    enum kind kind;
    unsigned weight;
} mix[] = {{GENERATION, 42}, {RAW, 4},  {UPLOAD, 22}, {SESSION, 8}, {ASSET_GET, 8},
           {TASK_GET, 6},    {LIST, 4}, {WAIT, 5},    {DOWNLOAD, 1}};

static enum kind any_kind(run_dice *dice)
{
    uint64_t at = dice_roll(dice, 100);
    for (size_t i = 0; i < sizeof mix / sizeof *mix; i++) {
        if (at < mix[i].weight)
            return mix[i].kind;
        at -= mix[i].weight;
    }
    return GENERATION;
}

static json_t *generation(caller *c, const run_call *call)
{
    static char filler[48 << 10];
    char prompt[64];
    snprintf(prompt, sizeof prompt, "call-%zu- ", (size_t)(call - c->calls));
    size_t size = dice_chance(&c->dice, 0.01) ? sizeof filler - 1 : dice_roll(&c->dice, 200);
    memset(filler, 'a', size);
    filler[size] = '\0';
    return json_pack("{s:[{s:s, s:s+}], s:s}", "content", "type", "text", "text", prompt,
                     filler, "model", "byteplus/seedance-2.0-fast");
}

/* Names that are alike: none (the client then makes one), the same as the one before, which
 * nobody can tell apart from this one, one that holds it, or one of its own. */
static json_t *upload(caller *c, const run_call *call)
{
    static const char *const types[] = {"Image", "Video", "Audio"};
    char url[96], name[64];
    size_t number = (size_t)(call - c->calls);
    int group = (int)dice_roll(&c->dice, 3);
    uint64_t manner = dice_roll(&c->dice, 6);
    int64_t now = fault_wire_now();
    bool close = now - c->last_at < 500000000 && c->last_name[0];
    snprintf(url, sizeof url, "https://cdn.example/a/call-%zu-.jpg", number);
    snprintf(name, sizeof name, "portrait %zu", number);
    if (manner <= 1 && close) {
        snprintf(name, sizeof name, "%.50s%s", c->last_name, manner ? "" : "'s sister");
        group = c->last_group;
    }
    json_t *body = json_pack("{s:s, s:s}", "url", url, "asset_type",
                             types[manner == 5 ? dice_roll(&c->dice, 3) : 0]);
    if (manner != 2)
        json_object_set_new(body, "name", json_string(name));
    if (group > 0)
        json_object_set_new(body, "group_id", json_string(c->groups[group - 1]));
    snprintf(c->last_name, sizeof c->last_name, "%s", manner == 2 ? "" : name);
    c->last_group = group;
    c->last_at = now;
    return body;
}

static pomex_operation *download(caller *c, const run_call *call,
                                 const pomex_call_options *options)
{
    char path[96];
    snprintf(path, sizeof path, "%s/%zu.mp4", c->folder, (size_t)(call - c->calls));
    return pomex_client_download(c->client, c->task, strlen(c->task), c->link, path, options);
}

static pomex_operation *ask(caller *c, pomex_endpoint_id endpoint, const char *id,
                            json_t *payload, const pomex_call_options *options)
{
    pomex_operation *op =
        pomex_client_call(c->client, endpoint, id, id ? strlen(id) : 0, payload, options);
    json_decref(payload);
    return op;
}

pomex_operation *calls_start(caller *c, run_call *call)
{
    static const double timeouts[] = {-1, -1, 4, 9, 30};
    pomex_call_options o;
    pomex_operation *op;
    json_t *body;
    pomex_call_options_init(&o);
    o.timeout = timeouts[dice_roll(&c->dice, 5)];
    call->kind = any_kind(&c->dice);
    call->began = fault_wire_now();
    call->unsent_only = c->unsent_only;
    const char *task = c->recent[dice_roll(&c->dice, RECENT)];
    switch (call->kind) {
    case GENERATION:
        o.adopt = (pomex_adopt)((call - c->calls) % 3);
        return ask(c, POMEX_GENERATION_CREATE, NULL, generation(c, call), &o);
    case RAW:
        body = generation(c, call);
        op = pomex_client_request(c->client, "POST", "/v1/video/generations", NULL, body, NULL,
                                  &o);
        json_decref(body);
        return op;
    case UPLOAD:
        return ask(c, POMEX_ASSET_CREATE, NULL, upload(c, call), &o);
    case SESSION:
        body = json_pack(
            "{s:o}", "callback_url",
            json_sprintf("https://app.example/cb/call-%zu-", (size_t)(call - c->calls)));
        return ask(c, POMEX_SESSION_CREATE, NULL, body, &o);
    case ASSET_GET:
        snprintf(call->want, ID_SIZE, "%s", c->asset);
        return ask(c, POMEX_ASSET_GET, call->want, NULL, &o);
    case LIST:
        return ask(c, POMEX_ASSET_LIST, NULL, json_pack("{s:i}", "limit", 10), &o);
    case DOWNLOAD:
        o.timeout = 60;
        return download(c, call, &o);
    case WAIT:
        o.timeout = 60;
        snprintf(call->want, ID_SIZE, "%s", task);
        return pomex_client_wait(c->client, POMEX_GENERATION_GET, call->want,
                                 strlen(call->want), &o);
    default:
        snprintf(call->want, ID_SIZE, "%s", task);
        return ask(c, POMEX_GENERATION_GET, call->want, NULL, &o);
    }
}

/* The file must be the video, or not be there. */
static void note_download(const caller *c, run_call *call)
{
    char path[96];
    static char bytes[1 << 20];
    snprintf(path, sizeof path, "%s/%zu.mp4", c->folder, (size_t)(call - c->calls));
    FILE *file = fopen(path, "rb");
    size_t length = file ? fread(bytes, 1, sizeof bytes, file) : 0;
    if (file)
        fclose(file);
    bool same = length == c->video_length && memcmp(bytes, c->video, length) == 0;
    call->wrong = call->told == GOOD ? !same : file != NULL && !same;
    unlink(path);
    strcat(path, ".part");
    unlink(path);
    strcat(path, ".note");
    unlink(path);
}

static void note_answer(caller *c, run_call *call, const pomex_operation *op)
{
    size_t length;
    const char *text = pomex_operation_body(op, &length);
    json_t *body = json_loadb(text, length, JSON_ALLOW_NUL, NULL);
    const char *id = json_string_value(json_object_get(body, "id"));
    const char *link = json_string_value(json_object_get(body, "h5_link"));
    snprintf(call->id, ID_SIZE, "%s", id ? id : link ? link : "");
    bool made = call->kind == GENERATION || call->kind == UPLOAD || call->kind == SESSION;
    /* What a fault wrote in place of an answer, a GET hands on; another's answer it must not.
     */
    bool fake = !body || !id || strcmp(id, "x") == 0;
    call->wrong = made ? !call->id[0] : call->want[0] && !fake && strcmp(id, call->want) != 0;
    if (call->kind == GENERATION && id)
        memcpy(c->recent[dice_roll(&c->dice, RECENT)], call->id, ID_SIZE);
    json_decref(body);
}

/* Whether what is said of the money is what must be. (A task that a look, a wait or a download
 * asks for was made; what a fault writes in place of an answer can say that it failed, or that
 * it is not there.) */
static bool is_billed_well(const run_call *call, const pomex_error *error)
{
    bool about_task = call->kind == TASK_GET || call->kind == WAIT || call->kind == DOWNLOAD;
    pomex_billed right = about_task ? POMEX_BILLED_YES : POMEX_BILLED_NO;
    if (about_task && (strcmp(error->type, "generation_failed") == 0 ||
                       strcmp(error->type, "not_found_error") == 0))
        right = error->billed == POMEX_BILLED_YES ? right : POMEX_BILLED_MAYBE;
    if ((call->kind == GENERATION || call->kind == RAW) && call->told == AMBIGUOUS)
        right = POMEX_BILLED_MAYBE;
    return error->billed == right && error->maybe_billed == (right != POMEX_BILLED_NO);
}

void calls_note(caller *c, run_call *call, const pomex_operation *op)
{
    const pomex_error *error = pomex_operation_error(op);
    bool ambiguous = error && strcmp(error->type, "ambiguous_error") == 0;
    call->told = !error ? GOOD : ambiguous ? AMBIGUOUS : NOTHING;
    call->type = error ? error->type : NULL;
    call->cause = error ? error->cause : NULL;
    snprintf(call->message, sizeof call->message, "%s", error ? error->message : "");
    call->ends++;
    if (call->kind == DOWNLOAD)
        note_download(c, call);
    else if (!error)
        note_answer(c, call, op);
    if (error)
        call->wrong |= !is_billed_well(call, error);
}
