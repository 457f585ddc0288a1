#include "engine/client.h"

#include "base/pid.h"
#include "base/sha256.h"
#include "engine/options.h"
#include "engine/wakeup.h"
#include "net/descriptors.h"
#include "net/handle.h"
#include "operation/held.h"
#include "operation/operation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------------------- its lifetime */

static pomex_client *client_of(const pomex_context *context)
{
    return POMEX_HOLDER(context, pomex_client, context);
}

static bool is_usable(const pomex_context *context)
{
    return !pomex_client_unusable(client_of(context));
}

static void changed(pomex_context *context)
{
    pomex_wakeup_rearm(client_of(context));
}

static void unused(pomex_context *context)
{
    pomex_client *c = client_of(context);
    pomex_context_free(&c->context);
    pomex_net_free(&c->net);
    pomex_options_forget(&c->settings);
    free(c);
}

static const pomex_hooks hooks = {.is_usable = is_usable, .changed = changed, .unused = unused};

/* Fills in zeroed memory; `c` is NULL if there was none. NULL, or what is wrong. */
static pomex_error *make(pomex_client *c, const pomex_options *options)
{
    pomex_error *error = c ? pomex_handle_library() : pomex_error_memory();
    if (!error)
        error = pomex_options_take(&c->settings, options);
    if (error)
        return error;
    c->clock.read = options->clock ? options->clock : pomex_clock_system;
    c->clock.user = options->clock_user;
    pomex_list_init(&c->told);
    pomex_wakeup_init(c);
    pomex_context_init(&c->context, &hooks, &c->settings, &c->clock, &c->net);
    if (pomex_net_init(&c->net, &c->settings, &c->clock))
        return NULL;
    pomex_options_forget(&c->settings);
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
    if (error)
        *error = wrong;
    if (!wrong)
        return c;
    if (!error)
        pomex_error_free(wrong);
    free(c);
    return NULL;
}

const char *pomex_client_unusable(const pomex_client *c)
{
    if (c->context.closed)
        return "closed";
    if (c->pid && c->pid != pomex_pid())
        return "used in another process";
    return NULL;
}

bool pomex_client_open(pomex_client *c)
{
    if (pomex_client_unusable(c)) {
        errno = EBADF;
        return false;
    }
    if (c->pid)
        return true;
    if (!pomex_wakeup_open(c) || !pomex_net_open(&c->net, c->loop.epoll_fd)) {
        c->open_problem = errno;
        pomex_net_close(&c->net, false);
        pomex_wakeup_close(c);
        errno = c->open_problem;
        return false;
    }
    /* Seeded here, so that the children of one fork do not share their jitter. */
    pomex_random_seed(&c->context.random,
                      (uint64_t)pomex_clock_now(&c->clock) ^ (uint64_t)pomex_pid() << 32);
    c->open_problem = 0;
    c->pid = pomex_pid();
    return true;
}

/* Ends every operation in a process that does not own the client's sockets: transfers are left
 * alone. */
static void abandon(pomex_context *context)
{
    while (!pomex_list_empty(&context->all)) {
        pomex_operation *op = POMEX_HOLDER(context->all.next, pomex_operation, in_all);
        op->transfer = NULL;
        op->holds_slot =
            false; /* the limiter's slots are shared with the process that owns them */
        op->state = POMEX_PAUSED;
        pomex_operation_finish(
            op, pomex_error_new("cancelled_error", "the client belongs to another process"));
    }
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
    pomex_context *context = &c->context;
    if (context->closed)
        return;
    bool foreign = c->pid && c->pid != pomex_pid();
    context->closed = true;
    context->refs++; /* the operations that end here must not free it under us */
    if (foreign)
        abandon(context);
    while (!pomex_list_empty(&context->all))
        pomex_operation_cancel(POMEX_HOLDER(context->all.next, pomex_operation, in_all));
    pomex_net_close(&c->net, foreign);
    pomex_wakeup_close(c);
    pomex_options_forget(&c->settings);
    pomex_context_release(context);
}

