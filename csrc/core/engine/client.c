#include "net/handle.h"
#include "operation/operation.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_ready = CURLE_FAILED_INIT;

/* At the first use and not when a module is loaded: nginx forks its workers after that, and
 * libcurl's TLS library must not have been started before. */
static void start_curl(void)
{
    curl_ready = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void chain(struct curl_slist *header, const char *text, struct curl_slist *next)
{
    header->data = (char *)(uintptr_t)text; /* libcurl only reads it */
    header->next = next;
}

/* No header more than is needed: libcurl compares each with every one of its own, and three
 * instead of one are a twentieth of a request's CPU. */
static void chain_headers(pomex_client *c)
{
    chain(&c->auth_header, c->settings.authorization, NULL);
    chain(&c->cache_header, "Cache-Control: no-store", &c->auth_header);
    chain(&c->expect_header, "Expect:", &c->auth_header);
    chain(&c->type_header, "Content-Type: application/json", &c->expect_header);
}

/* What a client needs before it can be used; or what is wrong. */
static pomex_error *make(pomex_client *c, const pomex_options *options)
{
    pomex_error *error = c ? pomex_handle_library() : pomex_error_memory();
    if (!error)
        error = pomex_settings_init(&c->settings, options);
    if (error)
        return error;
    c->limiter = pomex_limiter_new(c->settings.options.rate_limits);
    if (c->limiter)
        return NULL;
    pomex_settings_free(&c->settings);
    return pomex_error_memory();
}

pomex_client *pomex_client_new(const pomex_options *options, pomex_error **error)
{
    pomex_options defaults;
    if (!options) {
        pomex_options_init(&defaults);
        options = &defaults;
    }
    pomex_client *c = calloc(1, sizeof *c);
    pomex_error *wrong = make(c, options);
    if (wrong) {
        if (error)
            *error = wrong;
        else
            pomex_error_free(wrong);
        free(c);
        return NULL;
    }
    if (error)
        *error = NULL;
    c->refs = 1;
    c->clock = options->clock ? options->clock : pomex_clock_system;
    c->clock_user = options->clock_user;
    c->short_at = -1;
    c->epoll_fd = c->timer_fd = c->wake_fd = -1;
    c->curl_due = c->queue_due = c->watch_at = c->wake_at = c->armed = POMEX_NEVER;
    pomex_list_init(&c->all);
    pomex_list_init(&c->news);
    pomex_list_init(&c->told);
    pomex_list_init(&c->yielded);
    for (int kind = 0; kind < POMEX_ENDPOINTS; kind++) {
        pomex_list_init(&c->queues[0][kind]);
        pomex_list_init(&c->queues[1][kind]);
    }
    chain_headers(c);
    return c;
}

int64_t pomex_now(pomex_client *client)
{
    client->now = client->clock(client->clock_user, POMEX_CLOCK_MONOTONIC);
    return client->now;
}

const char *pomex_client_unusable(const pomex_client *client)
{
    if (client->closed)
        return "closed";
    if (client->pid && client->pid != getpid())
        return "used in another process";
    return NULL;
}

const char *pomex_client_base_url(const pomex_client *client)
{
    return client->settings.base_url ? client->settings.base_url : "";
}

bool pomex_client_open(pomex_client *client)
{
    if (pomex_client_unusable(client)) {
        errno = EBADF;
        return false;
    }
    if (client->pid)
        return true;
    pthread_once(&curl_once, start_curl);
    if (curl_ready != CURLE_OK) {
        errno = ENOMEM;
        return false;
    }
    if (!pomex_loop_open(client)) {
        client->open_problem = errno;
        return false;
    }
    /* Seeded here, so that the children of one fork do not share their jitter. */
    if (getrandom(&client->random, sizeof client->random, GRND_NONBLOCK) < 0)
        client->random = (uint64_t)pomex_now(client) ^ (uint64_t)getpid() << 32;
    client->open_problem = 0;
    client->pid = getpid();
    return true;
}

double pomex_random(pomex_client *client)
{
    client->random += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = client->random;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

/* In another process: the operations end with what can be said of them, and nothing of
 * libcurl's is touched, since its clean-up would unregister the parent's sockets. */
static void abandon(pomex_client *c)
{
    while (!pomex_list_empty(&c->all)) {
        pomex_operation *op = POMEX_HOLDER(c->all.next, pomex_operation, in_all);
        op->transfer = NULL;
        op->state = POMEX_PAUSED;
        pomex_operation_finish(
            op, pomex_error_new("cancelled_error", "the client belongs to another process"));
    }
    pomex_loop_close(c, true);
    c->pool = NULL;
}

static void release_told(pomex_client *c)
{
    while (!pomex_list_empty(&c->told)) {
        pomex_operation *op = POMEX_HOLDER(c->told.next, pomex_operation, in_news);
        pomex_list_remove(&op->in_news);
        pomex_operation_release(op);
    }
}

void pomex_client_close(pomex_client *c)
{
    if (c->closed)
        return;
    bool foreign = c->pid && c->pid != getpid();
    c->closed = true;
    c->refs++; /* the operations that end here must not free it under us */
    if (foreign) {
        abandon(c);
    } else {
        while (!pomex_list_empty(&c->all))
            pomex_operation_cancel(POMEX_HOLDER(c->all.next, pomex_operation, in_all));
        pomex_transfer_free_pool(c);
        pomex_loop_close(c, false);
    }
    c->auth_header.data = NULL;
    pomex_settings_free(&c->settings);
    pomex_client_unref(c);
}

void pomex_client_unref(pomex_client *c)
{
    if (--c->refs)
        return;
    pomex_limiter_free(c->limiter);
    pomex_timers_free(&c->timers);
    pomex_settings_free(&c->settings);
    free(c->created);
    free(c->events.ring);
    free(c->sockets);
    free(c);
}

void pomex_client_free(pomex_client *c)
{
    if (!c)
        return;
    pomex_client_close(c);
    while (!pomex_list_empty(&c->news)) {
        unsigned news;
        pomex_client_next(c, &news);
    }
    release_told(c);
    pomex_client_unref(c);
}

pomex_operation *pomex_client_next(pomex_client *c, unsigned *news)
{
    if (pomex_list_empty(&c->news))
        return NULL;
    pomex_operation *op = POMEX_HOLDER(c->news.next, pomex_operation, in_news);
    pomex_list_remove(&op->in_news);
    *news = op->news;
    op->news = 0;
    if (*news & POMEX_NEWS_DONE)
        pomex_list_append(&c->told, &op->in_news);
    return op;
}

size_t pomex_client_step(pomex_client *c, double budget)
{
    if (!pomex_client_open(c) || c->stepping)
        return c->pending;
    release_told(c);
    c->stepping = true;
    c->starts = 0;
    pomex_loop_step(c, budget);
    c->stepping = false;
    pomex_loop_rearm(c);
    return c->pending;
}

/* --------------------------------------------------------------- ids this client was given */

#define CREATED_KEPT (300 * POMEX_SECOND)

static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return hash;
}

void pomex_created_add(pomex_client *c, const char *id)
{
    int64_t now = pomex_now(c);
    while (c->created_count && c->created[c->created_first].at < now - CREATED_KEPT) {
        c->created_first++;
        c->created_count--;
    }
    if (c->created_first + c->created_count == c->created_capacity) {
        if (c->created_first > c->created_capacity / 2) {
            memmove(c->created, c->created + c->created_first,
                    c->created_count * sizeof *c->created);
        } else {
            size_t capacity = c->created_capacity ? 2 * c->created_capacity : 32;
            pomex_created *grown = malloc(capacity * sizeof *grown);
            if (!grown) {
                c->adopts_nothing = true;
                return;
            }
            if (c->created_count)
                memcpy(grown, c->created + c->created_first, c->created_count * sizeof *grown);
            free(c->created);
            c->created = grown;
            c->created_capacity = capacity;
        }
        c->created_first = 0;
    }
    c->created[c->created_first + c->created_count++] = (pomex_created){hash_of(id), now};
}

int64_t pomex_created_at(const pomex_client *c, const char *id)
{
    uint64_t hash = hash_of(id);
    for (size_t i = c->created_count; i-- > 0;)
        if (c->created[c->created_first + i].hash == hash)
            return c->created[c->created_first + i].at;
    return -1;
}
