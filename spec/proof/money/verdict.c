/* Compares what each call was told with what the service has and what the network saw. */
#include "run.h"

#include <stdio.h>
#include <string.h>

#define SHOWN 10

/* Written this long before the step that asked the sockets last, an answer had arrived: a kernel
 * with twenty programs for two processors was seen to take 1.3 s for the way. */
#define ARRIVED INT64_C(3000000000)

static const char *const kind_names[] = {"generation", "raw generation", "upload",
                                         "session",    "asset get",      "task get",
                                         "list",       "wait",           "download"};
static const char *const told_names[] = {"pending", "good", "nothing", "ambiguous"};

static bool is_billed(const run_call *c)
{
    return c->kind == GENERATION || c->kind == RAW;
}

static bool leaves_a_trace(const run_call *c)
{
    return is_billed(c) || c->kind == UPLOAD;
}

/* ------------------------------------------------------------------------- what there is */

static void note_made(run_call *calls, size_t count, const char *mark, const char *id)
{
    long number = network_mark(mark ? mark : "");
    if (number < 0 || (size_t)number >= count || !id)
        return;
    run_call *c = &calls[number];
    c->made++;
    c->has_id |= strcmp(c->id, id) == 0;
    snprintf(c->made_id, ID_SIZE, "%s", id);
}

static bool read_ledger(const sandbox *sb, run_call *calls, size_t count)
{
    json_t *ledger = sandbox_ask(sb, "GET", "/_sandbox/ledger", NULL), *entry;
    size_t i;
    json_array_foreach(json_object_get(ledger, "entries"), i, entry)
        note_made(calls, count, json_string_value(json_object_get(entry, "prompt")),
                  json_string_value(json_object_get(entry, "id")));
    bool read = ledger != NULL;
    json_decref(ledger);
    return read;
}

static bool read_assets(const sandbox *sb, const char *group, run_call *calls, size_t count)
{
    size_t i, total = 1;
    for (size_t page = 1; (page - 1) * 100 < total; page++) {
        char path[192];
        json_t *item;
        snprintf(path, sizeof path,
                 "/v1/video/assets?limit=100&page=%zu&sort_by=create_time&sort_order=asc%s%s",
                 page, *group ? "&group_id=" : "", group);
        json_t *list = sandbox_ask(sb, "GET", path, NULL);
        if (!list)
            return false;
        total = (size_t)json_integer_value(json_object_get(list, "total_count"));
        json_array_foreach(json_object_get(list, "items"), i, item)
            note_made(calls, count, json_string_value(json_object_get(item, "url")),
                      json_string_value(json_object_get(item, "id")));
        json_decref(list);
    }
    return true;
}

/* ---------------------------------------------------------------------------- the promises */

/* A 4xx by which nothing was done, and no doubt about it. */
static bool is_plain_refusal(int status)
{
    return status >= 400 && status < 500 && status != 408 && status != 409 && status != 425 &&
           status != 429;
}

/* Attempts that were sent, and not answered, against what was told: each call is in doubt only
 * if one was, or if an answer says nothing of what was done. */
static const char *badly_sent(const run_call *c)
{
    if (c->left < c->answered || (c->made && !c->left))
        return "answered or made, and never sent: the count of what was sent is wrong";
    if (c->told == AMBIGUOUS && c->left + c->unwritten == c->answered && c->status == 0)
        return "ambiguous, though nothing was sent";
    if (c->told == NOTHING && c->left > c->answered)
        return "sent and not answered, and called not made";
    return NULL;
}

