/* The store of jobs: durable begins a second and how long one takes, by processes and by how many
 * are asked for at once; and how long a manifest of 100,000 jobs takes to put.
 *
 *   bench_store FOLDER|URL [SECONDS]
 *
 * A begin is answered by "never left", so that its job can begin again: two durable requests each. */
#include "store/backend.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 64, MOST_TIMES = 1 << 20, MANIFEST = 100000 };

typedef struct result {
    double rate, median, p99;
} result;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void stop(const char *why)
{
    fprintf(stderr, "bench_store: %s\n", why);
    exit(1);
}

static pomex_store *open_store(const char *path)
{
    char why[512];
    pomex_store_options options = {.backend = pomex_store_backend_of(path), .path = path};
    if (!options.backend)
        stop("this build has no back end for a URL");
    pomex_store *store = pomex_store_open(&options, why, sizeof why);
    if (!store)
        stop(why);
    return store;
}

static void submit(pomex_store *store, pomex_store_request *request)
{
    char why[256];
    if (!request || !pomex_store_submit(store, request, why, sizeof why))
        stop("not submitted");
}

static pomex_store_request *await(pomex_store *store)
{
    pomex_store_request *request;
    while (!(request = pomex_store_take(store))) {
        struct pollfd wait = {.fd = pomex_store_fd(store), .events = POLLIN};
        poll(&wait, 1, -1);
    }
    if (request->answer > POMEX_STORE_KNOWN)
        stop(request->why ? request->why : "an answer that is no yes");
    return request;
}

static pomex_store_request *ask(pomex_store *store, pomex_store_request *request)
{
    submit(store, request);
    return await(store);
}

static void make_queue(pomex_store *store, const char *name)
{
    pomex_store_request *queue = pomex_store_request_new(POMEX_STORE_QUEUE);
    queue->queue = (pomex_store_queue){.queue = name, .videos_cap = -1, .money_cap = -1};
    pomex_store_request_free(ask(store, queue));
}

/* Puts so many jobs, in parts; seconds, and those of the last part, which shows all of them or, as
 * it says, some. */
