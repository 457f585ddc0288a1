/* The network of the randomised run: what becomes of a request depends on the seed, on whose it
 * is, and on how often it came before, so that a seed strikes the same calls each time. */
#include "run.h"

#include "fault_wire.h"
#include "pomex.h"
#include "rules/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENVELOPE "{\"error\":{\"message\":\"a fault\",\"type\":\"x\"}}"

enum {
    DONE = 1,  /* may strike after the service has carried the request out */
    AFTER = 2, /* strikes only then */
    TLS = 4,   /* connections: where there is TLS */
    PLAIN = 8  /* … or is not */
};

typedef struct fault {
    const char *name;
    unsigned weight;
    unsigned flags;
    fault_step step; /* `cut` and `forward_cut` are most; each time it is another number */
} fault;

static char deep[600];

/* Of a thousand requests; the rest is handed on and answered. */
static const fault faults[] = {
    {"close", 35, DONE, {.kind = FAULT_CLOSE}},
    {"reset", 35, DONE, {.kind = FAULT_RESET}},
    {"reset within the body", 25, 0, {.kind = FAULT_RESET_WITHIN, .cut = 200}},
    {"request broken off", 30, AFTER, {.kind = FAULT_CLOSE, .forward_cut = 400}},
    {"answer cut", 40, AFTER, {.kind = FAULT_RELAY, .cut = 360}},
    {"answer cut by a reset", 20, AFTER, {.kind = FAULT_RELAY, .cut = 360, .reset = true}},
    {"answer dripped", 10, AFTER, {.kind = FAULT_DRIP, .delay = 0.00001}},
    {"answer late", 20, AFTER, {.kind = FAULT_RELAY, .delay = 0.006}},
    {"silence", 6, DONE, {.kind = FAULT_HANG}},
    {"429", 20, DONE, {.status = 429, .body = ENVELOPE}},
    {"429 with Retry-After", 10, DONE, {.status = 429, .headers = "Retry-After: 1\r\n"}},
    {"503 in an envelope", 20, DONE, {.status = 503, .body = ENVELOPE}},
    {"503 with Retry-After", 10, DONE, {.status = 503, .headers = "Retry-After: 2\r\n"}},
    {"503, bare", 10, DONE, {.status = 503, .body = "<html>"}},
    {"502", 20, DONE, {.status = 502, .body = ENVELOPE}},
    {"500", 10, DONE, {.status = 500, .body = ENVELOPE}},
    {"504", 10, DONE, {.status = 504}},
    {"522", 5, DONE, {.status = 522}},
    {"408", 10, DONE, {.status = 408}},
    {"409", 10, DONE, {.status = 409, .body = ENVELOPE}},
    {"425", 5, DONE, {.status = 425}},
    {"400", 10, 0, {.status = 400, .body = ENVELOPE}},
    {"401", 5, 0, {.status = 401, .body = ENVELOPE}},
    {"404", 10, 0, {.status = 404, .body = ENVELOPE}},
    {"417", 10, 0, {.status = 417}},
    {"redirect", 10, DONE, {.status = 307, .headers = "Location: /elsewhere\r\n"}},
    {"garbage", 10, DONE, {.kind = FAULT_RAW, .body = "\x15\x03\x01\x02P\r\n\r\n"}},
    {"truncated", 10, DONE, {.kind = FAULT_TRUNCATE, .body = "{\"id\":\"x\"}", .cut = 7}},
    {"headers without end", 4, DONE, {.kind = FAULT_ENDLESS_HEADERS}},
    {"body without end", 1, DONE, {.kind = FAULT_ENDLESS_BODY}},
    {"huge body", 1, DONE, {.size = POMEX_MAX_BODY + 1}},
    {"deep body", 5, DONE, {.body = deep}},
    {"no JSON", 10, DONE, {.body = "<html>welcome"}},
    {"empty", 5, DONE, {.body = ""}},
    {"array", 5, DONE, {.body = "[{\"id\":\"x\"}]"}},
    {"null", 5, DONE, {.body = "null"}},
    {"no id", 10, DONE, {.body = "{\"items\":7}"}},
    {"nothing listed", 10, 0, {.body = "{\"object\":\"list\",\"items\":[]}"}},
};

