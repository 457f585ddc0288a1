#include "operation/seek.h"

#include "base/json.h"
#include "operation/attempt.h"
#include "operation/held.h"
#include "operation/outcome.h"
#include "operation/request.h"
#include "operation/retry.h"
#include "operation/task_time.h"

#include <stdlib.h>
#include <string.h>

/* How long after the doubt each look comes, since a task can take some time to appear in a list. */
static const double pauses[] = {0.25, 1, 2};
#define LOOKS ((int)(sizeof pauses / sizeof *pauses))

/* What is asked of a page, and the most pages of a look. */
#define LIMIT 100
#define PAGES 10

/* By so much a task can be made before or after the attempt, by the service's clock: headers and
 * times are cut to whole seconds, and its machines have clocks of their own. */
#define SLACK (5 * POMEX_SECOND)

/* One that was made by more seconds than these before the attempt is named only if no other can be
 * it: the cuts of both times, and a second for the clocks. */
#define BEFORE 2

struct pomex_seek {
    pomex_error *error; /* of the create */
    json_t *body;       /* what was sent */
    json_t *candidates; /* ids */
    json_t *likely;     /* those of them that were not made before */
    json_t *found;      /* the latest of them, as it was listed */
    int64_t sent_at;    /* of the attempt in doubt, by BOOTTIME … */
    int64_t ended_at;   /* … and its end */
    int attempts;       /* of the create */
    int looks;
    int page;
    int64_t now;   /* when its page came */
    size_t listed; /* items of all pages of this look */
    json_t *first; /* the first id of its latest page */
    bool sorted;   /* all its pages had their newest first … */
    time_t last;   /* … and ended with this time */
};

static void seek_free(void *own)
{
    struct pomex_seek *seek = own;
    pomex_error_free(seek->error);
    json_decref(seek->body);
    json_decref(seek->candidates);
    json_decref(seek->likely);
    json_decref(seek->found);
    json_decref(seek->first);
    free(seek);
}

static const pomex_kind seek_kind = {.free = seek_free};

static int64_t boottime(const pomex_operation *op)
{
    const pomex_clock *clock = op->context->clock;
    return clock->read(clock->user, POMEX_CLOCK_BOOTTIME);
}

static pomex_error *give_up(pomex_operation *op)
{
    struct pomex_seek *seek = op->own;
    op->endpoint = pomex_endpoint_of(POMEX_GENERATION_CREATE);
    op->attempts = seek->attempts;
    pomex_error *error = pomex_outcome_ambiguous(op, seek->error);
    seek->error = NULL;
    json_t **named = json_array_size(seek->likely) ? &seek->likely : &seek->candidates;
    if (!pomex_error_is_static(error) && json_array_size(*named)) {
        error->candidates = *named;
        *named = NULL;
    }
    return error;
}

/* ------------------------------------------------------------------------------ the request */

/* Sets the path of the page that is asked for next; false: no memory. */
static bool set_page(pomex_operation *op, int page)
{
    struct pomex_seek *seek = op->own;
    pomex_buffer url_path = {0};
    json_t *query = json_pack("{s:i, s:i}", "page", page, "limit", LIMIT);
    bool done = query && pomex_buffer_puts(&url_path, op->endpoint->path) &&
                pomex_request_append_query(&url_path, query);
    json_decref(query);
    if (!done) {
        pomex_buffer_free(&url_path);
        return false;
    }
    free(op->url_path);
    op->url_path = url_path.data;
    seek->page = page;
    return true;
}

static void look_again(pomex_operation *op)
{
    struct pomex_seek *seek = op->own;
    int64_t at = POMEX_NEVER;
    if (seek->looks < LOOKS)
        at = pomex_clock_after(pomex_context_now(op->context), pauses[seek->looks]);
    seek->sorted = true;
    seek->listed = 0;
    seek->last = 0;
    if (at < op->deadline && set_page(op, 1))
        pomex_operation_pause(op, at);
    else
        pomex_operation_finish(op, give_up(op));
}

