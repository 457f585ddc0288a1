#include "operation/roster.h"

#include "operation/operation.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

/* How long a wait whose look is due leaves it to the pages that are on their way. */
#define PATIENCE POMEX_SECOND

/* How long a carrier waits for its turn: other clients of the account can use its lists up. */
#define TURN (2 * POMEX_SECOND)

/* Pages set out one after the other, so that the caller's own list finds a slot soon, as does the
 * page that must follow another. Where lists have no limit this is the pause between two. */
#define USUAL_GAP (POMEX_SECOND / 10)
#define WINDOW    1.05 /* seconds of the limiter's window */

static pomex_roster *roster_of(const pomex_member *m)
{
    return &m->op->context->roster;
}

/* ------------------------------------------------------------------------------ the groups */

static int by_id(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Whether the text can stand in a query: it is UTF-8. */
static bool is_text(const char *id)
{
    json_t *text = json_string(id);
    json_decref(text);
    return text != NULL && *id;
}

/* The group with this id, made if there is none yet. NULL: no memory, or it can be none. */
static pomex_group *group_of(pomex_roster *r, const char *id)
{
    char **found = tfind(id, &r->groups, by_id);
    if (found)
        return POMEX_HOLDER(*found, pomex_group, id);
    pomex_group *g = is_text(id) ? calloc(1, sizeof *g + strlen(id) + 1) : NULL;
    if (!g)
        return NULL;
    memcpy(g->id, id, strlen(id) + 1);
    pomex_list_init(&g->members);
    g->next = g->newest = 1;
    if (tsearch(g->id, &r->groups, by_id))
        return g;
    free(g);
    return NULL;
}

void pomex_roster_hold(pomex_group *g)
{
    g->count++;
}

void pomex_roster_release(pomex_roster *r, pomex_group *g)
{
    if (--g->count)
        return;
    tdelete(g->id, &r->groups, by_id);
    free(g);
}

static void depart(pomex_member *m)
{
    pomex_group *g = m->group;
    pomex_roster_looked(m);
    pomex_list_remove(&m->in_group);
    m->group = NULL;
    m->page = 0;
    if (g)
        pomex_roster_release(roster_of(m), g);
}

void pomex_roster_join(pomex_member *m, pomex_operation *op, const char *group, int64_t last)
{
    m->op = op;
    m->last = last;
    pomex_list_append(&roster_of(m)->strangers, &m->in_group);
    if (group)
        pomex_roster_learn(m, group);
}

void pomex_roster_learn(pomex_member *m, const char *id)
{
    if (m->group && strcmp(m->group->id, id) == 0)
        return;
    pomex_group *g = group_of(roster_of(m), id);
    if (!g)
        return; /* then it is looked at alone */
    depart(m);
    pomex_roster_hold(g);
    pomex_list_append(&g->members, &m->in_group);
    m->group = g;
    m->page = g->last; /* most are new, and so on the last page */
}

void pomex_roster_leave(pomex_member *m)
{
    if (m->op)
        depart(m);
}

/* ------------------------------------------------------------------------------- the turns */

/* The place of the member among those that ask; `m` is NULL: a free one. NULL: there is none. */
static pomex_member **place_of(pomex_roster *r, const pomex_member *m)
{
    for (int i = 0; i < POMEX_ROSTER_CARRIERS; i++)
        if (r->asking[i] == m)
            return &r->asking[i];
    return NULL;
}

static void leave_due(pomex_member *m)
{
    if (!pomex_list_linked(&m->in_due))
        return;
    pomex_list_remove(&m->in_due);
    m->group->due--;
}

void pomex_roster_looked(pomex_member *m)
{
    if (!m->op)
        return;
    leave_due(m);
    m->waited = false;
    if (!m->carries)
        return;
    pomex_roster *r = roster_of(m);
    if (r->next == m)
        r->next = NULL;
    pomex_member **place = place_of(r, m);
    if (place)
        *place = NULL;
    m->group->carriers--;
    m->carries = m->newest = false;
    m->asked = 0;
    pomex_queue_leave(m->op);
    m->op->endpoint = pomex_endpoint_of(POMEX_ASSET_GET);
}

bool pomex_roster_wants_newest(const pomex_group *g, int64_t now)
{
    return g->count > POMEX_ROSTER_PAGE && now >= g->newest_at;
}

/* Whether a page can be asked for on behalf of this member now. Where nothing limits the gets, single
 * looks answer sooner. */
static bool can_carry(const pomex_member *m)
{
    const pomex_group *g = m->group;
    const pomex_context *c = m->op->context;
    int64_t now = pomex_context_recent(c);
    return c->settings->options.rate_limits[POMEX_ASSET_GET] > 0 &&
           g->count >= POMEX_ROSTER_PAYS && now >= g->not_before &&
           (m->page || now >= g->search_at || pomex_roster_wants_newest(g, now));
}

/* Whether the group's pages on their way are as many as its due waits are worth. */
static bool has_enough(const pomex_group *g)
{
    return g->carriers > (g->last ? g->due / POMEX_ROSTER_PAGE : 0);
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void queue_page(const pomex_member *m)
{
    pomex_operation *op = m->op;
    int64_t until = pomex_context_recent(op->context) + TURN;
    pomex_queue_add(op);
    pomex_timer_set(&op->context->timers, &op->timer, sooner(until, m->last));
}

/* The member's next request is one for a page. */
static void carry(pomex_member *m)
{
    pomex_operation *op = m->op;
    pomex_roster *r = roster_of(m);
    leave_due(m);
    pomex_queue_leave(op);
    r->next = m;
    m->carries = true;
    m->group->carriers++;
    op->endpoint = pomex_endpoint_of(POMEX_ASSET_LIST);
    if (r->page_at <= pomex_context_recent(op->context))
        queue_page(m);
    else
        pomex_operation_pause(op, sooner(r->page_at, m->last));
}

void pomex_roster_asks(pomex_member *m)
{
    pomex_context *c = m->op->context;
    pomex_roster *r = &c->roster;
    double rate = c->settings->options.rate_limits[POMEX_ASSET_LIST];
    *place_of(r, NULL) = m; /* serve saw to it that there is one */
    r->next = NULL;
    r->page_at =
        pomex_context_recent(c) + (rate > 0 ? pomex_clock_ns(WINDOW / rate) : USUAL_GAP);
    pomex_roster_serve(r);
}

void pomex_roster_serve(pomex_roster *r)
{
    if (!place_of(r, NULL))
        return;
    for (pomex_node *node = r->due.next; !r->next && node != &r->due;) {
        pomex_member *m = POMEX_HOLDER(node, pomex_member, in_due);
        node = node->next;
        if (!can_carry(m))
            leave_due(m); /* it is queued for a look alone, or will be within PATIENCE */
        else if (!has_enough(m->group))
            carry(m);
    }
}

bool pomex_roster_due(pomex_member *m)
{
    if (!m->group)
        return false;
    if (m->carries && m->op->state == POMEX_PAUSED) {
        queue_page(m);
        return true;
    }
    if (m->carries || !can_carry(m)) {
        pomex_roster_looked(m); /* its turn did not come, or there is no page for it */
        return false;
    }
    if (!pomex_list_linked(&m->in_due)) {
        pomex_list_append(&roster_of(m)->due, &m->in_due);
        m->group->due++;
    }
    pomex_roster_serve(roster_of(m));
    if (m->carries || m->waited)
        return m->carries;
    int64_t at = pomex_context_recent(m->op->context) + PATIENCE;
    m->waited = true;
    pomex_operation_pause(m->op, sooner(at, m->last));
    return true;
}
