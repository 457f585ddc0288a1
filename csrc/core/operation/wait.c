/* Waits: looks at an asset or a task until its status is final. A look that fails is not a
 * task that failed; it is outlived until the deadline. */
#include "base/json.h"
#include "operation/operation.h"
#include "operation/retry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASSET_TIMEOUT      600.0
#define GENERATION_TIMEOUT 1800.0

/* A new id may not be known everywhere at once: this long after its creation by this client,
 * and until it was first seen, a 404 is no answer. */
#define YOUNG (30 * POMEX_SECOND)

/* What a look may take that begins after the deadline because nobody stepped when that came: the
 * wait must not end without having looked. While somebody steps, it ends at its deadline. */
#define LAST_LOOK_SECONDS 5.0

struct pomex_wait {
    double pause; /* until the next look, before jitter */
    double factor;
    double max;
    double timeout;
    int64_t lead;    /* how long before the deadline the last look begins */
    int64_t last_at; /* when the latest look began */
    bool late;       /* the deadline was extended for a look */
    bool seen;
    char status[64];     /* the last one seen; "" none */
    const char *trouble; /* error type of the latest look, if it failed */
    pomex_buffer look;
};

void pomex_wait_free(struct pomex_wait *wait)
{
    if (!wait)
        return;
    pomex_buffer_free(&wait->look);
    free(wait);
}

static const char *noun(const pomex_operation *op)
{
    return op->endpoint->id == POMEX_ASSET_GET ? "asset" : "task";
}

static void add_status(const pomex_operation *op, pomex_error *error)
{
    if (!pomex_error_is_static(error) && op->wait->status[0])
        error->last_status = strdup(op->wait->status); /* it hides our key already */
}

static void time_is_up(pomex_operation *op)
{
    const struct pomex_wait *w = op->wait;
    pomex_error *error =
        w->status[0]
            ? pomex_operation_error_new(op, "timeout_error",
                                        "%s %s is still \"%s\" after %.4g s", noun(op),
                                        op->object_id, w->status, w->timeout)
            : pomex_operation_error_new(op, "timeout_error", "%s %s was not seen within %.4g s",
                                        noun(op), op->object_id, w->timeout);
    if (!pomex_error_is_static(error)) {
        error->retryable = true;
        error->cause = w->trouble;
        pomex_error_set(&error->hint, "nothing is lost: wait for the same id again%s%s",
                        w->trouble ? "; the latest look ended in " : "",
                        w->trouble ? w->trouble : "");
    }
    add_status(op, error);
    pomex_operation_finish(op, error);
}

/* The deadline has passed. */
static void deadline_passed(pomex_operation *op)
{
    struct pomex_wait *w = op->wait;
    if (w->late || !pomex_loop_missed(op->client, op->deadline) ||
        (op->attempts && w->last_at >= op->deadline - w->lead)) {
        time_is_up(op);
        return;
    }
    w->late = true;
    op->deadline = pomex_clock_after(pomex_now(op->client), LAST_LOOK_SECONDS);
    pomex_operation_queue(op);
}

/* Rests until the next look, which comes no sooner than `at_least` seconds from now. */
static void rest(pomex_operation *op, double at_least)
{
    struct pomex_wait *w = op->wait;
    int64_t now = pomex_now(op->client);
    if (w->late) {
        time_is_up(op);
        return;
    }
    double pause = w->pause * (0.8 + 0.4 * pomex_random(op->client));
    int64_t at = pomex_clock_after(now, pause > at_least ? pause : at_least);
    int64_t last = op->deadline - w->lead;
    w->pause = w->pause * w->factor < w->max ? w->pause * w->factor : w->max;
    if (w->last_at >= last) /* that was the last look */
        at = op->deadline;
    else if (at > last)
        at = last;
    pomex_operation_pause(op, at);
}

static bool wait_request(pomex_operation *op, pomex_request *r)
{
    int64_t now = pomex_now(op->client);
    if (now >= op->deadline && !op->wait->late) { /* its turn came too late */
        if (!pomex_loop_missed(op->client, op->deadline)) {
            time_is_up(op);
            return false;
        }
        op->wait->late = true;
        op->deadline = pomex_clock_after(now, LAST_LOOK_SECONDS);
    }
    op->wait->last_at = now;
    r->url = pomex_request_url(op);
    r->authorized = true;
    r->fresh = true;
    r->into = &op->wait->look;
    return true;
}

static void keep_look(pomex_operation *op)
{
    pomex_buffer_free(&op->reply);
    op->reply = op->wait->look;
    op->wait->look = (pomex_buffer){0};
}

static void finish_failed(pomex_operation *op, const json_t *root)
{
    bool asset = op->endpoint->id == POMEX_ASSET_GET;
    const char *message = pomex_json_string(json_object_get(root, "error"), "message");
    if (!message)
        message = pomex_json_string(root, "error");
    pomex_error *error = pomex_operation_error_new(
        op, asset ? "asset_failed" : "generation_failed", "%s %s ended as \"%s\"%s%s", noun(op),
        op->object_id, op->wait->status, message ? ": " : "", message ? message : "");
    if (!pomex_error_is_static(error)) {
        error->status = op->status;
        error->object = op->reply.data ? pomex_operation_shown(op, op->reply.data) : NULL;
        pomex_outcome_name(op, error, root);
    }
    add_status(op, error);
    pomex_operation_finish(op, error);
}

