/* The network of the randomised run: what becomes of a request depends on the seed, on whose it
 * is, and on how often it came before, so that a seed strikes the same calls each time. */
#include "run.h"

#include "fault_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static bool choose_connection(network *n, fault_step *step)
{
    pthread_mutex_lock(&n->lock);
    run_dice dice = {run_hash(n->seed, 1, n->connections++)};
    const fault *f = fault_draw(&dice, &fault_connections, n->tls ? FAULT_TLS : FAULT_PLAIN);
    if (f) {
        n->struck[fault_requests.count + (size_t)(f - fault_connections.faults)]++;
        fault_fill(&dice, f, n->port, step);
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
    const fault *f = fault_draw(&dice, &fault_requests, 0);
    /* A whole 200 with a body that says nothing of itself is a file like any other. */
    if (f && f->step.kind == FAULT_ANSWER && f->step.status == 0 &&
        !strstr(request->line, " /v1/"))
        f = NULL;
    if (call)
        call->struck = f ? f->name : "nothing";
    if (f) {
        n->struck[f - fault_requests.faults]++;
        fault_fill(&dice, f, n->port, step);
    } else {
        *step = (fault_step){.kind = FAULT_RELAY, .port = n->port};
    }
    pthread_mutex_unlock(&n->lock);
    return true;
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
        call->lies += result->handed_on && fault_is_polite(step);
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
    const fault *f = fault_draw(&dice, &fault_ways, 0);
    if (f) {
        n->struck[fault_requests.count + fault_connections.count +
                  (size_t)(f - fault_ways.faults)]++;
        fault_fill(&dice, f, n->port, step);
    } else {
        *step = (fault_step){.kind = FAULT_TUNNEL, .port = n->proxy_port};
    }
    pthread_mutex_unlock(&n->lock);
    return true;
}

bool network_start(network *n, const sandbox *sb, uint64_t seed, run_call *calls, size_t count,
                   bool tls)
{
    fault_init();
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

static void print_table(const uint64_t *struck, const fault_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        if (struck[i])
            printf("  %8llu  %s\n", (unsigned long long)struck[i], table->faults[i].name);
}

void network_print(const network *n)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < FAULT_MOST; i++)
        sum += n->struck[i];
    printf("faults: %llu, and %llu outages\n", (unsigned long long)sum,
           (unsigned long long)n->outages);
    print_table(n->struck, &fault_requests);
    print_table(n->struck + fault_requests.count, &fault_connections);
    print_table(n->struck + fault_requests.count + fault_connections.count, &fault_ways);
}
