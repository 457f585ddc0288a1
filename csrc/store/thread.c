/* The store's one thread: takes the requests that have gathered, carries them out in the order of
 * their verbs, and hands the answers back. Whatever blocks, blocks here. */
#include "store/thread.h"

#include <stdlib.h>
#include <unistd.h>

enum { MOST_BURIED = 16 };

/* What the thread works with; its own alone. */
typedef struct gathered {
    const pomex_store_backend *backend;
    void *self; /* of the back end; NULL: not open */
    pomex_store_request **writes;
    size_t count, capacity;
    pomex_store_request *reads;
    int64_t rest_until;
} gathered;

static void answered(pomex_store *store, pomex_store_request *request)
{
    if (request->internal) {
        pomex_store_request_free(request);
        return;
    }
    static const uint64_t one = 1;
    pthread_mutex_lock(&store->lock);
    request->next = NULL;
    *store->out_end = request;
    store->out_end = &request->next;
    /* It fails only if it is readable already. */
    ssize_t written = store->fd >= 0 ? write(store->fd, &one, sizeof one) : 0;
    (void)written;
    pthread_mutex_unlock(&store->lock);
}

static void fail(pomex_store *store, pomex_store_request *request,
                 enum pomex_store_answer answer, const char *why)
{
    pomex_store_answer(request, answer, "%s", why);
    answered(store, request);
}

/* Sorts by verb, and keeps the order of those with the same one: there are few at a time, and
 * most come in order. */
static void insert(gathered *all, pomex_store_request *request)
{
    size_t at = all->count++;
    while (at > 0 && all->writes[at - 1]->verb > request->verb) {
        all->writes[at] = all->writes[at - 1];
        at--;
    }
    all->writes[at] = request;
}

static void gather(pomex_store *store, gathered *all, pomex_store_request *list)
{
    pomex_store_request **reads_end = &all->reads;
    while (list) {
        pomex_store_request *request = list;
        list = list->next;
        request->next = NULL;
        if (pomex_store_reads(request)) {
            *reads_end = request;
            reads_end = &request->next;
            continue;
        }
        if (all->count == all->capacity) {
            size_t capacity = all->capacity ? all->capacity * 2 : 64;
            void *grown = realloc(all->writes, capacity * sizeof(void *));
            if (!grown) {
                fail(store, request, POMEX_STORE_BROKEN, "out of memory");
                continue;
            }
            all->writes = grown;
            all->capacity = capacity;
        }
        insert(all, request);
    }
}

/* A request of the thread's own. */
static pomex_store_request *own(enum pomex_store_verb verb)
{
    pomex_store_request *request = pomex_store_request_new(verb);
    if (request)
        request->internal = 1;
    return request;
}

static void carry_out(pomex_store *store, gathered *all)
{
    int64_t asked = pomex_store_now();
    if (all->count == 0)
        return;
    all->backend->carry_out(all->self, all->writes, all->count);
    all->rest_until = pomex_store_now() + all->backend->held(all->self);
    for (size_t i = 0; i < all->count; i++) {
        pomex_store_life_answered(&store->life, all->writes[i], asked);
        answered(store, all->writes[i]);
    }
    all->count = 0;
}

/* Buries whoever was watched, or is known, to be dead. */
static void watch(pomex_store *store, gathered *all)
{
    pomex_store_bury dead[MOST_BURIED];
    pomex_store_request *list = own(POMEX_STORE_WORKERS);
    if (!list)
        return;
    all->backend->read(all->self, list);
    size_t count = 0;
    if (list->answer == POMEX_STORE_YES)
        count = pomex_store_life_look(&store->life, &list->workers, pomex_store_now(), dead,
                                      MOST_BURIED);
    pomex_store_request_free(list);
    for (size_t i = 0; i < count; i++) {
        pomex_store_request *bury = own(POMEX_STORE_BURY);
        if (!bury)
            return;
        bury->bury = dead[i];
        gather(store, all, bury);
    }
    carry_out(store, all);
}

static bool ensure_open(pomex_store *store, gathered *all)
{
    char why[512] = "";
    enum pomex_store_answer answer = POMEX_STORE_BROKEN;
    if (all->self)
        return true;
    all->self = all->backend->open(&store->options, &store->closing, &answer, why, sizeof why);
    if (all->self)
        return true;
    for (size_t i = 0; i < all->count; i++)
        fail(store, all->writes[i], answer, why);
    all->count = 0;
    while (all->reads) {
        pomex_store_request *request = all->reads;
        all->reads = request->next;
        fail(store, request, answer, why);
    }
    return false;
}

/* One turn: the writes that have gathered, then each read. */
static void turn(pomex_store *store, gathered *all, pomex_store_request *list)
{
    bool beats = pomex_store_life_tick(&store->life, pomex_store_now());
    pomex_store_request *beat = beats ? own(POMEX_STORE_BEAT) : NULL;
    if (beat) {
        beat->beat.worker = store->life.worker;
        beat->next = list;
        list = beat;
    }
    gather(store, all, list);
    if (!ensure_open(store, all))
        return;
    carry_out(store, all);
    while (all->reads) {
        pomex_store_request *request = all->reads;
        all->reads = request->next;
        all->backend->read(all->self, request);
        answered(store, request);
    }
    if (beats && store->life.worker)
        watch(store, all);
}

/* The time until which there is nothing to do by itself; the lock is held. */
static int64_t next_time(const pomex_store *store, const gathered *all)
{
    if (store->in)
        return all->rest_until;
    if (!store->life.worker)
        return POMEX_STORE_NEVER;
    return store->life.next_beat > all->rest_until ? store->life.next_beat : all->rest_until;
}

/* Waits for something to do and takes what was submitted. False: the store is being closed, and
 * nothing was left. */
static bool await(pomex_store *store, const gathered *all, pomex_store_request **list)
{
    pthread_mutex_lock(&store->lock);
    for (;;) {
        int64_t now = pomex_store_now(), until = next_time(store, all);
        if (atomic_load(&store->closing) || until <= now)
            break;
        if (until == POMEX_STORE_NEVER) {
            pthread_cond_wait(&store->changed, &store->lock);
        } else {
            struct timespec at = pomex_store_after(until - now);
            pthread_cond_timedwait(&store->changed, &store->lock, &at);
        }
    }
    *list = store->in;
    store->in = NULL;
    store->in_end = &store->in;
    bool more = *list || !atomic_load(&store->closing);
    pthread_mutex_unlock(&store->lock);
    return more;
}

void *pomex_store_run(void *user)
{
    pomex_store *store = user;
    gathered all = {.backend = store->options.backend};
    pomex_store_request *list;
    while (await(store, &all, &list))
        turn(store, &all, list);
    pomex_store_request *leave = all.self && store->life.worker ? own(POMEX_STORE_LEAVE) : NULL;
    if (leave) {
        leave->leave = (pomex_store_leave){.worker = store->life.worker, .ending = 1};
        gather(store, &all, leave);
        carry_out(store, &all);
    }
    if (all.self)
        all.backend->close(all.self);
    free(all.writes);
    pthread_mutex_lock(&store->lock);
    store->ended = true;
    pthread_cond_signal(&store->over);
    bool orphaned = store->orphaned;
    pthread_mutex_unlock(&store->lock);
    if (orphaned)
        pomex_store_destroy(store);
    return NULL;
}
