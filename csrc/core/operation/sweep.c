#include "operation/sweep.h"

#include "base/json.h"
#include "operation/attempt.h"
#include "operation/lookup.h"
#include "operation/outcome.h"
#include "operation/request.h"
#include "operation/retry.h"
#include "operation/wait.h"
#include "operation/waiting.h"
#include "rules/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE POMEX_ROSTER_PAGE

/* Pauses, in seconds, of which each is twice the one before: between pages of the newest final ones
 * that ended no wait; and after pages that did not pay, or lists that failed. */
#define NEWEST_PAUSE   1.0
#define NEWEST_LONGEST 8.0
#define PAUSE          5.0
#define PAUSE_LONGEST  60.0

static int64_t after_pause(pomex_operation *op, double *pause, double least, double most)
{
    double twice = 2 * *pause;
    *pause = twice < least ? least : twice > most ? most : twice;
    return pomex_clock_after(pomex_context_now(op->context), *pause);
}

/* ------------------------------------------------------------------------------ the request */

static bool is_asked(const pomex_operation *op, const pomex_group *g, unsigned page)
{
    const pomex_roster *r = &op->context->roster;
    for (int i = 0; i < POMEX_ROSTER_CARRIERS; i++) {
        const pomex_member *m = r->asking[i];
        if (m && m->group == g && !m->newest && m->asked == page)
            return true;
    }
    return false;
}

/* Chooses the page. One that is on its way already needs no second request; the waits of the page
 * before it are the next that are due. */
static void choose(pomex_operation *op, pomex_member *m)
{
    pomex_group *g = m->group;
    int64_t now = pomex_context_now(op->context);
    if (pomex_roster_wants_newest(g, now)) {
        m->newest = true;
        m->asked = g->newest;
        g->newest_at = pomex_clock_after(now, NEWEST_PAUSE);
        return;
    }
    unsigned page = m->page ? m->page : g->next;
    for (int i = 0; i < POMEX_ROSTER_CARRIERS && is_asked(op, g, page); i++)
        page = page > 1 ? page - 1 : g->last;
    m->asked = page;
}

char *pomex_sweep_url(pomex_operation *op)
{
    struct pomex_wait *w = op->own;
    pomex_member *m = &w->member;
    pomex_buffer url = {0};
    char order[128];
    if (!m->asked) { /* else it asks again, since it found no room */
        choose(op, m);
        pomex_roster_asks(m);
    }
    snprintf(order, sizeof order, "&limit=%d&page=%u&sort_by=%s", PAGE, m->asked,
             m->newest ? "update_time&sort_order=desc&status=active%2Cfailed"
                       : "create_time&sort_order=asc");
    json_t *group = json_string(m->group->id);
    bool made = group && pomex_buffer_puts(&url, op->context->settings->base_url) &&
                pomex_buffer_puts(&url, op->endpoint->path) &&
                pomex_request_append_field(&url, "group_id", group) &&
                pomex_buffer_puts(&url, order);
    json_decref(group);
    if (made)
        return url.data;
    pomex_buffer_free(&url);
    return NULL;
}

/* ------------------------------------------------------------------------------- the answer */

/* Whether the item of a list says all that a look at the asset would. The document shows the same
 * fields in both; why an asset failed it shows in neither, so that is asked for. */
static bool is_whole(const json_t *item, enum pomex_status_class class)
{
    return class == POMEX_FAILED ? json_object_get(item, "error") != NULL
                                 : pomex_json_string(item, "url") != NULL;
}

/* The page that the carrier asked for counts as a look of this wait, too. */
static void take_answer_of(pomex_operation *op, const pomex_operation *carrier)
{
    op->attempts++;
    op->status = carrier->status;
    free(op->request_id);
    op->request_id = carrier->request_id ? strdup(carrier->request_id) : NULL;
}

