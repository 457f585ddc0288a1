/* What was asked for, and how far it has come. */
#ifndef POMEX_OPERATION_H
#define POMEX_OPERATION_H

#include "engine/client.h"

enum pomex_state {
    POMEX_QUEUED, /* waits for its turn: limiter, admission */
    POMEX_FLYING, /* an attempt runs */
    POMEX_PAUSED, /* sleeps until its timer */
    POMEX_DONE
};

/* What an operation is doing, as a table of what to do next. Every kind of operation goes
 * through one or more stages; only the stage knows what an answer means. */
typedef struct pomex_stage {
    /* Fills in the request of the next attempt; false: the operation has ended itself. */
    bool (*request)(pomex_operation *operation, pomex_request *request);
    /* The attempt is over, and the transfer still there to read. The stage goes on by
     * pomex_operation_queue, _pause or _finish. */
    void (*ended)(pomex_operation *operation, const pomex_outcome *outcome);
    /* The timer rang while the operation was queued or paused. */
    void (*rang)(pomex_operation *operation);
    /* The deadline of the attempt that starts now. */
    int64_t (*attempt_deadline)(const pomex_operation *operation, int64_t now);
    /* What its caller is told who ends it while no attempt runs. NULL: cancelled_error. */
    pomex_error *(*cancelled)(pomex_operation *operation);
    /* And where there is no memory to make one. NULL: memory_error. */
    pomex_error *(*starved)(pomex_operation *operation);
} pomex_stage;

struct pomex_operation {
    pomex_client *client; /* a reference */
    unsigned refs;
    enum pomex_effect effect; /* what sending its request twice could do */
    uint8_t state;
    uint8_t news;      /* pomex_news not yet taken */
    bool low_priority; /* queues behind calls */
    bool updates;
    bool progress;
    bool sync;
    int attempts;
    int max_retries;
    uint64_t id;
    uint64_t turn; /* its place among those that queue */
    const pomex_stage *stage;
    const pomex_endpoint *endpoint; /* of the request at hand */
    pomex_timer timer;
    pomex_node in_all;
    pomex_node in_queue;
    pomex_node in_news;
    int64_t started;
    int64_t deadline;
    int64_t overdue; /* when the attempt was to end, while its ring is put off; 0: it is not */
    pomex_transfer *transfer; /* while FLYING */
    char *object_id;          /* of the asset or task; or NULL */
    char *url_path;           /* path and query below the base URL; or NULL: from object_id */
    char *body;
    size_t body_length;
    pomex_buffer reply;
    int status;
    pomex_error *error;
    pomex_error *last; /* what the last attempt ran into, while there may be another */
    struct pomex_wait *wait;
    struct pomex_download *download;
    struct pomex_lookup *lookup;
    struct pomex_raw *raw;
};

/* A new operation that is in the client's list, with `deadline` (POMEX_NEVER: none); NULL if
 * memory ran out. Two references: the client's and the caller's. */
pomex_operation *pomex_operation_new(pomex_client *client, const pomex_stage *stage,
                                     const pomex_endpoint *endpoint, int64_t deadline);

/* The next attempt, when its turn comes. */
void pomex_operation_queue(pomex_operation *operation);

/* The attempt that ended found no room: it is not counted, and goes first when there is some. */
void pomex_operation_again(pomex_operation *operation);

/* shortage.c: whether the attempt found no descriptor; `operation` then waits for one, or is done. */
bool pomex_shortage_met(pomex_operation *operation, const pomex_transfer *transfer,
                        const pomex_outcome *outcome);

/* Leaves its queue, if it is in one. */
void pomex_operation_unqueue(pomex_operation *operation);

/* Starts what may start, unless a step is running, which will. */
void pomex_operation_kick(pomex_client *client);

/* Nothing until `until`. */
void pomex_operation_pause(pomex_operation *operation, int64_t until);

/* Done: with `error` (taken over), or with what is in `reply` if that is NULL. */
void pomex_operation_finish(pomex_operation *operation, pomex_error *error);

/* News for pomex_client_next. */
void pomex_operation_tell(pomex_operation *operation, unsigned news);