static bool seek_request(pomex_operation *op, pomex_request *r)
{
    r->url = pomex_request_url(op);
    r->authorized = true;
    r->fresh = true; /* a cached page has an old Date */
    return true;
}

/* ------------------------------------------------------------------------------- the answer */

/* What a body says to let the service choose. */
static bool is_open(const json_t *asked)
{
    const char *text = json_string_value(asked);
    return json_is_null(asked) || (text && strcmp(text, "adaptive") == 0) ||
           (json_is_number(asked) && json_number_value(asked) < 0);
}

static bool is_equal(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b))
        return json_number_value(a) >= json_number_value(b) &&
               json_number_value(a) <= json_number_value(b);
    return json_equal(a, b);
}

/* Whether the task says nothing else than the body of the create, where both say something. */
static bool is_alike(const json_t *body, const json_t *item)
{
    const char *key;
    json_t *asked;
    json_object_foreach((json_t *)(uintptr_t)body, key, asked)
    {
        const json_t *said = json_object_get(item, key);
        if (said && !json_is_null(said) && strcmp(key, "content") != 0 && !is_open(asked) &&
            !is_equal(asked, said))
            return false;
    }
    return true;
}

static bool is_listed(const json_t *ids, const char *id)
{
    size_t i;
    json_t *one;
    json_array_foreach((json_t *)(uintptr_t)ids, i,
                       one) if (strcmp(json_string_value(one), id) == 0) return true;
    return false;
}

/* Reads the items of a page, and adds those that can be the create's to the candidates. Whether one
 * is taken unasked goes by all of them. */
static void read_items(struct pomex_seek *seek, const json_t *items, time_t since, time_t sent,
                       time_t until)
{
    size_t i;
    json_t *item;
    json_array_foreach((json_t *)(uintptr_t)items, i, item)
    {
        const char *id = pomex_json_string(item, "id");
        time_t made = pomex_task_time(item);
        seek->listed++;
        seek->sorted = seek->sorted && made >= 0 && (!seek->last || made <= seek->last);
        seek->last = made;
        if (!id || made < since || made > until || !is_alike(seek->body, item) ||
            !pomex_held_by_nobody(id, seek->now) || is_listed(seek->candidates, id))
            continue;
        json_array_append(seek->candidates, json_object_get(item, "id"));
        if (made >= sent - BEFORE)
            json_array_append(seek->likely, json_object_get(item, "id"));
        json_decref(seek->found);
        seek->found = json_incref(item);
    }
}

/* What follows a page. A service can have smaller pages than it was asked for, not say how many items
 * there are, and ignore which page it was asked for. */
enum next { NEXT_PAGE, ALL_SEEN, NOT_ALL };

static enum next next_of(struct pomex_seek *seek, const json_t *page, const json_t *items,
                         time_t since)
{
    json_t *id = json_object_get(json_array_get(items, 0), "id");
    const json_t *total = json_object_get(page, "total_count");
    if (!total)
        total = json_object_get(page, "total");
    if (json_array_size(items) == 0 || (seek->sorted && seek->last < since) ||
        (json_is_number(total) && json_number_value(total) <= (double)seek->listed))
        return ALL_SEEN;
    bool same = seek->page > 1 && json_equal(id, seek->first);
    json_decref(seek->first);
    seek->first = json_incref(id);
    return same || seek->page == PAGES ? NOT_ALL : NEXT_PAGE;
}

/* The operation has succeeded: the one task that can be it is taken for it. */
static void adopt(pomex_operation *op)
{
    struct pomex_seek *seek = op->own;
    size_t length;
    if (!json_object_get(seek->found, "object"))
        json_object_set_new(seek->found, "object", json_string("video.generation.task"));
    char *text = pomex_json_text(seek->found, &length);
    char *id = strdup(pomex_json_string(seek->found, "id"));
    pomex_buffer_clear(&op->reply);
    bool kept = text && id && pomex_buffer_append(&op->reply, text, length, POMEX_MAX_BODY);
    free(text);
    op->endpoint = pomex_endpoint_of(POMEX_GENERATION_CREATE);
    op->attempts = seek->attempts;
    op->status = 200;
    if (!kept) {
        free(id);
        pomex_operation_finish(op, pomex_error_lost(true));
        return;
    }
    op->object_id = id;
    pomex_created_add(&op->context->created, id, pomex_context_now(op->context));
    pomex_held_note(id, pomex_context_recent(op->context));
    pomex_operation_finish(op, NULL);
}