/* Of a thousand connections. */
static const fault connections[] = {
    {"closed at once", 15, TLS | PLAIN, {.kind = FAULT_CLOSE_AT_ONCE}},
    {"reset at once", 15, TLS | PLAIN, {.kind = FAULT_RESET_AT_ONCE}},
    {"reset within the handshake", 20, TLS, {.kind = FAULT_CUT_AT_ONCE, .cut = 517}},
    {"reset within the head", 10, PLAIN, {.kind = FAULT_CUT_AT_ONCE, .cut = 300}},
    {"no TLS", 15, TLS, {.kind = FAULT_RAW_AT_ONCE, .body = "HTTP/1.1 400 Bad\r\n\r\n"}},
    {"no handshake", 2, TLS, {.kind = FAULT_HANG_AT_ONCE}},
    {"a certificate of nobody's", 5, TLS, {.kind = FAULT_STRANGER}},
};

/* Of a thousand CONNECTs. */
static const fault ways[] = {
    {"proxy: 503", 50, 0, {.status = 503, .headers = "Retry-After: 1\r\n"}},
    {"proxy: 407", 50, 0, {.status = 407}},
    {"proxy: close", 50, 0, {.kind = FAULT_CLOSE}},
    {"proxy: silence", 4, 0, {.kind = FAULT_HANG}},
    {"proxy: dead TLS", 50, 0, {.kind = FAULT_RAW, .body = "HTTP/1.1 200 OK\r\n\r\n"}},
};

#define FAULTS      (sizeof faults / sizeof *faults)
#define CONNECTIONS (sizeof connections / sizeof *connections)
#define WAYS        (sizeof ways / sizeof *ways)
_Static_assert(FAULTS + CONNECTIONS + WAYS < MAX_FAULTS, "too many to count");

long network_mark(const char *text)
{
    const char *mark = strstr(text, "call-");
    char *end;
    if (!mark)
        return -1;
    long number = strtol(mark + 5, &end, 10);
    return end > mark + 5 && *end == '-' ? number : -1;
}

static run_call *call_of(const network *n, const fault_request *request)
{
    long number = network_mark(request->body);
    return number >= 0 && (size_t)number < n->count ? &n->calls[number] : NULL;
}

/* The one of `count` faults that strikes, if any of those with one of `flags` (0: of all). */
static const fault *draw(run_dice *dice, const fault *table, size_t count, unsigned flags)
{
    uint64_t at = dice_roll(dice, 1000);
    for (size_t i = 0; i < count; i++) {
        if (flags && !(table[i].flags & flags))
            continue;
        if (at < table[i].weight)
            return &table[i];
        at -= table[i].weight;
    }
    return NULL;
}

static void fill_step(const network *n, run_dice *dice, const fault *f, fault_step *step)
{
    *step = f->step;
    step->port = n->port;
    if (step->cut > 10)
        step->cut = 1 + dice_roll(dice, step->cut);
    if (step->forward_cut)
        step->forward_cut = 1 + dice_roll(dice, step->forward_cut);
    if (step->kind == FAULT_RELAY && step->delay > 0)
        step->delay *= (double)dice_roll(dice, 4);
    step->forward = f->flags & AFTER || (f->flags & DONE && dice_roll(dice, 2));
}

static bool choose_connection(network *n, fault_step *step)
{
    pthread_mutex_lock(&n->lock);
    run_dice dice = {run_hash(n->seed, 1, n->connections++)};
    const fault *f = draw(&dice, connections, CONNECTIONS, n->tls ? TLS : PLAIN);
    if (f) {
        n->struck[FAULTS + (size_t)(f - connections)]++;
        fill_step(n, &dice, f, step);
    }
    pthread_mutex_unlock(&n->lock);
    return f != NULL;
}

static bool choose(void *user, const fault_request *request, fault_step *step)
{
    network *n = user;
    if (!request)
        return choose_connection(n, step);
    pthread_mutex_lock(&n->lock);
    run_call *call = call_of(n, request);
    uint64_t which = call ? (uint64_t)(call - n->calls) << 8 | call->seen++ : n->requests++;
    run_dice dice = {run_hash(n->seed, call ? 2 : 3, which)};
    const fault *f = draw(&dice, faults, FAULTS, 0);
    /* A whole 200 with a body that says nothing of itself is a file like any other. */
    if (f && f->step.kind == FAULT_ANSWER && f->step.status == 0 &&
        !strstr(request->line, " /v1/"))
        f = NULL;
    if (call)
        call->struck = f ? f->name : "nothing";
    if (f) {
        n->struck[f - faults]++;
        fill_step(n, &dice, f, step);
    } else {
        *step = (fault_step){.kind = FAULT_RELAY, .port = n->port};
    }
    pthread_mutex_unlock(&n->lock);
    return true;
}

