#include "operation/lookup.h"

#include "base/json.h"
#include "operation/attempt.h"
#include "operation/outcome.h"
#include "operation/request.h"
#include "operation/task_time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/* How long after the upload each look comes, since an asset can take some time to appear in a
 * list. */
static const double pauses[] = {0.25, 1, 2, 4, 8};
#define LOOKS ((int)(sizeof pauses / sizeof *pauses))

/* The most items that one list can bring. */
#define PAGE 100

/* Seconds by which a header's Date and a created_at can differ, since each is cut to whole
 * seconds. */
#define DATE_SLACK 2

/* Seconds after which nothing is adopted: the ids of other uploads are remembered for 300 s
 * only. */
#define MEMORY 240

struct pomex_lookup {
    char *name;
    char *type;
    char *group; /* NULL: the default Virtual group */
    pomex_error *error;
    json_t *candidates;
    int64_t sent_at;
    int attempts; /* of the upload */
    int looks;
    bool turned_away; /* the service answered 429 or 503 after it was sent */
};

static void lookup_free(void *own)
{
    struct pomex_lookup *lookup = own;
    free(lookup->name);
    free(lookup->type);
    free(lookup->group);
    pomex_error_free(lookup->error);
    json_decref(lookup->candidates);
    free(lookup);
}

static bool random_name(char *name, size_t size)
{
    unsigned char bits[16];
    if (getrandom(bits, sizeof bits, 0) != (ssize_t)sizeof bits)
        return false;
    size_t n = (size_t)snprintf(name, size, "pomex-");
    for (size_t i = 0; i < sizeof bits && n + 2 < size; i++)
        n += (size_t)snprintf(name + n, size - n, "%02x", bits[i]);
    return true;
}

bool pomex_lookup_prepare(pomex_operation *op, json_t **body)
{
    const char *type = pomex_json_string(*body, "asset_type");
    const char *group = pomex_json_string(*body, "group_id");
    const char *name = pomex_json_string(*body, "name");
    char made[48];
    const json_t *given = json_object_get(*body, "name");
    if (!type || (!name && given && !json_is_null(given)))
        return true; /* nothing could be looked up, so the body is sent as it is */
    if (!name) {
        json_t *named = json_copy(*body);
        if (!named || !random_name(made, sizeof made) ||
            json_object_set_new(named, "name", json_string(made)) != 0) {
            json_decref(named);
            return false;
        }
        json_decref(*body);
        *body = named;
        name = made;
    }
    struct pomex_lookup *lookup = calloc(1, sizeof *lookup);
    op->kind = &pomex_lookup_kind;
    op->own = lookup;
    return lookup && (lookup->name = strdup(name)) && (lookup->type = strdup(type)) &&
           (!group || (lookup->group = strdup(group)));
}

static bool is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Whether the operation is an upload that can be looked up. */
static bool is_upload(const pomex_operation *op)
{
    return op->kind == &pomex_lookup_kind && op->own;
}

const char *pomex_lookup_group(const pomex_operation *op)
{
    const struct pomex_lookup *lookup = op->own;
    return is_upload(op) ? lookup->group : NULL;
}

static bool is_alike(const struct pomex_lookup *a, const struct pomex_lookup *b)
{
    return is_same(a->name, b->name) && is_same(a->type, b->type) &&
           is_same(a->group, b->group);
}

/* The text that uploads have in common which a list cannot tell apart; the caller frees it. */
static char *likeness(const struct pomex_lookup *l)
{
    char *text = NULL;
    int length = asprintf(&text, "%s\n%s\n%s", l->type, l->group ? l->group : "", l->name);
    return length < 0 ? NULL : text;
}

void pomex_lookup_doubt(pomex_operation *op)
{
    if (!is_upload(op))
        return;
    char *key = likeness(op->own);
    if (!key)
        op->context->created.incomplete = true;
    if (key)
        pomex_created_add(&op->context->created, key, pomex_context_now(op->context));
    free(key);
}

