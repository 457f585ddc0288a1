/* The money proof, at random:
 *
 *   money [--operations N] [--seed S] [--tls] [--pending N] [--speed X]
 *
 * Makes N calls of every kind through a network that breaks in every way, with callers that
 * cancel, close, drop and forget, and a service that crashes; then compares each call with the
 * sandbox's ledger. What is promised:
 *   - a generation ends in exactly one of: one task, its id known; no task; ambiguous_error;
 *   - never two tasks, but where the service refused (429, 503) what it had carried out, and
 *     with billed_retry = "unsent" not even then;
 *   - no answer is lost that lay in the socket when a deadline passed;
 *   - ambiguous_error only of what was sent, byte for byte as libcurl wrote it, and never of
 *     what was plainly refused; and of all that was sent and not answered;
 *   - an upload is given its own asset, or called ambiguous: never another's;
 *   - every operation ends exactly once, and a GET gets its own answer.
 * The seed is S, or else $POMEX_SEED, or else any. Exits 1, with the command that repeats it,
 * if any of these was broken. */
#include "run.h"

#include "fault_wire.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

typedef struct settings {
    size_t operations;
    uint64_t seed;
    bool tls;
    size_t pending;
    double speed;
} settings;

static bool read_settings(settings *s, int argc, char **argv)
{
    static const struct option known[] = {{"operations", required_argument, NULL, 'o'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"tls", no_argument, NULL, 't'},
                                          {"pending", required_argument, NULL, 'p'},
                                          {"speed", required_argument, NULL, 'x'},
                                          {NULL, 0, NULL, 0}};
    *s = (settings){.operations = 10000, .pending = 128, .speed = 20};
    const char *given = getenv("POMEX_SEED");
    if (given)
        s->seed = strtoull(given, NULL, 10);
    else if (getrandom(&s->seed, sizeof s->seed, 0) != sizeof s->seed)
        return false;
    s->seed &= 0xffffffff;
    for (int which; (which = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (which) {
        case 'o':
            s->operations = strtoul(optarg, NULL, 10);
            break;
        case 's':
            s->seed = strtoull(optarg, NULL, 10);
            break;
        case 't':
            s->tls = true;
            break;
        case 'p':
            s->pending = strtoul(optarg, NULL, 10);
            break;
        case 'x':
            s->speed = strtod(optarg, NULL);
            break;
        default:
            return false;
        }
    }
    return optind == argc && s->operations > 0 && s->operations <= 100000000 &&
           s->pending > 0 && s->speed >= 1;
}

/* The service has seen all that reached it once it has answered twice. */
static void settle(const sandbox *sb)
{
    for (int i = 0; i < 3; i++) {
        usleep(20000);
        json_decref(sandbox_ask(sb, "DELETE", "/_sandbox/faults", NULL));
    }
}

static size_t run(const settings *s, sandbox *sb)
{
    static network n;
    run_call *calls = calloc(s->operations, sizeof *calls);
    caller c = {.dice = {s->seed},
                .network = &n,
                .sb = sb,
                .calls = calls,
                .total = s->operations,
                .most = s->pending,
                .speed = s->speed};
    if (!calls || !network_start(&n, sb, s->seed, calls, s->operations, s->tls) ||
        !caller_init(&c)) {
        fprintf(stderr, "money: the run could not begin\n");
        exit(2);
    }
    int64_t began = fault_wire_now();
    fault_server_choose(n.server, &n.chooser);
    sent_count(calls, s->operations);
    caller_run(&c);
    sent_count(NULL, 0);
    double seconds = (double)(fault_wire_now() - began) / 1e9;
    network_stop(&n);
    settle(sb);
    size_t wrong = verdict_of(sb, c.groups, calls, s->operations);
    wrong += c.lost_events + c.strays;
    verdict_print(calls, s->operations);
    network_print(&n);
    printf("%u cancelled, %u dropped, %u clients closed under way, %u pauses, %u crashes, "
           "%u notices\n",
           c.cancels, c.dropped, c.closes, c.pauses, c.restarts, c.notices);
    printf("%zu operations in %.1f s; %zu broken promises\n", s->operations, seconds, wrong);
    caller_free(&c);
    free(calls);
    return wrong;
}

int main(int argc, char **argv)
{
    settings s;
    sandbox sb;
    char database[] = "/tmp/pomex-ledger-XXXXXX";
    char *arguments[] = {"--database", database, NULL};
    if (!read_settings(&s, argc, argv)) {
        fprintf(stderr, "usage: money [--operations N] [--seed S] [--tls] [--pending N] "
                        "[--speed X]\n");
        return 2;
    }
    char command[256];
    snprintf(command, sizeof command,
             "%s --operations %zu --seed %llu%s --pending %zu --speed %g", argv[0],
             s.operations, (unsigned long long)s.seed, s.tls ? " --tls" : "", s.pending,
             s.speed);
    puts(command);
    fflush(stdout);
    int fd = mkstemp(database);
    if (fd < 0 || !sandbox_start(&sb, arguments))
        return 2;
    close(fd);
    size_t wrong = run(&s, &sb);
    bool ended = sandbox_stop(&sb);
    for (const char *const *end = (const char *const[]){"", "-wal", "-shm", NULL}; *end;
         end++) {
        char path[64];
        snprintf(path, sizeof path, "%s%s", database, *end);
        unlink(path);
    }
    if (wrong == 0 && ended)
        return 0;
    printf("FAILED; to repeat it: %s\n", command);
    return 1;
}
