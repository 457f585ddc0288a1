#include "operation/call.h"

#include "base/json.h"
#include "operation/attempt.h"
#include "operation/held.h"
#include "operation/lookup.h"
#include "operation/outcome.h"
#include "operation/raw.h"
#include "operation/request.h"
#include "operation/retry.h"
#include "operation/seek.h"

#include <stdlib.h>
#include <string.h>

/* How much of its budget must be left when an attempt that must not be repeated starts: half of the
 * time that one attempt can take. An attempt that is sent just before its deadline would end in
 * doubt for nothing. */
static int64_t least_left(const pomex_operation *op)
{
    if (op->effect == POMEX_EFFECT_NONE || op->effect == POMEX_EFFECT_SPARE)
        return 0;
    int64_t whole = op->deadline - op->started;
    return (whole < op->attempt_time ? whole : op->attempt_time) / 2;
}

static void time_is_up(pomex_operation *op)
{
    double whole = pomex_clock_seconds(op->deadline - op->started);
    pomex_error *error = pomex_operation_timed_out(
        op, "%s within %.3g s; nothing is under way",
        op->attempts ? "no attempt succeeded" : "the request did not get its turn", whole);
    if (op->last) {
        pomex_error_set_cause(error, op->last->type);
        pomex_error_set_status(error, op->last->status);
        pomex_operation_show_request(op, error);
    }
    pomex_operation_finish(op, error);
}

static int64_t call_deadline(const pomex_operation *op, int64_t now)
{
    return op->effect == POMEX_EFFECT_BILLED ? op->deadline : pomex_attempt_deadline(op, now);
}

/* A request of the caller's own can make a task, too: what goes to the path of the create. */
static bool may_make_task(const pomex_operation *op)
{
    const char *path = pomex_endpoint_of(POMEX_GENERATION_CREATE)->path;
    size_t length = strlen(path);
    if (op->effect != POMEX_EFFECT_UNKNOWN)
        return op->effect == POMEX_EFFECT_BILLED;
    return strncmp(op->url_path, path, length) == 0 &&
           (op->url_path[length] == '\0' || op->url_path[length] == '?');
}

static bool call_request(pomex_operation *op, pomex_request *r)
{
    if (op->deadline - pomex_context_recent(op->context) < least_left(op)) {
        time_is_up(op);
        return false;
    }
    if (pomex_clock_expired(op->context->clock, op->expires)) {
        pomex_operation_finish(op, pomex_outcome_late(op));
        return false;
    }
    bool get = op->effect == POMEX_EFFECT_NONE;
    if (may_make_task(op) && !op->creating)
        op->creating =
            pomex_held_begin(op->context->settings, pomex_context_recent(op->context));
    r->url = pomex_request_url(op);
    r->body = op->body;
    r->body_length = op->body_length;
    r->authorized = true;
    r->once = !get && op->effect != POMEX_EFFECT_SPARE;
    /* Connecting can use up half of what least_left set aside, and no more. */
    r->send_by = call_deadline(op, pomex_context_recent(op->context)) - least_left(op) / 2;
    r->expires = op->expires;
    if (op->kind == &pomex_raw_kind)
        pomex_raw_dress(op, r);
    return true;
}

static bool makes_something(const pomex_operation *op)
{
    return op->effect != POMEX_EFFECT_NONE && op->effect != POMEX_EFFECT_UNKNOWN;
}

/* The id of the object that a usable 2xx made; NULL if the answer is not usable. The caller frees
 * it. */
static char *reply_id(const pomex_operation *op)
{
    json_t *root = pomex_json_parse(op->reply.data, op->reply.length);
    bool session = op->endpoint->id == POMEX_SESSION_CREATE;
    const char *id = pomex_json_string(root, session ? "h5_link" : "id");
    char *copy = id ? strdup(id) : NULL;
    json_decref(root);
    return copy;
}

/* The kind of the task that the request asked for; 0: it made no task. */
static uint64_t kind_of(const pomex_operation *op)
{
    if (op->effect != POMEX_EFFECT_BILLED)
        return 0;
    json_t *body = pomex_json_parse(op->body, op->body_length);
    uint64_t kind = pomex_durations_kind_of(body);
    json_decref(body);
    return kind;
}

/* The task that a request made is held by its caller from now on. An answer without an id, which a
 * request of the caller's own can have, leaves open what was made. */