/* A page that `carrier` asked for at `asked_at` shows the asset as `item`. */
static void show(pomex_operation *op, const json_t *item, const pomex_operation *carrier,
                 int64_t asked_at)
{
    struct pomex_wait *w = op->own;
    const char *status = pomex_json_string(item, "status");
    if (!status)
        return;
    bool carried = w->member.carries;
    pomex_roster_looked(&w->member);
    enum pomex_status_class class = pomex_rules_status_class(POMEX_ASSET_GET, status);
    bool kept = class != POMEX_GOING_ON || w->updates;
    if (kept && (!is_whole(item, class) || !pomex_lookup_keep(op, item))) {
        if (carried || op->state != POMEX_QUEUED)
            pomex_queue_add(op);
        return;
    }
    pomex_waiting_read(op, status);
    w->mark = 0; /* the next look at the asset alone is read, whatever it says */
    w->trouble = NULL;
    w->last_at = asked_at;
    if (op != carrier)
        take_answer_of(op, carrier);
    if (!pomex_waiting_go_by(op, class, item))
        return;
    if (pomex_waiting_looks_alone(op) && !carried)
        return; /* it goes on to its own look */
    pomex_queue_leave(op);
    if (pomex_waiting_looks_alone(op))
        pomex_queue_add(op);
    else
        pomex_wait_rest(op, 0);
}

/* The items of the page under their ids; NULL: it has none, or no memory. */
static json_t *read_items(const json_t *page)
{
    const json_t *items = json_object_get(page, "items");
    json_t *by_id = json_is_array(items) ? json_object() : NULL;
    size_t i;
    json_t *item;
    json_array_foreach(items, i, item)
    {
        const char *id = pomex_json_string(item, "id");
        if (id && by_id && json_object_set(by_id, id, item) != 0) {
            json_decref(by_id);
            return NULL;
        }
    }
    return by_id;
}

/* A page that is being read. */
struct page {
    pomex_operation *carrier;
    pomex_group *group;
    const json_t *by_id;
    unsigned number;
    bool newest;
    int64_t asked_at;
};

/* Finds who of the list waits for an item, and returns how many they are. Those whom the page should
 * have shown, and did not, are perhaps on the last one. */
static size_t find(const struct page *page, const pomex_node *list)
{
    size_t count = 0;
    for (pomex_node *node = list->next; node != list; node = node->next) {
        pomex_member *m = POMEX_HOLDER(node, pomex_member, in_group);
        m->shown = json_object_get(page->by_id, m->op->object_id) != NULL;
        count += m->shown;
        if (!m->shown && !page->newest && m->page == page->number)
            m->page = page->number < page->group->last ? page->group->last : 0;
    }
    return count;
}

/* Shows the page to those whom `find` found, and returns how many waits that ended. */
static size_t show_all(const struct page *page, const pomex_node *list, bool paid)
{
    size_t ended = 0;
    for (pomex_node *node = list->next, *next; node != list; node = next) {
        pomex_member *m = POMEX_HOLDER(node, pomex_member, in_group);
        pomex_operation *op = m->op;
        next = node->next;
        if (!m->shown || (op->state == POMEX_FLYING && op != page->carrier))
            continue; /* if it flies, its own look is under way */
        m->shown = false;
        pomex_roster_learn(m, page->group->id);
        if (!page->newest)
            m->page = paid ? page->number : 0;
        show(op, json_object_get(page->by_id, op->object_id), page->carrier, page->asked_at);
        ended += op->state == POMEX_DONE;
    }
    return ended;
}

/* What a page of the newest final ones says of when the next one comes. */
static void plan_newest(pomex_operation *op, pomex_group *g, unsigned page, size_t ended)
{
    bool more = ended >= PAGE / 2; /* those behind it have perhaps not been seen either */
    g->newest = more ? page + 1 : 1;
    if (ended || page > 1)
        g->newest_pause = 0;
    g->newest_at = more ? 0 : after_pause(op, &g->newest_pause, NEWEST_PAUSE, NEWEST_LONGEST);
}