static double put(pomex_store *store, const char *queue, int count, double *last)
{
    static char keys[POMEX_STORE_ROWS][16], body[900];
    static pomex_store_new jobs[POMEX_STORE_ROWS];
    double began = now();
    int64_t batch = 0, hidden = 0;
    memset(body, 'x', sizeof body - 1);
    for (int i = 0; i < count; i += POMEX_STORE_ROWS) {
        int part = count - i < POMEX_STORE_ROWS ? count - i : POMEX_STORE_ROWS;
        for (int k = 0; k < part; k++) {
            snprintf(keys[k], sizeof keys[k], "k%d", i + k);
            jobs[k] =
                (pomex_store_new){.key = keys[k], .save = keys[k], .line = body, .body = body};
        }
        pomex_store_request *request = pomex_store_request_new(POMEX_STORE_PUT);
        request->put = (pomex_store_put){.queue = queue,
                                         .jobs = jobs,
                                         .job_count = (size_t)part,
                                         .batch = batch,
                                         .more = i + part < count};
        *last = now();
        batch = ask(store, request)->put.batch;
        *last = now() - *last;
        hidden = request->put.hidden;
        pomex_store_request_free(request);
    }
    while (hidden > 0) {
        pomex_store_request *request = pomex_store_request_new(POMEX_STORE_PUT);
        request->put = (pomex_store_put){.queue = queue, .batch = batch};
        hidden = ask(store, request)->put.hidden;
        pomex_store_request_free(request);
    }
    return now() - began;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Begins `wide` jobs at once, again and again. */
static result begin(const char *path, const char *queue, int wide, double seconds)
{
    static double times[MOST_TIMES];
    static pomex_store_job jobs[MOST];
    static char body[900];
    double last;
    pomex_store *store = open_store(path);
    memset(body, 'x', sizeof body - 1);
    make_queue(store, queue);
    put(store, queue, wide, &last);
    pomex_store_request *join = pomex_store_request_new(POMEX_STORE_JOIN);
    join->join = (pomex_store_join){.base_url = "https://host",
                                    .account = "host",
                                    .key_hash = "hash",
                                    .max_tasks = 1 << 20};
    ask(store, join);
    pomex_store_request *claim = pomex_store_request_new(POMEX_STORE_CLAIM);
    claim->claim =
        (pomex_store_claim){.worker = join->join.worker, .queue = queue, .count = wide};
    ask(store, claim);
    memcpy(jobs, claim->claim.jobs, claim->claim.job_count * sizeof *jobs);
    int count = 0;
    double started = now();
    for (int64_t attempt = 1; now() - started < seconds; attempt++) {
        double began = now();
        for (int i = 0; i < wide; i++) {
            pomex_store_request *request = pomex_store_request_new(POMEX_STORE_BEGIN);
            request->begin = (pomex_store_begin){.worker = join->join.worker,
                                                 .job = jobs[i].id,
                                                 .fence = jobs[i].fence,
                                                 .attempt = attempt,
                                                 .cost = 1,
                                                 .body = body};
            submit(store, request);
        }
        for (int i = 0; i < wide; i++) {
            pomex_store_request_free(await(store));
            if (count < MOST_TIMES)
                times[count++] = now() - began;
        }
        for (int i = 0; i < wide; i++) {
            pomex_store_request *request = pomex_store_request_new(POMEX_STORE_FACT);
            request->fact = (pomex_store_fact){
                .job = jobs[i].id, .attempt = attempt, .kind = POMEX_STORE_NEVER_LEFT};
            submit(store, request);
        }
        for (int i = 0; i < wide; i++)
            pomex_store_request_free(await(store));
    }
    double took = now() - started;
    qsort(times, (size_t)count, sizeof *times, compare);
    pomex_store_request_free(claim);
    pomex_store_request_free(join);
    pomex_store_close(store);
    return (result){count / took, times[count / 2], times[count * 99 / 100]};
}

static void compare_begins(const char *path, int processes, int wide, double seconds)
{
    int ends[2];
    result all = {0}, one;
    if (pipe(ends) != 0)
        stop("no pipe");
    for (int i = 0; i < processes; i++) {
        if (fork() != 0)
            continue;
        char queue[32];
        snprintf(queue, sizeof queue, "q%d-%d-%d", processes, wide, i);
        one = begin(path, queue, wide, seconds);
        _exit(write(ends[1], &one, sizeof one) == (ssize_t)sizeof one ? 0 : 1);
    }
    close(ends[1]);
    for (int i = 0; i < processes; i++) {
        if (read(ends[0], &one, sizeof one) != (ssize_t)sizeof one)
            stop("a process failed");
        all.rate += one.rate;
        all.median += one.median / processes;
        all.p99 = one.p99 > all.p99 ? one.p99 : all.p99;
    }
    close(ends[0]);
    while (wait(NULL) > 0)
        continue;
    printf("%d processes, %2d at once: %7.0f begins/s; one takes %5.1f ms, p99 %6.1f ms\n",
           processes, wide, all.rate, all.median * 1e3, all.p99 * 1e3);
    fflush(stdout);
}

int main(int count, char **words)
{
    static const int widths[] = {1, 16, 64};
    double seconds = count > 2 ? atof(words[2]) : 3;
    char path[512];
    if (count < 2)
        stop("a folder is wanted, or a URL");
    bool in_file = !pomex_store_is_url(words[1]);
    if (in_file)
        snprintf(path, sizeof path, "%s/bench-%d.db", words[1], (int)getpid());
    else
        snprintf(path, sizeof path, "%s", words[1]);
    for (int processes = 1; processes <= 4; processes *= 2) {
        for (size_t i = 0; i < sizeof widths / sizeof *widths; i++)
            compare_begins(path, processes, widths[i], seconds);
    }
    pomex_store *store = open_store(path);
    make_queue(store, "manifest");
    double last, all = put(store, "manifest", MANIFEST, &last);
    printf("a manifest of %d jobs: %.1f s, the last part of it %.1f s\n", MANIFEST, all, last);
    pomex_store_close(store);
    if (in_file) {
        unlink(path);
        strcat(path, "-lock");
        unlink(path);
    }
    return 0;
}
