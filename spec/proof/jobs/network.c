/* The network between the workers of the jobs proof and the sandbox, with the faults of the money
 * proof:
 *
 *   jobs_network --to PORT --seed S --share N --log FILE
 *
 * Prints the port at which it listens, and ends with its standard input. Of a hundred requests and
 * connections N may be struck. FILE gets a line for each create that came and each that went, and
 * for each look that was told that there is no such task; its fields are parted by tabs:
 *
 *   came    NONCE  FAULT  SECONDS          the request is here, and this becomes of it
 *   went    NONCE  HOW    STATUS  SECONDS  HOW: "answered" with all that the service said, "refused"
 *                                          before the service knew of it, or "lost"
 *   broken  NONCE  FAULT  SECONDS          its connection was cut while it came
 *   gone    ID
 */
#include "faults.h"

#include <getopt.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { NONCE = 64 };

static struct {
    uint64_t seed, requests, connections;
    unsigned share;
    int port;
    FILE *log;
    pthread_mutex_t lock;
} network = {.lock = PTHREAD_MUTEX_INITIALIZER};

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&network.lock);
    vfprintf(network.log, format, arguments);
    fflush(network.log);
    pthread_mutex_unlock(&network.lock);
    va_end(arguments);
}

/* "job-12/3/i7" of "[job-12/3/i7]"; false: there is none. */
static bool nonce_of(const char *text, char nonce[NONCE])
{
    const char *mark = strstr(text, "[job-"), *end = mark ? strchr(mark, ']') : NULL;
    if (!end || end - mark > NONCE)
        return false;
    snprintf(nonce, NONCE, "%.*s", (int)(end - mark - 1), mark + 1);
    return true;
}

static bool is_create(const char *line)
{
    return strcmp(line, "POST /v1/video/generations") == 0;
}

/* What ends a run because it is the account's fault would end each of them soon; and a service that
 * refuses what it has carried out is believed. */
static bool may_strike(const fault *f, const char *line)
{
    int status = f->step.status;
    bool of_account = status == 401 || (status == 404 && strncmp(line, "GET ", 4) != 0);
    bool is_file = f->step.kind == FAULT_ANSWER && status == 0 && !strstr(line, " /v1/");
    return !of_account && !is_file;
}

static const fault *draw(const fault_table *table, unsigned flags, uint64_t which,
                         fault_step *step)
{
    run_dice dice = {run_hash(network.seed, flags, which)};
    const fault *f =
        dice_roll(&dice, 100) < network.share ? fault_draw(&dice, table, flags) : NULL;
    if (f)
        fault_fill(&dice, f, network.port, step);
    return f;
}

static bool choose(void *user, const fault_request *request, fault_step *step)
{
    char nonce[NONCE];
    (void)user;
    pthread_mutex_lock(&network.lock);
    uint64_t which = request ? network.requests++ : network.connections++;
    pthread_mutex_unlock(&network.lock);
    if (!request)
        return draw(&fault_connections, FAULT_PLAIN, which, step) != NULL;
    const fault *f = draw(&fault_requests, 0, which, step);
    if (f && !may_strike(f, request->line))
        f = NULL;
    if (!f)
        *step = (fault_step){.kind = FAULT_RELAY, .port = network.port};
    else if (fault_is_polite(step))
        step->forward = false;
    if (is_create(request->line))
        note("came\t%s\t%s\t%.3f\n", nonce_of(request->body, nonce) ? nonce : "?",
             f ? f->name : "nothing", seconds());
    if (f && step->status == 404)
        note("gone\t%s\n", strrchr(request->line, '/') + 1);
    return true;
}

static void followed(void *user, const fault_request *request, const fault_step *step,
                     const fault_result *result)
{
    char nonce[NONCE];
    (void)user;
    if (!request->line[0] && nonce_of(request->body, nonce))
        note("broken\t%s\ta connection\t%.3f\n", nonce, seconds());
    if (!is_create(request->line) || !nonce_of(request->body, nonce))
        return;
    bool relayed = step->kind == FAULT_RELAY || step->kind == FAULT_DRIP;
    bool plain = step->status != 503 || fault_is_polite(step);
    const char *how = "lost";
    int status = relayed ? result->status : step->status;
    if (result->whole && relayed && result->status > 0)
        how = "answered";
    else if (result->whole && step->kind == FAULT_ANSWER && plain && !result->handed_on &&
             !step->forward_cut)
        how = "refused";
    note("went\t%s\t%s\t%d\t%.3f\n", nonce, how, status, seconds());
}

static bool read_arguments(int count, char **words)
{
    static const struct option known[] = {{"to", required_argument, NULL, 't'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"share", required_argument, NULL, 'n'},
                                          {"log", required_argument, NULL, 'l'},
                                          {NULL, 0, NULL, 0}};
    for (int which; (which = getopt_long(count, words, "", known, NULL)) != -1;) {
        switch (which) {
        case 't':
            network.port = atoi(optarg);
            break;
        case 's':
            network.seed = strtoull(optarg, NULL, 10);
            break;
        case 'n':
            network.share = (unsigned)atoi(optarg);
            break;
        case 'l':
            network.log = fopen(optarg, "ae");
            break;
        default:
            return false;
        }
    }
    return network.log && network.port > 0;
}

int main(int count, char **words)
{
    static const fault_chooser chooser = {choose, followed, NULL};
    char byte;
    fault_init();
    if (!read_arguments(count, words)) {
        fprintf(stderr, "usage: jobs_network --to PORT --seed S --share N --log FILE\n");
        return 2;
    }
    fault_server *server = fault_server_start(NULL, 0, NULL);
    if (!server)
        return 2;
    fault_server_choose(server, &chooser);
    printf("%d\n", fault_server_port(server));
    fflush(stdout);
    while (read(0, &byte, 1) > 0)
        continue;
    fault_server_stop(server);
    fclose(network.log);
    return 0;
}
