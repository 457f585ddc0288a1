#include "gallery.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEVER 1e18

double gallery_now(const gallery *g)
{
    return (double)g->h.ahead / 1e9;
}

/* ------------------------------------------------------------------------------ its answers */

static const char *status_of(const gallery_asset *a, double now)
{
    return now < a->ready ? "processing" : a->failed ? "failed" : "active";
}

static void write_asset(const gallery *g, FILE *out, size_t i, double now, bool item)
{
    const gallery_asset *a = &g->assets[i];
    const char *status = status_of(a, now);
    fprintf(out, "{\"id\":\"asset-%zu\",%s\"group_id\":\"group-%zu\",\"status\":\"%s\"", i,
            item ? "" : "\"object\":\"video.asset\",", i % g->groups, status);
    if (!item || !g->bare)
        fprintf(out, ",\"url\":\"https://cdn.example/%zu\"", i);
    if (*status == 'f' && (!item || !g->bare))
        fprintf(out, ",\"error\":{\"message\":\"no face\"}");
    fputc('}', out);
}

static size_t number_in(const char *line, const char *key, size_t usual)
{
    const char *at = strstr(line, key);
    return at ? strtoul(at + strlen(key), NULL, 10) : usual;
}

static void write_list(gallery *g, FILE *out, const char *line)
{
    size_t group = number_in(line, "group_id=group-", 0), limit = number_in(line, "limit=", 10);
    size_t skip = (number_in(line, "&page=", 1) - 1) * limit, seen = 0;
    bool final = strstr(line, "status="), descending = strstr(line, "sort_order=desc");
    bool by_ready = strstr(line, "sort_by=update_time") && !g->unmoved;
    double now = gallery_now(g) - g->lag;
    fputs("{\"object\":\"list\",\"items\":[", out);
    for (size_t place = 0; place < g->count; place++) {
        size_t i = descending ? g->count - 1 - place : place;
        i = by_ready ? g->by_ready[i] : i;
        if (i % g->groups != group || i < g->hidden || (final && now < g->assets[i].ready))
            continue;
        if (seen >= skip && seen < skip + limit) {
            fputs(seen > skip ? "," : "", out);
            write_asset(g, out, i, now, true);
        }
        seen++;
    }
    fprintf(out, "],\"total_count\":%zu,\"page_size\":%zu}", seen, limit);
}

static bool choose(void *user, const fault_request *request, fault_step *step)
{
    gallery *g = user;
    char *text = NULL;
    size_t size;
    if (!request)
        return false;
    bool list = strncmp(request->line, "GET /v1/video/assets?", 21) == 0;
    bool upload = strncmp(request->line, "POST", 4) == 0;
    size_t asset = upload ? g->made : number_in(request->line, "/assets/asset-", g->count);
    *step = (fault_step){.status = list ? g->list_status : 0};
    FILE *out = open_memstream(&text, &size);
    if (list && !g->list_status)
        write_list(g, out, request->line);
    else if (upload)
        fprintf(out, "{\"id\":\"asset-%zu\",\"status\":\"processing\"}", asset);
    else if (!list && asset < g->count && !(g->gone && asset < g->hidden))
        write_asset(g, out, asset, gallery_now(g), false);
    fclose(out);
    step->body = text;
    if (!list && !size)
        step->status = 404;
    if (list && g->lists_hang) {
        size_t page = (size_t)1 << number_in(request->line, "&page=", 1);
        step->kind = FAULT_HANG;
        if (strstr(request->line, "create_time") && atomic_fetch_or(&g->hung, page) & page)
            atomic_store(&g->twice, true);
    }
    if (upload) {
        g->made += g->groups;
        return true;
    }
    atomic_fetch_add(list ? &g->lists : &g->gets, 1);
    atomic_fetch_add(&g->newest, list && strstr(request->line, "status="));
    return true;
}

static void followed(void *user, const fault_request *request, const fault_step *step,
                     const fault_result *result)
{
    (void)user;
    (void)request;
    (void)result;
    free((void *)(uintptr_t)step->body);
}

/* -------------------------------------------------------------------------------- its course */

void gallery_start(gallery *g, size_t count, size_t groups)
{
    memset(g, 0, sizeof *g);
    harness_start(&g->h, NULL, 0, false);
    harness_stop_clock(&g->h);
    g->count = count;
    g->groups = groups;
    g->assets = calloc(count, sizeof *g->assets);
    g->by_ready = calloc(count, sizeof *g->by_ready);
    assert_true(g->assets && g->by_ready);
    for (size_t i = 0; i < count; i++)
        g->assets[i].ready = NEVER;
    gallery_sort(g);
    g->h.options.rate_limits[POMEX_ASSET_LIST] = 10;
    g->h.options.rate_limits[POMEX_ASSET_GET] = 100;
    g->chooser = (fault_chooser){.choose = choose, .followed = followed, .user = g};
    fault_server_choose(g->h.server, &g->chooser);
}

void gallery_stop(gallery *g)
{
    harness_stop(&g->h);
    free(g->assets);
    free(g->by_ready);
}

static int by_readiness(const void *a, const void *b, void *user)
{
    const gallery *g = user;
    size_t i = *(const size_t *)a, j = *(const size_t *)b;
    double first = g->assets[i].ready, second = g->assets[j].ready;
    return first < second ? -1 : first > second ? 1 : i < j ? -1 : i > j;
}

void gallery_sort(gallery *g)
{
    for (size_t i = 0; i < g->count; i++)
        g->by_ready[i] = i;
    qsort_r(g->by_ready, g->count, sizeof *g->by_ready, by_readiness, g);
}

pomex_operation *gallery_wait(gallery *g, size_t asset, bool known, double timeout)
{
    char id[32], group[32];
    pomex_call_options options;
    pomex_call_options_init(&options);
    options.timeout = timeout;
    snprintf(id, sizeof id, "asset-%zu", asset);
    snprintf(group, sizeof group, "group-%zu", asset % g->groups);
    options.group = known ? group : NULL;
    pomex_operation *op =
        pomex_client_wait(g->h.client, POMEX_ASSET_GET, id, strlen(id), &options);
    assert_non_null(op);
    return op;
}

void gallery_settle(gallery *g)
{
    double end = harness_now() + 30;
    unsigned news;
    for (;;) {
        pomex_client_step(g->h.client, 0);
        while (pomex_client_next(g->h.client, &news))
            g->h.news |= news;
        bool busy = inside_in_flight(g->h.client) > 0;
        if (!busy && pomex_client_timeout(g->h.client) != 0)
            return;
        if (busy)
            pomex_client_poll(g->h.client, 0.01);
        if (harness_now() > end)
            fail_msg("the client did not come to rest");
    }
}

void gallery_pass(gallery *g, double seconds)
{
    int64_t end = g->h.ahead + pomex_clock_ns(seconds);
    for (;;) {
        gallery_settle(g);
        double until = pomex_client_timeout(g->h.client);
        double left = pomex_clock_seconds(end - g->h.ahead);
        if (until < 0 || until >= left)
            break;
        harness_advance(&g->h, until > 0.001 ? until : 0.001);
    }
    g->h.ahead = end;
    gallery_settle(g);
}