/* Which page is the last, as a page of all says. */
static unsigned last_page(unsigned page, const json_t *answer)
{
    const json_t *total = json_object_get(answer, "total_count");
    double all = json_is_number(total) ? json_number_value(total) : 0;
    if (all > 0 && all < 1e9)
        return (unsigned)((all + PAGE - 1) / PAGE);
    return page + (json_array_size(json_object_get(answer, "items")) >= PAGE);
}

/* Which page can show those that no page has shown: the last, which has the latest; then page by
 * page those before it, as long as they pay. `far`: it was the first page, and is not the last. */
static void plan_search(pomex_operation *op, pomex_group *g, unsigned page, bool paid, bool far)
{
    if (paid)
        g->search_pause = 0;
    if (page != g->next && g->next <= g->last)
        return;
    bool more = paid && page > 1;
    g->next = more ? page - 1 : g->last;
    if (!more && !far)
        g->search_at = after_pause(op, &g->search_pause, PAUSE, PAUSE_LONGEST);
}

static void read_page(pomex_operation *op, const json_t *answer, const json_t *by_id)
{
    const struct pomex_wait *w = op->own;
    const pomex_member *m = &w->member;
    pomex_group *g = m->group;
    pomex_node *strangers = &op->context->roster.strangers;
    const struct page page = {op, g, by_id, m->asked, m->newest, w->last_at};
    bool first = g->last == 0;
    if (!page.newest)
        g->last = last_page(page.number, answer);
    size_t count = find(&page, &g->members);
    count += find(&page, strangers);
    bool paid = count >= POMEX_ROSTER_PAYS;
    size_t ended = show_all(&page, &g->members, paid);
    ended += show_all(&page, strangers, paid);
    if (page.newest)
        plan_newest(op, g, page.number, ended);
    else
        plan_search(op, g, page.number, paid, first && g->last > page.number);
}

static void note_failure(pomex_operation *op, pomex_group *g, const pomex_outcome *o)
{
    int64_t obeyed =
        pomex_clock_after(pomex_context_now(op->context), pomex_retry_obeyed(o->retry_after));
    int64_t at = after_pause(op, &g->trouble_pause, PAUSE, PAUSE_LONGEST);
    g->not_before = at > obeyed ? at : obeyed;
}

/* The page did not show the carrier's own asset. `again`: another page can. */
static void go_on(pomex_operation *op, const pomex_outcome *o, bool again)
{
    struct pomex_wait *w = op->own;
    pomex_roster_looked(&w->member);
    if (o->ending == POMEX_CANCELLED) {
        pomex_waiting_end(op, pomex_outcome_error(op, o, &w->look));
        return;
    }
    pomex_attempt_uncount(op);
    if (again)
        pomex_wait_look(op);
    else
        pomex_queue_add(op);
}

void pomex_sweep_ended(pomex_operation *op, const pomex_outcome *o)
{
    struct pomex_wait *w = op->own;
    pomex_member *m = &w->member;
    pomex_group *g = m->group;
    pomex_roster *r = &op->context->roster;
    bool answered = o->ending == POMEX_ANSWERED && o->status >= 200 && o->status < 300;
    json_t *answer = answered ? pomex_json_parse(w->look.data, w->look.length) : NULL;
    json_t *by_id = read_items(answer);
    bool again = m->newest && by_id;
    pomex_buffer_free(&w->look);
    pomex_roster_hold(g);
    if (by_id) {
        g->trouble_pause = 0;
        read_page(op, answer, by_id);
    } else if (o->ending != POMEX_CANCELLED) {
        note_failure(op, g, o);
    }
    if (m->carries)
        go_on(op, o, again);
    pomex_roster_release(r, g);
    pomex_roster_serve(r);
    json_decref(by_id);
    json_decref(answer);
}
