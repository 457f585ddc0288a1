/* The caller's side of the store: its two queues, its descriptor, and the beginning and the end of
 * its thread. */
#include "base/clock.h"
#include "store/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { CLOSE_SECONDS = 2 };

static bool say(char *why, size_t size, const char *text)
{
    snprintf(why, size, "%s", text);
    return false;
}

static void free_list(pomex_store_request *list)
{
    while (list) {
        pomex_store_request *next = list->next;
        pomex_store_request_free(list);
        list = next;
    }
}

void pomex_store_destroy(pomex_store *store)
{
    free_list(store->in);
    free_list(store->out);
    pomex_store_life_free(&store->life);
    pthread_mutex_destroy(&store->lock);
    pthread_cond_destroy(&store->changed);
    pthread_cond_destroy(&store->over);
    free(store->path);
    free(store);
}

/* The path in full and without symbolic links, also of a file that is not there yet: a process may
 * change its folder before the first use, and what lies beside the file is found by its one name.
 * NULL: no memory, or there is no such folder. */
static char *absolute(const char *path)
{
    char *full = realpath(path, NULL), *copy = full ? NULL : strdup(path);
    char *slash = copy ? strrchr(copy, '/') : NULL;
    if (full || !copy)
        return full;
    if (slash)
        *slash = '\0';
    char *folder = realpath(!slash ? "." : slash == copy ? "/" : copy, NULL);
    if (folder && asprintf(&full, "%s/%s", folder, slash ? slash + 1 : copy) < 0)
        full = NULL;
    free(folder);
    free(copy);
    return full;
}

bool pomex_store_is_url(const char *path)
{
    static const char *const schemes[] = {"postgresql://", "postgres://"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        if (strncmp(path, schemes[i], strlen(schemes[i])) == 0)
            return true;
    }
    return false;
}

const pomex_store_backend *pomex_store_backend_of(const char *path)
{
    if (!pomex_store_is_url(path))
        return &pomex_store_sqlite;
#ifdef POMEX_WITH_POSTGRESQL
    return &pomex_store_postgresql;
#else
    return NULL;
#endif
}

pomex_store *pomex_store_open(const pomex_store_options *options, char *why, size_t why_size)
{
    if (!options->backend->check(options, why, why_size))
        return NULL;
    pomex_store *store = calloc(1, sizeof *store);
    char *path =
        pomex_store_is_url(options->path) ? strdup(options->path) : absolute(options->path);
    if (!store || !path) {
        free(store);
        free(path);
        say(why, why_size, "out of memory, or the store's folder is gone");
        return NULL;
    }
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&store->changed, &attributes);
    pthread_cond_init(&store->over, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&store->lock, NULL);
    store->path = path;
    store->options = *options;
    store->options.path = path;
    store->fd = -1;
    store->in_end = &store->in;
    store->out_end = &store->out;
    atomic_init(&store->closing, false);
    pomex_store_life_init(&store->life, options);
    return store;
}

/* The thread takes no signal: SIGXFSZ too is then only an error of write. */
static bool start(pomex_store *store, char *why, size_t why_size)
{
    sigset_t all, before;
    store->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (store->fd < 0)
        return say(why, why_size, "no descriptor is left for the store's answers");
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&store->thread, NULL, pomex_store_run, store);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed) {
        store->pid = getpid();
        return true;
    }
    close(store->fd);
    store->fd = -1;
    return say(why, why_size, "the store's thread could not be started");
}

/* Whether this process is the one that has the store's thread. */
static bool is_ours(const pomex_store *store)
{
    return store->pid == getpid();
}

bool pomex_store_submit(pomex_store *store, pomex_store_request *request, char *why,
                        size_t why_size)
{
    if (store->pid == 0 && !start(store, why, why_size))
        return false;
    if (!is_ours(store))
        return say(why, why_size,
                   "this store is used by the process that this one was forked from; "
                   "open it again here");
    request->next = NULL;
    pthread_mutex_lock(&store->lock);
    *store->in_end = request;
    store->in_end = &request->next;
    pthread_cond_signal(&store->changed);
    pthread_mutex_unlock(&store->lock);
    return true;
}

int pomex_store_fd(const pomex_store *store)
{
    return store->fd;
}

pomex_store_request *pomex_store_take(pomex_store *store)
{
    if (!is_ours(store))
        return NULL;
    pthread_mutex_lock(&store->lock);
    pomex_store_request *request = store->out;
    if (request)
        store->out = request->next;
    if (!store->out) {
        uint64_t count;
        store->out_end = &store->out;
        /* Within the lock: what is answered later makes it readable again. */
        while (read(store->fd, &count, sizeof count) < 0 && errno == EINTR)
            continue;
    }
    pthread_mutex_unlock(&store->lock);
    return request;
}

void pomex_store_stepped(pomex_store *store, int64_t work_due)
{
    atomic_store(&store->life.due, work_due);
}

int64_t pomex_store_beat_asked(pomex_store *store)
{
    return is_ours(store) ? atomic_load(&store->life.asked) : 0;
}

struct timespec pomex_store_after(int64_t ns)
{
    ns += pomex_clock_system(NULL, POMEX_CLOCK_MONOTONIC);
    return (struct timespec){.tv_sec = (time_t)(ns / POMEX_SECOND),
                             .tv_nsec = (long)(ns % POMEX_SECOND)};
}

void pomex_store_close(pomex_store *store)
{
    if (store->pid != 0 && !is_ours(store)) {
        /* The lock may be held by a thread that this process does not have. */
        close(store->fd);
        free(store->path);
        free(store);
        return;
    }
    if (store->pid == 0) {
        pomex_store_destroy(store);
        return;
    }
    struct timespec until = pomex_store_after(CLOSE_SECONDS * POMEX_SECOND);
    pthread_mutex_lock(&store->lock);
    atomic_store(&store->closing, true);
    pthread_cond_signal(&store->changed);
    while (!store->ended &&
           pthread_cond_timedwait(&store->over, &store->lock, &until) != ETIMEDOUT)
        continue;
    bool ended = store->ended;
    store->orphaned = !ended;
    close(store->fd);
    store->fd = -1;
    if (!ended)
        pthread_detach(store->thread);
    pthread_t thread = store->thread;
    pthread_mutex_unlock(&store->lock);
    if (ended) {
        pthread_join(thread, NULL);
        pomex_store_destroy(store);
    }
}