/* Starts the attempt of an operation whose turn has come, with the limiter's slot. */
void pomex_operation_start(pomex_operation *operation, pomex_slot slot);

/* The attempt's transfer is over. */
void pomex_operation_attempt_ended(pomex_operation *operation, pomex_outcome *outcome);

/* The timer rang. */
void pomex_operation_rang(pomex_operation *operation);

/* The caller's own request: what the endpoint table does not say. */
struct pomex_raw {
    char *method;
    struct curl_slist *headers;
};

/* --- call.c, outcome.c, request.c: calls */
extern const pomex_stage pomex_call_stage;

/* The error of an attempt whose answer, if any, is in `body`. */
pomex_error *pomex_outcome_error(const pomex_operation *operation, const pomex_outcome *outcome,
                                 const pomex_buffer *body);

/* Keeps the names of the service's own for what it calls an error in `answer` (or NULL): code and
 * type of its "error". */
void pomex_outcome_name(const pomex_operation *operation, pomex_error *error,
                        const json_t *answer);

/* The id of the object that a usable 2xx made; NULL if it is not usable. The caller frees it.
 */
char *pomex_reply_id(const pomex_operation *operation);

/* --- billed.c: whether a video is paid for, by what ends the operation */
pomex_billed pomex_billed_of(const pomex_operation *operation, const pomex_error *error);

/* `error`, made into an ambiguous_error of which it is the cause. */
pomex_error *pomex_outcome_ambiguous(const pomex_operation *operation, pomex_error *error);

/* base URL + url_path (or endpoint + object_id), for a request; NULL if memory ran out. */
char *pomex_request_url(const pomex_operation *operation);

/* Appends "?a=b&c=d" of an object's strings, numbers, booleans and arrays of strings (joined
 * by commas); nulls are left out. False if memory ran out. */
bool pomex_request_append_query(pomex_buffer *url_path, const json_t *query);

/* The attempt ended in a way that makes another worth while: pauses for it, or finishes with
 * `error` (taken over) where retries or time have run out. `spare`: nanoseconds that must be
 * left of the deadline when the next attempt starts. */
void pomex_operation_retry(pomex_operation *operation, const pomex_outcome *outcome,
                           pomex_error *error, int64_t spare);

/* The attempt deadline of everything that is not billed: request_timeout, within the
 * operation's own deadline. */
int64_t pomex_attempt_deadline(const pomex_operation *operation, int64_t now);

/* An error that names what the operation was about, of a request formed but not answered. */
pomex_error *pomex_operation_error_new(const pomex_operation *operation, const char *type,
                                       const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A copy of what the service said, for an error: it cannot show us our own key. NULL: no
 * memory. */
char *pomex_operation_shown(const pomex_operation *operation, const char *text);

/* --- lookup.c: uploads of which nobody knows */

/* Readies an upload for a lookup: keeps its name, type and group; gives it a name of 128
 * random bits if it has none. *body is replaced by the body to send. False: no memory. */
bool pomex_lookup_prepare(pomex_operation *operation, json_t **body);

/* Looks whether the upload that ended with `error` (taken over) was carried out. */
void pomex_lookup_begin(pomex_operation *operation, const pomex_outcome *outcome,
                        pomex_error *error);
void pomex_lookup_free(struct pomex_lookup *lookup);

/* The upload stays in doubt: whatever is like it is in doubt with it, for a while. */
void pomex_lookup_doubt(pomex_operation *operation);

/* The service turned the upload away. It is believed, and asked again; but if it stored it all
 * the same, nobody knows that asset: once the operation is over, the next of the same name must
 * not take it for its own. */
void pomex_lookup_turned_away(pomex_operation *operation);
void pomex_lookup_over(pomex_operation *operation);

/* --- wait.c, download.c, request.c: the parts of an operation that only they know */
void pomex_wait_free(struct pomex_wait *wait);
void pomex_download_free(struct pomex_download *download);
/* Closes its file, which also unlocks it. */
void pomex_download_let_go(pomex_operation *operation);
void pomex_raw_free(struct pomex_raw *raw);

/* The timer of a flying download rang before its time is up: true if it has crawled, else the
 * timer is set anew. */
bool pomex_download_stalled(pomex_operation *operation, int64_t now);

#endif
