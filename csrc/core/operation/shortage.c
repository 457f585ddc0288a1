/* File descriptors used up. An attempt that found none was not sent and is not counted: it goes
 * again when one of ours ends, or at once where an idle connection of ours can be closed for it.
 * With nothing of ours to wait for, that is an error at once. */
#include "operation/operation.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* What an attempt may need at once: a socket, a resolver's pair, a file of certificates. */
#define NEEDED 3

static bool none_left(const pomex_client *c)
{
    int copies[NEEDED], count = 0;
    while (count < NEEDED && (copies[count] = fcntl(c->epoll_fd, F_DUPFD_CLOEXEC, 0)) >= 0)
        count++;
    bool none = count < NEEDED && (errno == EMFILE || errno == ENFILE);
    for (int i = 0; i < count; i++)
        close(copies[i]);
    return none;
}

/* libcurl does not say why it could not connect, resolve a name or read certificates. */
static bool is_shortage(const pomex_client *c, const pomex_transfer *t, const pomex_outcome *o)
{
    if (o->sent || o->code == CURLE_OK || o->of_proxy || t->no_slot || t->late ||
        (o->ending != POMEX_NETWORK && o->ending != POMEX_UNTRUSTED &&
         o->ending != POMEX_NO_MEMORY))
        return false;
    return (o->code == CURLE_COULDNT_CONNECT && c->short_at >= t->started) || none_left(c);
}

/* Has libcurl close an idle connection of ours for each new one; false if there is none, or if it
 * was told already. */
static bool squeeze(pomex_client *c)
{
    long idle = 0, all = 0;
    for (size_t fd = 0; fd < c->socket_count; fd++) {
        all += c->sockets[fd].ours;
        idle += c->sockets[fd].ours && !c->sockets[fd].wanted;
    }
    if (c->squeezed || !idle)
        return false;
    c->squeezed_after = c->last_attempt;
    c->squeezed = curl_multi_setopt(c->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, all) == CURLM_OK;
    return c->squeezed;
}

/* One of ours had what it needed: one more may try. */
static void relax(pomex_client *c)
{
    const pomex_options *o = &c->settings.options;
    if (c->room && ++c->room > (size_t)(o->max_in_flight + o->max_downloads))
        c->room = 0;
    if (c->squeezed)
        curl_multi_setopt(c->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, 0L);
    c->squeezed = false;
}

static void fail(pomex_operation *op)
{
    pomex_error *error =
        op->stage->starved ? op->stage->starved(op) : pomex_shortage_error(EMFILE);
    if (!pomex_error_is_static(error) && !error->endpoint) {
        error->endpoint = op->endpoint->name;
        error->attempts = op->attempts;
        error->id = op->object_id ? strdup(op->object_id) : NULL;
    }
    pomex_operation_finish(op, error);
}

bool pomex_shortage_met(pomex_operation *op, const pomex_transfer *t, const pomex_outcome *o)
{
    pomex_client *c = op->client;
    if (!is_shortage(c, t, o)) {
        if (o->sent)
            relax(c);
        return false;
    }
    size_t others = c->in_flight + c->downloads;
    bool made = squeeze(c) || (c->squeezed && t->number <= c->squeezed_after);
    c->room = others ? others : made;
    if (c->room)
        pomex_operation_again(op);
    else
        fail(op);
    return true;
}

pomex_error *pomex_shortage_error(int problem)
{
    struct rlimit limit = {0};
    pomex_error *error;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (problem == EMFILE)
        error = pomex_error_new("connection_error",
                                "no file descriptor is left: RLIMIT_NOFILE is %llu",
                                (unsigned long long)limit.rlim_cur);
    else
        error =
            pomex_error_new("connection_error", "pomex cannot begin: %s", strerror(problem));
    if (!pomex_error_is_static(error))
        error->retryable = true;
    return error;
}

pomex_error *pomex_client_failure(const pomex_client *c)
{
    if (c->open_problem == 0 || c->open_problem == ENOMEM)
        return pomex_error_memory();
    return pomex_shortage_error(c->open_problem);
}