/* A 2xx: false if it tells no status. */
static bool take_look(pomex_operation *op)
{
    struct pomex_wait *w = op->wait;
    json_t *root = pomex_json_parse(w->look.data, w->look.length);
    const char *status = pomex_json_string(root, "status");
    if (!status) {
        json_decref(root);
        return false;
    }
    char *shown =
        pomex_operation_shown(op, status); /* before the cut: half a key is one, too */
    snprintf(w->status, sizeof w->status, "%s", shown ? shown : "?");
    free(shown);
    w->seen = true;
    w->trouble = NULL;
    enum pomex_status_class progress = pomex_rules_status_class(op->endpoint->id, status);
    if (progress != POMEX_GOING_ON || op->updates)
        keep_look(op);
    pomex_event_add(op->client, "update", op, op->status, 0, NULL, w->status);
    if (progress == POMEX_SUCCEEDED) {
        pomex_operation_finish(op, NULL);
    } else if (progress == POMEX_FAILED) {
        finish_failed(op, root);
    } else {
        if (op->updates)
            pomex_operation_tell(op, POMEX_NEWS_UPDATE);
        rest(op, 0);
    }
    json_decref(root);
    return true;
}

static bool is_young(const pomex_operation *op)
{
    int64_t created = pomex_created_at(op->client, op->object_id);
    return !op->wait->seen && created >= 0 && pomex_now(op->client) - created < YOUNG;
}

static void wait_ended(pomex_operation *op, const pomex_outcome *o)
{
    struct pomex_wait *w = op->wait;
    bool answered = o->ending == POMEX_ANSWERED && o->status >= 200 && o->status < 300;
    if (answered && take_look(op)) {
        pomex_buffer_free(&w->look);
        return;
    }
    pomex_error *error = pomex_outcome_error(op, o, &w->look);
    bool outlived = answered || pomex_retry_transient(o) || (o->status == 404 && is_young(op));
    pomex_buffer_free(&w->look);
    if (!outlived) {
        add_status(op, error);
        pomex_operation_finish(op, error);
        return;
    }
    w->trouble = error->type;
    pomex_error_free(error);
    if (pomex_now(op->client) >= op->deadline)
        deadline_passed(op);
    else
        rest(op,
             o->retry_after < POMEX_MAX_RETRY_AFTER ? o->retry_after : POMEX_MAX_RETRY_AFTER);
}

static void wait_rang(pomex_operation *op)
{
    if (pomex_now(op->client) >= op->deadline)
        deadline_passed(op);
    else
        pomex_operation_queue(op);
}

static pomex_error *wait_cancelled(pomex_operation *op)
{
    pomex_error *error =
        pomex_operation_error_new(op, "cancelled_error", "the wait for %s %s was %s", noun(op),
                                  op->object_id, op->client->closed ? "closed" : "cancelled");
    add_status(op, error);
    return error;
}

/* A look that hangs makes way for the last one. */
static int64_t look_deadline(const pomex_operation *op, int64_t now)
{
    int64_t at = pomex_attempt_deadline(op, now), last = op->deadline - op->wait->lead;
    return !op->wait->late && now < last && last < at ? last : at;
}

static const pomex_stage wait_stage = {
    .request = wait_request,
    .ended = wait_ended,
    .rang = wait_rang,
    .attempt_deadline = look_deadline,
    .cancelled = wait_cancelled,
};

static void set_schedule(pomex_operation *op, const pomex_call_options *options)
{
    const pomex_options *o = &op->client->settings.options;
    const pomex_schedule *s =
        op->endpoint->id == POMEX_ASSET_GET ? &o->poll_asset : &o->poll_generation;
    struct pomex_wait *w = op->wait;
    w->pause = options->first >= 0 ? options->first : s->first;
    w->factor = options->factor >= 1 ? options->factor : s->factor;
    w->max = options->max > 0 ? options->max : s->max;
    w->pause = w->pause < w->max ? w->pause : w->max;
    /* One that is known from before is looked at now; one just made, not before it can be
     * ready. */
    int64_t created = pomex_created_at(op->client, op->object_id);
    int64_t at = created < 0 ? 0 : pomex_clock_after(created, w->pause);
    if (w->pause < 1e-3)
        w->pause = 1e-3; /* a schedule that starts at 0 must still grow */
    int64_t last = op->deadline - w->lead;
    if (at <= pomex_now(op->client))
        pomex_operation_queue(op);
    else
        pomex_operation_pause(op, at < last ? at : last);
}

pomex_operation *pomex_client_wait(pomex_client *c, pomex_endpoint_id endpoint, const char *id,
                                   size_t id_length, const pomex_call_options *options)
{
    pomex_violation violation;
    options = pomex_call_options_given(options);
    if (!pomex_client_open(c))
        return NULL;
    double timeout = options->timeout >= 0         ? options->timeout
                     : endpoint == POMEX_ASSET_GET ? ASSET_TIMEOUT
                                                   : GENERATION_TIMEOUT;
    bool once = timeout <= 0; /* look once, whatever that takes */
    pomex_operation *op = pomex_operation_new(
        c, &wait_stage, pomex_endpoint_of(endpoint),
        pomex_clock_after(pomex_now(c), once ? LAST_LOOK_SECONDS : timeout));
    if (!op)
        return NULL;
    op->low_priority = true;
    op->updates = options->updates;
    if (!pomex_rules_check_id(id, id_length, &violation)) {
        pomex_operation_finish(op, pomex_violation_error(op->endpoint->name, &violation));
    } else if (!(op->object_id = strndup(id, id_length)) ||
               !(op->wait = calloc(1, sizeof *op->wait))) {
        pomex_operation_finish(op, pomex_error_memory());
    } else {
        op->wait->timeout = timeout;
        op->wait->late = once;
        op->wait->lead = once           ? POMEX_NEVER / 2
                         : timeout < 10 ? pomex_clock_ns(timeout / 10)
                                        : POMEX_SECOND;
        set_schedule(op, options);
    }
    pomex_operation_kick(c);
    return op;
}