static void look_is_over(pomex_operation *op, bool all)
{
    struct pomex_seek *seek = op->own;
    seek->looks++;
    size_t count = json_array_size(seek->candidates);
    if (count == 1 && all && op->adopts &&
        pomex_held_is_alone(op->creating, pomex_context_recent(op->context)))
        adopt(op);
    else if (count)
        pomex_operation_finish(op, give_up(op));
    else
        look_again(op);
}

/* Reads a page. The attempt's time by the service's clock is counted back from the Date of this
 * answer; without one nothing is known of it. */
static void read_page(pomex_operation *op, const pomex_outcome *o, const json_t *page,
                      const json_t *items)
{
    struct pomex_seek *seek = op->own;
    time_t date = o->reply->date[0] ? curl_getdate(o->reply->date, NULL) : -1;
    int64_t now = boottime(op);
    bool forgotten = now - seek->sent_at > POMEX_HELD_SECONDS * POMEX_SECOND;
    if (date < 0 || forgotten || !seek->candidates || !seek->likely) {
        pomex_operation_finish(op, give_up(op));
        return;
    }
    time_t since = date - (time_t)((now - seek->sent_at + SLACK) / POMEX_SECOND) - 1;
    time_t sent = date - (time_t)((now - seek->sent_at) / POMEX_SECOND);
    time_t until = date - (time_t)((now - seek->ended_at - SLACK) / POMEX_SECOND) + 1;
    seek->now = pomex_context_recent(op->context);
    read_items(seek, items, since, sent, until);
    enum next next = next_of(seek, page, items, since);
    if (next == NEXT_PAGE && set_page(op, seek->page + 1))
        pomex_attempt_go_on(op);
    else
        look_is_over(op, next == ALL_SEEN);
}

static void seek_ended(pomex_operation *op, const pomex_outcome *o)
{
    bool answered = o->ending == POMEX_ANSWERED;
    bool again = pomex_retry_transient(o);
    json_t *page = answered && o->status >= 200 && o->status < 300
                       ? pomex_json_parse(op->reply.data, op->reply.length)
                       : NULL;
    const json_t *items = json_object_get(page, "items");
    if (!items)
        items = json_object_get(page, "data");
    if (json_is_array(items))
        read_page(op, o, page, items);
    else if (again && !o->refused_there)
        look_is_over(op, false);
    else
        pomex_operation_finish(op, give_up(op)); /* there is no such list */
    json_decref(page);
}

static void seek_rang(pomex_operation *op)
{
    if (op->state == POMEX_PAUSED)
        pomex_queue_add(op);
    else
        pomex_operation_finish(op, give_up(op));
}

static const pomex_stage seek_stage = {
    .request = seek_request,
    .ended = seek_ended,
    .rang = seek_rang,
    .attempt_deadline = pomex_attempt_deadline,
    .cancelled = give_up,
    .starved = give_up, /* the create is as much in doubt as before */
};

void pomex_seek_begin(pomex_operation *op, const pomex_outcome *o, pomex_error *error)
{
    struct pomex_seek *seek = calloc(1, sizeof *seek);
    if (!seek) {
        pomex_operation_finish(op, pomex_outcome_ambiguous(op, error));
        return;
    }
    int64_t now = boottime(op);
    *seek = (struct pomex_seek){.error = error,
                                .body = pomex_json_parse(op->body, op->body_length),
                                .candidates = json_array(),
                                .likely = json_array(),
                                .sent_at = now - (pomex_context_now(op->context) - o->sent_at),
                                .ended_at = now,
                                .attempts = op->attempts};
    op->own = seek;
    op->kind = &seek_kind;
    op->stage = &seek_stage;
    op->endpoint = pomex_endpoint_of(POMEX_GENERATION_LIST);
    look_again(op);
}
