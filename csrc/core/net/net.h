/* The HTTP side of one client: libcurl's multi handle, the sockets, and the pool of handles to be
 * used again. This layer knows no operation; the loop that waits for its sockets is
 * engine/loop.c. */
#ifndef POMEX_NET_H
#define POMEX_NET_H

#include "base/settings.h"
#include "net/socket.h"
#include "net/transfer.h"

/* The headers that pomex sets. Each is followed by those that go with it. */
typedef struct pomex_chain {
    struct curl_slist auth, agent, cache, expect, type;
} pomex_chain;

struct pomex_net {
    const pomex_settings *settings;
    pomex_clock *clock;
    pomex_limiter *limiter; /* of the client's account */
    CURLM *multi;
    int epoll_fd;     /* the loop's set, which holds the sockets; -1: not opened */
    int64_t curl_due; /* when libcurl wants to be called; POMEX_NEVER */
    int64_t watch_at; /* when to try again to watch sockets; POMEX_NEVER */
    int64_t slept;    /* how long the machine slept until now: BOOTTIME - MONOTONIC */
    pomex_socket *sockets;
    size_t socket_count;
    pomex_node yielded; /* transfers that we paused so that others have a turn */
    pomex_transfer *pool;
    uint64_t last_attempt;   /* the number of the latest transfer */
    int64_t short_at;        /* when descriptors last ran out for a socket; -1: never */
    bool squeezed;           /* libcurl closes idle connections for new ones … */
    uint64_t squeezed_after; /* … of attempts with a number above this */
    CURLU *base;             /* the base URL, read once */
    size_t origin_length;    /* of scheme, host and port in its text; 0: not known */
    bool system_ca_path;     /* the system has a folder of hashed certificates */
    char *agent_line;        /* "User-Agent: …" */
    pomex_chain usual;       /* ends with the headers of the client's options */
    pomex_chain bare;        /* without them: for requests that bring them among their own */
    struct curl_slist agent_alone;
};

/* Initialises zeroed memory. Opens nothing. False: no memory. */
bool pomex_net_init(pomex_net *net, const pomex_settings *settings, pomex_clock *clock);

/* Opens libcurl for the first request; its sockets go into the epoll set. False with errno. */
bool pomex_net_open(pomex_net *net, int epoll_fd);

/* Closes every connection. `foreign`: this process is another than the one that opened them. It
 * only closes descriptors then, since libcurl's clean-up would unregister the owner's sockets. */
void pomex_net_close(pomex_net *net, bool foreign);

void pomex_net_free(pomex_net *net);

/* Calls libcurl for its timer, if curl_due has come. */
void pomex_net_run_timer(pomex_net *net);

/* The next transfer that libcurl has ended, and how it ended; NULL: none. */
pomex_transfer *pomex_net_next_ended(pomex_net *net, pomex_outcome *outcome);

#endif