/* What was promised and not kept; NULL: nothing. */
static const char *broken(const run_call *c)
{
    if (c->ends != 1 || c->done_events != 1)
        return "it did not end exactly once";
    if (c->wrong)
        return "the answer is another's, or no answer, or what is said of the money is wrong";
    if (!leaves_a_trace(c))
        return c->told == AMBIGUOUS ? "ambiguous, though nothing can be made by it" : NULL;
    /* A service that refuses what it has carried out is believed, unless told not to. */
    unsigned spare = is_billed(c) && c->unsent_only && c->kind != RAW ? 0 : c->lies;
    if (c->kind == RAW && c->seen > 1)
        return "a request of the caller's own was sent again";
    if (c->made > 1 + spare)
        return "made twice";
    if (c->told == NOTHING && c->made > spare)
        return "made, and called not made";
    if (c->told == GOOD && c->kind != RAW && !c->has_id)
        return "the id given is not that of what was made";
    if (c->told == AMBIGUOUS && is_plain_refusal(c->status) && !c->stopped)
        return "ambiguous, though it was plainly refused";
    if (c->told != GOOD && !c->stopped && c->good_at && c->good_at + ARRIVED < c->ended_at)
        return "the answer lay in the socket and was not read";
    return badly_sent(c);
}

static void show(const run_call *c, const run_call *calls, const char *why)
{
    printf("call %zu (%s): %s\n", (size_t)(c - calls), kind_names[c->kind], why);
    printf("  told %s, id \"%s\"; made %u\n", told_names[c->told], c->id, c->made);
    if (c->type)
        printf("  %s%s%s: %s\n", c->type, c->cause ? " of " : "", c->cause ? c->cause : "",
               c->message);
    printf(
        "  begun %d times, sent %u, unwritten %u, seen %u, answered %u, lies %u, status %d\n",
        c->posts, c->left, c->unwritten, c->seen, c->answered, c->lies, c->status);
    printf("  last struck by %s%s%s\n", c->struck ? c->struck : "nothing that was seen",
           c->stopped ? "; stopped" : "", c->unsent_only ? "; unsent only" : "");
    if (c->good_at)
        printf("  answered %.3f s after it began; its attempt ended by the look at %.3f s\n",
               (double)(c->good_at - c->began) / 1e9, (double)(c->ended_at - c->began) / 1e9);
}

/* Whose it is, if the id that was given is another's. */
static void show_owner(const run_call *c, const run_call *calls, size_t count)
{
    for (size_t i = 0; c->id[0] && !c->has_id && i < count; i++) {
        if (strcmp(calls[i].made_id, c->id) == 0) {
            printf("  the id is that of:\n");
            show(&calls[i], calls, "the other");
        }
    }
}

size_t verdict_of(const sandbox *sb, const char groups[2][ID_SIZE], run_call *calls,
                  size_t count)
{
    size_t wrong = 0;
    if (!read_ledger(sb, calls, count) || !read_assets(sb, "", calls, count) ||
        !read_assets(sb, groups[0], calls, count) ||
        !read_assets(sb, groups[1], calls, count)) {
        printf("the ledger could not be read\n");
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        const char *why = broken(&calls[i]);
        if (why && wrong++ < SHOWN) {
            show(&calls[i], calls, why);
            show_owner(&calls[i], calls, count);
        }
    }
    return wrong;
}

void verdict_print(const run_call *calls, size_t count)
{
    size_t sums[KINDS][TOLD] = {{0}}, made[KINDS][TOLD] = {{0}}, all[KINDS] = {0}, again = 0;
    size_t twice = 0, unseen = 0, unwritten = 0;
    for (size_t i = 0; i < count; i++) {
        const run_call *c = &calls[i];
        sums[c->kind][c->told]++;
        made[c->kind][c->told] += c->made > 0;
        all[c->kind] += c->made;
        again += c->posts > 1;
        twice += is_billed(c) && c->made > 1;
        unseen += c->told == AMBIGUOUS && c->seen == 0 && c->left > 0;
        unwritten += c->told == AMBIGUOUS && c->left == 0;
    }
    printf("%-16s %8s %10s %10s %16s %10s\n", "", "good", "not made", "ambiguous",
           "(of it made)", "made in all");
    for (int k = 0; k < KINDS; k++)
        printf("%-16s %8zu %10zu %10zu %16zu %10zu\n", kind_names[k], sums[k][GOOD],
               sums[k][NOTHING], sums[k][AMBIGUOUS], made[k][AMBIGUOUS], all[k]);
    printf("begun more than once: %zu; tasks made twice, by a service that refused the first: "
           "%zu\n",
           again, twice);
    printf("ambiguous and never seen: %zu that lay in connections which were cut, %zu of which "
           "the first write failed\n",
           unseen, unwritten);
}