void pomex_client_free(pomex_client *c)
{
    unsigned news;
    if (!c)
        return;
    pomex_client_close(c);
    while (pomex_client_next(c, &news))
        continue;
    release_told(c);
    pomex_context_release(&c->context);
}

/* ------------------------------------------------------------------------- what hosts call */

bool pomex_client_holds(const pomex_client *c, const char *id)
{
    return !pomex_held_by_nobody(id, pomex_context_recent(&c->context));
}

const char *pomex_client_base_url(const pomex_client *c)
{
    return c->settings.base_url ? c->settings.base_url : "";
}

bool pomex_client_key_mark(const pomex_client *c, const char *salt, char mark[POMEX_SUM_SIZE])
{
    pomex_sha256 sum = {.context = NULL};
    const char *key = c->settings.key ? c->settings.key : "";
    bool made = pomex_sha256_begin(&sum) && pomex_sha256_add(&sum, salt, strlen(salt) + 1) &&
                pomex_sha256_add(&sum, key, strlen(key)) && pomex_sha256_end(&sum, mark);
    pomex_sha256_free(&sum);
    return made;
}

pomex_error *pomex_client_failure(const pomex_client *c)
{
    if (c->open_problem == 0 || c->open_problem == ENOMEM)
        return pomex_error_memory();
    return pomex_descriptors_error(c->open_problem);
}

size_t pomex_client_step(pomex_client *c, double budget)
{
    if (!pomex_client_open(c) || c->context.stepping)
        return c->context.pending;
    release_told(c);
    c->context.stepping = true;
    pomex_loop_step(c, budget);
    c->context.stepping = false;
    pomex_wakeup_rearm(c);
    return c->context.pending;
}

bool pomex_client_has_news(const pomex_client *c)
{
    return !pomex_list_empty(&c->context.news);
}

void pomex_client_hush(pomex_client *c, pomex_operation *op)
{
    bool done = op->news & POMEX_NEWS_DONE;
    if (op->news)
        pomex_list_remove(&op->in_news);
    op->news = 0;
    if (done)
        pomex_list_append(&c->told, &op->in_news);
}

pomex_operation *pomex_client_next(pomex_client *c, unsigned *news)
{
    if (!pomex_client_has_news(c))
        return NULL;
    pomex_operation *op = POMEX_HOLDER(c->context.news.next, pomex_operation, in_news);
    *news = op->news;
    pomex_client_hush(c, op);
    return op;
}

bool pomex_client_next_event(pomex_client *c, pomex_event *event)
{
    return pomex_event_take(&c->context.events, event);
}

int pomex_client_pollfd(pomex_client *c)
{
    if (!pomex_client_open(c))
        return -1;
    pomex_wakeup_rearm(c);
    return c->loop.epoll_fd;
}

void pomex_client_wake_in(pomex_client *c, double seconds)
{
    if (pomex_client_unusable(c))
        return; /* the descriptor of another process is not ours to touch */
    c->loop.wake_at =
        seconds < 0 ? POMEX_NEVER : pomex_clock_after(pomex_clock_now(&c->clock), seconds);
    pomex_wakeup_rearm(c);
}

double pomex_client_timeout(pomex_client *c)
{
    int64_t at = pomex_list_empty(&c->context.news) ? pomex_wakeup_due(c) : 0;
    if (at == POMEX_NEVER)
        return -1;
    int64_t left = at - pomex_clock_now(&c->clock);
    return left > 0 ? pomex_clock_seconds(left) : 0;
}

int pomex_client_poll(pomex_client *c, double seconds)
{
    if (!pomex_client_open(c))
        return -1;
    if (pomex_wakeup_due(c) <= 0 || !pomex_list_empty(&c->context.news))
        return 1;
    pomex_wakeup_rearm(c);
    return pomex_wakeup_poll(c, seconds);
}
