/* The client as its own files see it. */
#ifndef POMEX_CLIENT_H
#define POMEX_CLIENT_H

#include "base/error.h"
#include "base/list.h"
#include "base/timer.h"
#include "net/limiter.h"
#include "net/transfer.h"

#include <sys/epoll.h>
#include <sys/types.h>

#define POMEX_EPOLL_EVENTS 64

/* Options, checked and copied. */
typedef struct pomex_settings {
    pomex_options options; /* its pointers are unset but for the clock's */
    char *authorization;   /* "Authorization: Bearer …"; see secret.h */
    size_t authorization_size;
    char *user_agent;
    char *base_url; /* without a trailing slash */
    bool base_is_loopback;
    char *proxy;
    char *ca_file;
    char *ca_path;
} pomex_settings;

/* Checks and copies. NULL, or what is wrong (for the caller to free). */
pomex_error *pomex_settings_init(pomex_settings *settings, const pomex_options *options);
void pomex_settings_free(pomex_settings *settings);

/* The options that a caller gave for one operation; for NULL the defaults. */
const pomex_call_options *pomex_call_options_given(const pomex_call_options *options);

/* key.c: sets authorization from the key that the options name. NULL, or what is wrong. */
pomex_error *pomex_key_take(pomex_settings *settings, const pomex_options *options);

/* trust.c: sets ca_file and ca_path. NULL, or what is wrong. */
pomex_error *pomex_trust_take(pomex_settings *settings, const pomex_options *options);

/* The API key; NULL once they are freed. */
const char *pomex_settings_key(const pomex_settings *settings);

/* A descriptor that libcurl uses; see socket.c. */
typedef struct pomex_socket {
    uint8_t wanted;     /* what libcurl wants: EPOLLIN, EPOLLOUT */
    uint8_t registered; /* what the epoll set has; 0: nothing */
    bool in_set;
    bool ours;  /* opened by our callback, so closed by ours too */
    CURL *easy; /* whose attempt wants it; NULL: nobody's */
} pomex_socket;

/* An id that this client was given for something it made. */
typedef struct pomex_created {
    uint64_t hash;
    int64_t at;
} pomex_created;

typedef struct pomex_events {
    pomex_event *ring;
    size_t first;
    size_t count;
    size_t lost;
} pomex_events;

struct pomex_client {
    unsigned refs; /* the caller's, and one for each operation */
    bool closed;
    bool stepping;
    bool woken;   /* the eventfd is set */
    bool behind;  /* the last step ran out of its budget */
    bool unheard; /* news came about since the last step */
    pid_t pid;    /* 0: not used yet */
    pomex_settings settings;
    pomex_clock_fn clock;
    void *clock_user;

    int epoll_fd;
    int timer_fd;
    int wake_fd;
    CURLM *multi;
    int64_t now;        /* the time when last read; see pomex_recent */
    int64_t curl_due;   /* when libcurl wants to be called; POMEX_NEVER */
    int64_t queue_due;  /* when a queued operation may start */
    int64_t watch_at;   /* when to watch again what could not be watched; POMEX_NEVER */
    int64_t wake_at;    /* when the host wants to step; POMEX_NEVER */
    int64_t stepped_at; /* when the last step ended */
    int64_t gap_from;   /* the latest time between steps in which deadlines were missed … */
    int64_t gap_to;     /* … and its end */
    int64_t armed;      /* what the timerfd is set to; POMEX_NEVER: not */
    int64_t asleep;     /* BOOTTIME - MONOTONIC when last looked at */
    pomex_socket *sockets;
    size_t socket_count;
    struct epoll_event ready[POMEX_EPOLL_EVENTS]; /* what poll found, for the next step */
    int ready_count;
    bool batch_was_full;
    size_t room;   /* most attempts at once, since descriptors ran out; 0: as the options say */
    bool squeezed; /* libcurl closes idle connections for new ones */
    uint64_t squeezed_after; /* … of attempts with a number above this */
    uint64_t last_attempt;
    int64_t short_at;     /* when a socket was last not to be had for that reason; -1 */
    int open_problem;     /* errno of pomex_client_open */
    bool ready_from_poll; /* `ready` is whole, and as poll left it */
    size_t batches;       /* full ones in a row */
    int64_t batch_at;     /* when `ready` was filled */
    int64_t swept_at;     /* every socket that was ready by then has been read */
    bool system_ca_path;  /* the system has a folder of hashed certificates */
    uint64_t random;