void pomex_lookup_turned_away(pomex_operation *op)
{
    struct pomex_lookup *lookup = op->own;
    if (is_upload(op))
        lookup->turned_away = true;
}

static void lookup_over(pomex_operation *op)
{
    const struct pomex_lookup *lookup = op->own;
    if (lookup->turned_away)
        pomex_lookup_doubt(op);
}

const pomex_kind pomex_lookup_kind = {.over = lookup_over, .free = lookup_free};

/* Whether a listed asset could belong to another upload like this one: an upload that does not know
 * its id yet, or that ended in doubt. */
static bool has_twin(const pomex_operation *op)
{
    const struct pomex_lookup *lookup = op->own;
    char *key = likeness(lookup);
    bool doubtful = !key || pomex_created_at(&op->context->created, key) >= 0;
    free(key);
    if (doubtful || op->context->created.incomplete)
        return true;
    const pomex_node *list = &op->context->all;
    for (pomex_node *node = list->next; node != list; node = node->next) {
        const pomex_operation *other = POMEX_HOLDER(node, pomex_operation, in_all);
        if (other != op && is_upload(other) && is_alike(other->own, lookup))
            return true;
    }
    return false;
}

/* Whether the page (newest first) was too short for everything that was created after `since`. */
static bool is_cut(const json_t *items, time_t since)
{
    const json_t *last = json_array_get(items, PAGE - 1);
    return last && pomex_time_of_iso(pomex_json_string(last, "created_at")) >= since;
}

static json_t *match(const pomex_operation *op, const json_t *item, time_t since)
{
    const struct pomex_lookup *lookup = op->own;
    const char *id = pomex_json_string(item, "id");
    const char *group = pomex_json_string(item, "group_id");
    if (!id || !is_same(pomex_json_string(item, "name"), lookup->name) ||
        !is_same(pomex_json_string(item, "asset_type"), lookup->type) ||
        (lookup->group && group && !is_same(group, lookup->group)))
        return NULL;
    time_t created = pomex_time_of_iso(pomex_json_string(item, "created_at"));
    if (since < 0 || created < since || pomex_created_at(&op->context->created, id) >= 0)
        return NULL;
    return json_object_get(item, "id");
}

bool pomex_lookup_keep(pomex_operation *op, const json_t *item)
{
    size_t length, fields = json_object_size(item);
    json_t *whole = json_copy((json_t *)(uintptr_t)item); /* it is only read */
    if (whole && !json_object_get(whole, "object"))
        fields += json_object_set_new(whole, "object", json_string("video.asset")) == 0;
    /* Without memory json_copy leaves fields out, and does not say so. */
    bool complete = json_object_size(whole) == fields && json_object_get(whole, "object");
    char *text = complete ? pomex_json_text(whole, &length) : NULL;
    pomex_buffer_clear(&op->reply);
    bool kept = text && pomex_buffer_append(&op->reply, text, length, POMEX_MAX_BODY);
    free(text);
    json_decref(whole);
    return kept;
}

static void adopt(pomex_operation *op, const json_t *item)
{
    const struct pomex_lookup *lookup = op->own;
    if (!pomex_lookup_keep(op, item)) {
        pomex_operation_finish(op, pomex_error_lost(false));
        return;
    }
    pomex_created_add_object(&op->context->created, pomex_json_string(item, "id"), 0,
                             lookup->group, pomex_context_now(op->context));
    op->object_id = strdup(pomex_json_string(item, "id"));
    op->status = 200;
    op->attempts = lookup->attempts;
    op->endpoint = pomex_endpoint_of(POMEX_ASSET_CREATE);
    pomex_operation_finish(op, NULL);
}

