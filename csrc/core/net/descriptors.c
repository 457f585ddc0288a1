#include "net/descriptors.h"

#include "net/net.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* How many descriptors an attempt can need at once: a socket, a resolver's pair, a file of
 * certificates. */
#define NEEDED 3

static bool none_left(const pomex_net *net)
{
    int copies[NEEDED], count = 0;
    while (count < NEEDED && (copies[count] = fcntl(net->epoll_fd, F_DUPFD_CLOEXEC, 0)) >= 0)
        count++;
    bool none = count < NEEDED && (errno == EMFILE || errno == ENFILE);
    for (int i = 0; i < count; i++)
        close(copies[i]);
    return none;
}

bool pomex_descriptors_missed(const pomex_net *net, const pomex_transfer *t,
                              const pomex_outcome *o)
{
    if (o->sent || o->code == CURLE_OK || o->of_proxy || t->no_slot || t->late || t->expired ||
        (o->ending != POMEX_NETWORK && o->ending != POMEX_UNTRUSTED &&
         o->ending != POMEX_NO_MEMORY))
        return false;
    return (o->code == CURLE_COULDNT_CONNECT && net->short_at >= t->started) || none_left(net);
}

static bool begin_squeeze(pomex_net *net)
{
    long idle = 0, all = 0;
    for (size_t fd = 0; fd < net->socket_count; fd++) {
        all += net->sockets[fd].ours;
        idle += net->sockets[fd].ours && !net->sockets[fd].wanted;
    }
    if (net->squeezed || !idle)
        return false;
    net->squeezed_after = net->last_attempt;
    net->squeezed =
        curl_multi_setopt(net->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, all) == CURLM_OK;
    return net->squeezed;
}

bool pomex_descriptors_squeeze(pomex_net *net, const pomex_transfer *t)
{
    return begin_squeeze(net) || (net->squeezed && t->number <= net->squeezed_after);
}

void pomex_descriptors_relax(pomex_net *net)
{
    if (net->squeezed)
        curl_multi_setopt(net->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, 0L);
    net->squeezed = false;
}

pomex_error *pomex_descriptors_error(int problem)
{
    struct rlimit limit = {0};
    pomex_error *error;
    getrlimit(RLIMIT_NOFILE, &limit);
    if (problem == EMFILE)
        error = pomex_error_new("connection_error",
                                "no file descriptor is left: RLIMIT_NOFILE is %llu",
                                (unsigned long long)limit.rlim_cur);
    else
        error = pomex_error_new("connection_error", "pomex cannot open its descriptors: %s",
                                strerror(problem));
    pomex_error_set_retryable(error);
    return error;
}
