/* The randomised run: calls of every kind through a network of faults, each held against what
 * the service did. See main in run.c for what it promises. */
#ifndef RUN_H
#define RUN_H

#include "faults.h"
#include "inside.h"
#include "pomex.h"
#include "sandbox.h"

#include <pthread.h>

enum kind {
    GENERATION, /* billed */
    RAW,        /* the same by pomex_client_request: never sent again, whatever comes */
    UPLOAD,
    SESSION,
    ASSET_GET,
    TASK_GET,
    LIST,
    WAIT,
    DOWNLOAD,
    KINDS
};

enum told { PENDING, GOOD, NOTHING, AMBIGUOUS, TOLD };

#define ID_SIZE 48

typedef struct run_call {
    enum kind kind;
    enum told told;
    pomex_operation *op; /* NULL: given up, while the client goes on with it */
    uint64_t operation;
    const char *type;  /* of the error */
    const char *cause; /* of an ambiguous one */
    char message[80];
    char id[ID_SIZE];   /* given: of what was made, or read */
    char want[ID_SIZE]; /* asked for, if it is known */
    bool wrong;         /* the answer is not what was asked for */
    int posts;          /* how often it was sent, by the client's own account */
    int status;         /* of the last answer to it; 0: none, or it broke off */
    int64_t began;      /* ns of the system's clock */
    int64_t ended_at;   /* the step by whose look its last attempt ended; 0: none has */
    unsigned ends;      /* how often its end was told */
    unsigned done_events;
    unsigned left;      /* attempts of which a byte left the client */
    unsigned unwritten; /* … of which the first write failed: how much left, nobody is told */
    unsigned answered;  /* … that an answer came to, by the client's own account */
    bool stopped;       /* by us: cancelled, or its client closed */
    bool unsent_only;   /* billed_retry = "unsent" */

    /* What the network saw of it; under the network's lock. */
    unsigned seen;      /* times that a byte of it came */
    unsigned lies;      /* politely refused after it was carried out */
    int64_t good_at;    /* when a whole good answer had been written; 0: none was */
    const char *struck; /* what its last request met */

    /* What the service has. */
    unsigned made;
    bool has_id; /* the id given is among them */
    char made_id[ID_SIZE];
} run_call;

/* --------------------------------------------------------------------- network.c: the faults
 */
typedef struct network {
    pthread_mutex_t lock;
    uint64_t seed;
    run_call *calls;
    size_t count;
    int port; /* of the service */
    bool tls;
    uint64_t requests;
    uint64_t connections;
    uint64_t struck[FAULT_MOST];
    fault_server *server;
    fault_server *proxy;
    int proxy_port; /* of the network, behind the proxy */
    fault_chooser chooser, proxy_chooser;
    char ca_file[64]; /* "": plain */
    uint64_t outages;
} network;

bool network_start(network *n, const sandbox *sb, uint64_t seed, run_call *calls, size_t count,
                   bool tls);
void network_stop(network *n);

/* Refuses connections for a moment. */
void network_outage(network *n);
void network_print(const network *n);

/* The number of the call that left this mark ("call-17-"); -1: none. */
long network_mark(const char *text);

/* -------------------------------------------------------- caller.c, calls.c: the client's side
 */
#define RECENT 64

typedef struct caller {
    run_dice dice;
    network *network;
    sandbox *sb;
    pomex_client *client;
    bool unsent_only; /* this client's billed_retry = "unsent" */
    run_call *calls;
    size_t total;   /* calls to make in all */
    size_t started; /* … of which so many have begun */
    size_t round;   /* the first call of this client */
    size_t ended;
    size_t most;  /* under way at once */
    double speed; /* seconds of the client's clock in one of the system's */
    int64_t base, ahead, slept;
    int64_t looked_at; /* ns of the system's clock: the step that last asked the sockets */
    char groups[2][ID_SIZE];
    char asset[ID_SIZE];
    char recent[RECENT][ID_SIZE]; /* tasks */
    char task[ID_SIZE];           /* whose video is known: */
    char link[512];
    char *video;
    size_t video_length;
    char folder[48];
    char last_name[64]; /* of the last upload, */
    int last_group;     /* its group, */
    int64_t last_at;    /* and when it began */
    unsigned pauses, restarts, closes, cancels, dropped, notices;
    unsigned lost_events, strays; /* never more than 0 */
} caller;

/* Readies what the calls refer to. */
bool caller_init(caller *c);

/* Runs all calls to their end. */
void caller_run(caller *c);
void caller_free(caller *c);

/* Starts the next call, of a kind that the dice choose. */
pomex_operation *calls_start(caller *c, run_call *call);

/* Notes what its operation, which has ended, was told. */
void calls_note(caller *c, run_call *call, const pomex_operation *op);

/* ------------------------------------------------------------- sent.c: libcurl's own writes */
/* From now on what this thread writes is counted in `left` of the calls. */
void sent_count(run_call *calls, size_t count);

/* --------------------------------------------------------------------- verdict.c: the judge */
/* How many calls broke a promise; says which. */
size_t verdict_of(const sandbox *sb, const char groups[2][ID_SIZE], run_call *calls,
                  size_t count);
void verdict_print(const run_call *calls, size_t count);

#endif