static pomex_error *give_up(pomex_operation *op)
{
    struct pomex_lookup *lookup = op->own;
    pomex_error *error = lookup->error;
    lookup->error = NULL;
    pomex_lookup_doubt(op);
    op->endpoint = pomex_endpoint_of(POMEX_ASSET_CREATE);
    op->attempts = lookup->attempts;
    error = pomex_outcome_ambiguous(op, error);
    if (!pomex_error_is_static(error) && json_array_size(lookup->candidates)) {
        error->candidates = lookup->candidates;
        lookup->candidates = NULL;
    }
    return error;
}

static void look_again(pomex_operation *op)
{
    const struct pomex_lookup *lookup = op->own;
    int64_t at = POMEX_NEVER;
    if (lookup->looks < LOOKS)
        at = pomex_clock_after(pomex_context_now(op->context), pauses[lookup->looks]);
    if (at < op->deadline)
        pomex_operation_pause(op, at);
    else
        pomex_operation_finish(op, give_up(op));
}

static bool lookup_request(pomex_operation *op, pomex_request *r)
{
    r->url = pomex_request_url(op);
    r->authorized = true;
    r->fresh = true; /* a cached page has an old Date */
    return true;
}

static void lookup_ended(pomex_operation *op, const pomex_outcome *o)
{
    struct pomex_lookup *lookup = op->own;
    if (o->ending == POMEX_CANCELLED || o->refused_there) {
        pomex_operation_finish(op, give_up(op));
        return;
    }
    lookup->looks++;
    json_t *root = NULL, *found = NULL, *item;
    size_t i, matches = 0;
    if (o->ending == POMEX_ANSWERED && o->status == 200)
        root = pomex_json_parse(op->reply.data, op->reply.length);
    /* `since` is the time of the upload by the server's clock, computed from the Date of this
     * answer. */
    time_t date = o->reply->date[0] ? curl_getdate(o->reply->date, NULL) : -1;
    time_t elapsed =
        (time_t)((pomex_context_now(op->context) - lookup->sent_at) / POMEX_SECOND) + 1;
    time_t since = date < 0 ? -1 : date - elapsed - DATE_SLACK;
    if (root) {
        json_decref(lookup->candidates);
        lookup->candidates = json_array();
    }
    json_array_foreach(json_object_get(root, "items"), i, item)
    {
        json_t *id = match(op, item, since);
        if (!id)
            continue;
        matches++;
        found = item;
        json_array_append(lookup->candidates, id);
    }
    bool all = !is_cut(json_object_get(root, "items"), since);
    if (matches == 1 && all && elapsed < MEMORY && !has_twin(op))
        adopt(op, found);
    else
        look_again(op);
    json_decref(root);
}

static void lookup_rang(pomex_operation *op)
{
    if (op->state == POMEX_PAUSED)
        pomex_queue_add(op);
    else
        pomex_operation_finish(op, give_up(op));
}

static const pomex_stage lookup_stage = {
    .request = lookup_request,
    .ended = lookup_ended,
    .rang = lookup_rang,
    .attempt_deadline = pomex_attempt_deadline,
    .cancelled = give_up,
    .starved = give_up, /* the upload is as much in doubt as before */
};

void pomex_lookup_begin(pomex_operation *op, const pomex_outcome *outcome, pomex_error *error)
{
    struct pomex_lookup *lookup = op->own;
    pomex_buffer url_path = {0};
    json_t *query =
        json_pack("{s:s, s:s?, s:i, s:s, s:s}", "name", lookup->name, "group_id", lookup->group,
                  "limit", PAGE, "sort_by", "create_time", "sort_order", "desc");
    lookup->error = error;
    lookup->sent_at = outcome->sent_at;
    lookup->attempts = op->attempts;
    op->stage = &lookup_stage;
    op->endpoint = pomex_endpoint_of(POMEX_ASSET_LIST);
    if (query && pomex_buffer_puts(&url_path, op->endpoint->path) &&
        pomex_request_append_query(&url_path, query)) {
        op->url_path = url_path.data;
        look_again(op);
    } else {
        pomex_buffer_free(&url_path);
        pomex_operation_finish(op, give_up(op));
    }
    json_decref(query);
}
