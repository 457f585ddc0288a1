/* What was asked for, and how far it has come. */
#ifndef POMEX_OPERATION_H
#define POMEX_OPERATION_H

#include "base/error.h"
#include "operation/context.h"
#include "rules/endpoint.h"

enum pomex_state {
    POMEX_QUEUED, /* waits for its turn: limiter, admission */
    POMEX_FLYING, /* an attempt runs */
    POMEX_PAUSED, /* sleeps until its timer */
    POMEX_DONE
};

/* A kind of operation: what its own part (pomex_operation.own) needs done. A row that is NULL is
 * for a kind that needs nothing there. */
typedef struct pomex_kind {
    /* The operation is about to be done: lets go of what must not outlive that. */
    void (*over)(pomex_operation *operation);
    /* Frees the own part. */
    void (*free)(void *own);
    /* See pomex_operation_progress and pomex_operation_looks_like. */
    void (*progress)(const pomex_operation *operation, int64_t *done, int64_t *total);
    const char *(*looks_like)(const pomex_operation *operation);
    const char *(*sum)(const pomex_operation *operation); /* see pomex_operation_sum */
    /* The method of a caller's own request, whose events have method and path. */
    const char *(*method)(const pomex_operation *operation);
    bool about_task; /* it is about a task that was made before */
} pomex_kind;

/* What an operation is doing, as a table of what to do next. Every kind of operation goes
 * through one or more stages; only the stage knows what an answer means. */
typedef struct pomex_stage {
    /* Fills in the request of the next attempt; false: the operation has ended itself. */
    bool (*request)(pomex_operation *operation, pomex_request *request);
    /* The attempt is over, and the transfer still there to read. The stage goes on by
     * pomex_queue_add, pomex_operation_pause or pomex_operation_finish. */
    void (*ended)(pomex_operation *operation, const pomex_outcome *outcome);
    /* The timer rang while the operation was queued or paused. */
    void (*rang)(pomex_operation *operation);
    /* The deadline of the attempt that starts now. */
    int64_t (*attempt_deadline)(const pomex_operation *operation, int64_t now);
    /* The attempt's deadline came, and the operation's has not: true if the attempt is to end, else
     * the timer was set anew. NULL: it always ends. */
    bool (*stalled)(pomex_operation *operation, int64_t now);
    /* The error to report when the operation is cancelled between attempts. NULL:
     * cancelled_error. */
    pomex_error *(*cancelled)(pomex_operation *operation);
    /* And where there is no memory or descriptor for an attempt. NULL: the error that says so. */
    pomex_error *(*starved)(pomex_operation *operation);
} pomex_stage;

struct pomex_operation {
    pomex_context *context; /* a reference */
    unsigned refs;
    enum pomex_effect effect; /* what sending its request twice could do */
    uint8_t state;
    uint8_t news;      /* pomex_news not yet taken */
    bool low_priority; /* queues behind calls */
    int attempts;
    int max_retries;
    uint64_t id;
    uint64_t turn; /* its place among those that queue */
    const pomex_kind *kind;
    void *own; /* the part that only its kind knows; or NULL */
    const pomex_stage *stage;
    const pomex_endpoint *endpoint; /* of the request at hand */
    pomex_timer timer;
    pomex_node in_all;
    pomex_node in_queue;
    pomex_node in_news;
    int64_t started;
    int64_t deadline;
    int64_t
        expires; /* no byte of its request is sent after this time of BOOTTIME; POMEX_NEVER */
    int64_t overdue; /* when the attempt was to end, while its ring is put off; 0: it is not */
    pomex_transfer *transfer; /* while FLYING */
    char *object_id;          /* of the asset or task; or NULL */
    char *url_path;           /* path and query below the base URL; or NULL: from object_id */
    char *body;
    size_t body_length;
    pomex_buffer reply;
    int status;
    pomex_error *error;
    pomex_error *last;          /* what the last attempt ran into, while there may be another */
    char *request_id;           /* the X-Request-Id of the last attempt's answer; or NULL */
    pomex_kept_event *response; /* the event of the attempt that ended, until it is settled */
};

/* A new operation that is in the context's list, with `deadline` (POMEX_NEVER: none); NULL if
 * memory ran out. Two references: the client's and the caller's. */
pomex_operation *pomex_operation_new(pomex_context *context, const pomex_kind *kind,
                                     const pomex_stage *stage, const pomex_endpoint *endpoint,
                                     int64_t deadline);

/* Nothing until `until`. */
void pomex_operation_pause(pomex_operation *operation, int64_t until);

/* Done: with `error` (taken over), or with what is in `reply` if that is NULL. */
void pomex_operation_finish(pomex_operation *operation, pomex_error *error);

/* News for pomex_client_next. */
void pomex_operation_tell(pomex_operation *operation, unsigned news);

/* The timer rang. */
void pomex_operation_rang(pomex_operation *operation);

/* An error that names what the operation was about, of a request formed but not answered. The API
 * key is masked in its message. */
pomex_error *pomex_operation_error_new(const pomex_operation *operation, const char *type,
                                       const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Such a timeout_error: the same call may succeed later. */
pomex_error *pomex_operation_timed_out(const pomex_operation *operation, const char *format,
                                       ...) __attribute__((format(printf, 2, 3)));

/* Has the error name the request that was answered last, unless it names one. */
void pomex_operation_show_request(const pomex_operation *operation, pomex_error *error);

/* A copy of the service's text for use in an error, with the API key masked. NULL: no memory. */
char *pomex_operation_shown(const pomex_operation *operation, const char *text);

#endif