static bool is_polite(const fault_step *step)
{
    return step->kind == FAULT_ANSWER &&
           (step->status == 429 ||
            (step->status == 503 && (step->headers || strcmp(step->body, ENVELOPE) == 0)));
}

static void followed(void *user, const fault_request *request, const fault_step *step,
                     const fault_result *result)
{
    network *n = user;
    pthread_mutex_lock(&n->lock);
    run_call *call = call_of(n, request);
    if (!request->line[0]) { /* a connection's step: read or not, its request may have left */
        if (call)
            call->seen++;
    } else if (call) {
        call->lies += result->handed_on && is_polite(step);
        if (result->whole && result->status == 200 && result->body[0] == '{' &&
            (step->kind == FAULT_RELAY || step->kind == FAULT_DRIP))
            call->good_at = fault_wire_now();
    }
    pthread_mutex_unlock(&n->lock);
}

static bool choose_way(void *user, const fault_request *request, fault_step *step)
{
    network *n = user;
    if (!request)
        return false;
    pthread_mutex_lock(&n->lock);
    run_dice dice = {run_hash(n->seed, 4, n->requests++)};
    const fault *f = draw(&dice, ways, WAYS, 0);
    if (f) {
        n->struck[FAULTS + CONNECTIONS + (size_t)(f - ways)]++;
        fill_step(n, &dice, f, step);
    } else {
        *step = (fault_step){.kind = FAULT_TUNNEL, .port = n->proxy_port};
    }
    pthread_mutex_unlock(&n->lock);
    return true;
}

bool network_start(network *n, const sandbox *sb, uint64_t seed, run_call *calls, size_t count,
                   bool tls)
{
    strcpy(deep, "{\"id\":\"x\",\"h5_link\":\"y\",\"deep\":");
    for (size_t i = strlen(deep), k = 0; k < 2 * (POMEX_MAX_DEPTH + 1); k++)
        deep[i + k] = k <= POMEX_MAX_DEPTH ? '[' : ']';
    strcat(deep, "}");
    *n = (network){.seed = seed, .calls = calls, .count = count, .port = sb->port, .tls = tls};
    pthread_mutex_init(&n->lock, NULL);
    if (tls) {
        strcpy(n->ca_file, "/tmp/pomex-ca-XXXXXX");
        int fd = mkstemp(n->ca_file);
        if (fd < 0)
            return false;
        close(fd);
    }
    n->server = fault_server_start(NULL, 0, tls ? n->ca_file : NULL);
    n->proxy = fault_server_start(NULL, 0, NULL);
    if (!n->server || !n->proxy)
        return false;
    n->proxy_port = fault_server_port(n->server);
    n->chooser = (fault_chooser){choose, followed, n};
    n->proxy_chooser = (fault_chooser){choose_way, NULL, n};
    fault_server_choose(n->server, &n->chooser);
    fault_server_choose(n->proxy, &n->proxy_chooser);
    return true;
}

void network_stop(network *n)
{
    fault_server_stop(n->proxy);
    fault_server_stop(n->server);
    if (n->ca_file[0])
        unlink(n->ca_file);
    pthread_mutex_destroy(&n->lock);
}

void network_outage(network *n)
{
    n->outages++;
    fault_server_leave(n->server);
    for (int i = 0; !fault_server_return(n->server); i++) {
        if (i == 200) {
            fprintf(stderr, "the network's port is taken\n");
            exit(2);
        }
        usleep(10000);
    }
}

static void print_table(const uint64_t *struck, const fault *table, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (struck[i])
            printf("  %8llu  %s\n", (unsigned long long)struck[i], table[i].name);
}

void network_print(const network *n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < MAX_FAULTS; i++)
        sum += n->struck[i];
    printf("faults: %llu, and %llu outages\n", (unsigned long long)sum,
           (unsigned long long)n->outages);
    print_table(n->struck, faults, FAULTS);
    print_table(n->struck + FAULTS, connections, CONNECTIONS);
    print_table(n->struck + FAULTS + CONNECTIONS, ways, WAYS);
}