    pomex_timers timers;
    pomex_limiter *limiter;
    pomex_node all; /* operations that are not done */
    size_t pending;
    pomex_node queues[2][POMEX_ENDPOINTS]; /* calls, polls */
    pomex_node news;
    pomex_node
        yielded; /* transfers that we paused so that others have a turn; the step goes on with them */
    pomex_node told; /* done and taken; released at the next step */
    size_t in_flight;
    size_t downloads;
    int starts;         /* in this step */
    int calls_in_a_row; /* started while a poll waited for its turn */
    size_t queued;
    uint64_t last_turn;
    uint64_t last_id;
    pomex_transfer *pool;
    struct curl_slist auth_header, cache_header, expect_header, type_header;
    pomex_created *created;
    size_t created_first, created_count, created_capacity;
    bool adopts_nothing; /* an id or a doubtful upload could not be remembered */
    pomex_events events;
};

/* The monotonic time: read now, or as it was when last read in this round of the loop, which is
 * good enough for what is counted in milliseconds. */
int64_t pomex_now(pomex_client *client);
static inline int64_t pomex_recent(const pomex_client *client)
{
    return client->now;
}

/* Opens what a client needs once it is used. False with errno. */
bool pomex_client_open(pomex_client *client);
void pomex_client_unref(pomex_client *client);

/* A number in [0, 1). */
double pomex_random(pomex_client *client);

/* Remembers an id (or another name) for 300 s, and when; -1: it is not known. If memory runs
 * out, nothing is adopted any more. */
void pomex_created_add(pomex_client *client, const char *id);
int64_t pomex_created_at(const pomex_client *client, const char *id);

/* --- admission.c */

/* Most attempts that one step starts: 300 at once make a step of 198 ms, 16 one of 6 ms. */
#define POMEX_STARTS_A_STEP 16
void pomex_admission_run(pomex_client *client);

/* --- socket.c: libcurl's callbacks, and what the loop asks of the epoll set */
int pomex_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *user, void *private);
curl_socket_t pomex_socket_open(void *user, curlsocktype purpose,
                                struct curl_sockaddr *address);
int pomex_socket_close(void *user, curl_socket_t fd);
bool pomex_socket_watch(pomex_client *client, int fd, uint32_t events, bool known);
void pomex_socket_watch_again(pomex_client *client);
void pomex_socket_unwatch(pomex_client *client, int fd);
void pomex_socket_note_sleep(pomex_client *client);

/* --- loop.c */
bool pomex_loop_open(pomex_client *client);
void pomex_loop_close(pomex_client *client, bool foreign);
void pomex_loop_step(pomex_client *client, double budget);
/* Starts what may start; ends what has ended. */
void pomex_loop_run(pomex_client *client);
/* A step, or a call between two steps, begins: notes for how long nobody has stepped. */
void pomex_loop_note_gap(pomex_client *client);
/* Whether nobody stepped when `at` came, nor soon after: the host was busy, or the machine slept. */
bool pomex_loop_missed(const pomex_client *client, int64_t at);
/* Sets the timerfd to the earliest thing that step must see to. */
void pomex_loop_rearm(pomex_client *client);

/* --- shortage.c */
/* The error of a client that could not be opened for this errno. */
pomex_error *pomex_shortage_error(int problem);

/* --- event.c */
void pomex_event_add(pomex_client *client, const char *name, const pomex_operation *operation,
                     int status, double seconds, const char *type, const char *detail);

#endif