static void note_task(pomex_operation *op, const char *id)
{
    if (id)
        pomex_held_note(id, pomex_context_recent(op->context));
    else
        op->doubtful = true;
}

static void call_ended(pomex_operation *op, const pomex_outcome *o)
{
    char *id = NULL;
    bool usable = true;
    if (op->endpoint->id == POMEX_GENERATION_LIST && o->reply->date[0])
        op->date = curl_getdate(o->reply->date, NULL);
    if (o->ending == POMEX_ANSWERED && o->status < 300 && makes_something(op)) {
        id = reply_id(op);
        usable = id != NULL;
    }
    enum pomex_verdict verdict = pomex_retry_verdict(op->effect, o, usable, op->unsent_only);
    if (verdict == POMEX_ACCEPT && op->creating) {
        char *made = id ? strdup(id) : reply_id(op);
        note_task(op, made);
        free(made);
    }
    if (verdict == POMEX_ACCEPT && id && op->effect != POMEX_EFFECT_SPARE) {
        pomex_created_add_object(&op->context->created, id, kind_of(op), pomex_lookup_group(op),
                                 pomex_context_now(op->context));
        op->object_id = id; /* whoever cannot read the answer still learns it */
        id = NULL;
    }
    free(id);
    if (verdict == POMEX_ACCEPT) {
        pomex_operation_finish(op, NULL);
        return;
    }
    pomex_error *error = pomex_outcome_error(op, o, &op->reply);
    op->doubtful = op->doubtful || (o->sent && pomex_retry_turned_away(o));
    if (verdict == POMEX_AGAIN && o->sent)
        pomex_lookup_turned_away(op);
    if (verdict == POMEX_AGAIN)
        pomex_attempt_retry(op, o, error, least_left(op));
    else if (verdict == POMEX_FINAL)
        pomex_operation_finish(op, error);
    else if (op->kind == &pomex_lookup_kind && o->ending != POMEX_CANCELLED)
        pomex_lookup_begin(op, o, error);
    else if (op->effect == POMEX_EFFECT_BILLED && !op->unsought && o->ending != POMEX_CANCELLED)
        pomex_seek_begin(op, o, error);
    else {
        pomex_lookup_doubt(op);
        pomex_operation_finish(op, pomex_outcome_ambiguous(op, error));
    }
}

static void call_rang(pomex_operation *op)
{
    if (op->state == POMEX_PAUSED)
        pomex_queue_add(op);
    else
        time_is_up(op);
}

static const pomex_stage call_stage = {
    .request = call_request,
    .ended = call_ended,
    .rang = call_rang,
    .attempt_deadline = call_deadline,
};

/* ----------------------------------------------------------------------------------- begin */

static const pomex_call_options call_defaults = {.timeout = -1,
                                                 .max_retries = -1,
                                                 .first = -1,
                                                 .factor = -1,
                                                 .max = -1,
                                                 .send_by = -1,
                                                 .request_timeout = -1};

void pomex_call_options_init(pomex_call_options *options)
{
    *options = call_defaults;
}

const pomex_call_options *pomex_call_options_given(const pomex_call_options *options)
{
    return options ? options : &call_defaults;
}

static const pomex_kind call_kind = {.free = NULL};

pomex_operation *pomex_call_new(pomex_context *c, pomex_endpoint_id endpoint,
                                const pomex_call_options *options)
{
    const pomex_options *usual = &c->settings->options;
    double timeout = options->timeout >= 0 ? options->timeout : usual->budget;
    pomex_operation *op =
        pomex_operation_new(c, &call_kind, &call_stage, pomex_endpoint_of(endpoint),
                            pomex_clock_after(pomex_context_now(c), timeout));
    if (!op)
        return NULL;
    op->max_retries = options->max_retries >= 0 ? options->max_retries : usual->max_retries;
    op->stands_by = options->stand_by;
    op->adopts = options->adopt == POMEX_ADOPT_SINGLE;
    op->unsought = options->adopt == POMEX_ADOPT_UNSOUGHT;
    if (options->send_by >= 0)
        op->expires = pomex_clock_ns(options->send_by);
    return op;
}

void pomex_call_begin(pomex_operation *op, pomex_error *error)
{
    if (error)
        pomex_operation_finish(op, error);
    else
        pomex_queue_add(op);
}
