/* One operation: what the caller asked for, and how far it has come. */
#ifndef POMEX_OPERATION_H
#define POMEX_OPERATION_H

#include "base/error.h"
#include "operation/context.h"
#include "rules/endpoint.h"

enum pomex_state {
    POMEX_QUEUED,   /* waits for its turn: limiter, admission */
    POMEX_STANDING, /* had its turn, and waits until its caller lets it go on */
    POMEX_FLYING,   /* an attempt runs */
    POMEX_PAUSED,   /* sleeps until its timer */
    POMEX_DONE
};

/* A kind of operation: the functions for its own part (pomex_operation.own). A function that its
 * kind does not need is NULL. */
typedef struct pomex_kind {
    /* The operation is about to be done: releases what must not outlive that. */
    void (*over)(pomex_operation *operation);
    /* Frees the own part. */
    void (*free)(void *own);
    /* See pomex_operation_progress and pomex_operation_looks_like. */
    void (*progress)(const pomex_operation *operation, int64_t *done, int64_t *total);
    const char *(*looks_like)(const pomex_operation *operation);
    const char *(*sum)(const pomex_operation *operation); /* see pomex_operation_sum */
    /* The HTTP method of a caller's own request; the events of such a request show method and
     * path. */
    const char *(*method)(const pomex_operation *operation);
    bool about_task; /* it concerns a task that was made before */
} pomex_kind;

/* A stage of an operation, as a table of what to do next. Every kind of operation goes through one
 * or more stages; only the stage knows what an answer means. */
typedef struct pomex_stage {
    /* Fills in the request of the next attempt; false: the operation has ended itself. */
    bool (*request)(pomex_operation *operation, pomex_request *request);
    /* The attempt is over; its transfer can still be read. The stage goes on by pomex_queue_add,
     * pomex_operation_pause or pomex_operation_finish. */
    void (*ended)(pomex_operation *operation, const pomex_outcome *outcome);
    /* The timer rang while the operation was queued or paused. */
    void (*rang)(pomex_operation *operation);
    /* The deadline of the attempt that starts now. */
    int64_t (*attempt_deadline)(const pomex_operation *operation, int64_t now);
    /* The attempt's deadline came, but not the operation's. True: the attempt is to end. False:
     * this function has set the timer anew. NULL: the attempt always ends. */
    bool (*stalled)(pomex_operation *operation, int64_t now);
    /* The error to report when the operation is cancelled between attempts. NULL:
     * cancelled_error. */
    pomex_error *(*cancelled)(pomex_operation *operation);
    /* The error to report when memory or descriptors for an attempt run out. NULL: an error that
     * says so. */
    pomex_error *(*starved)(pomex_operation *operation);
} pomex_stage;

struct pomex_operation {
    pomex_context *context; /* a reference */
    unsigned refs;
    enum pomex_effect effect; /* what sending its request twice could do */
    uint8_t state;
    uint8_t news;      /* news that pomex_client_next has not returned yet */
    bool low_priority; /* queues behind calls */
    bool adopts;       /* takes the one task that can be its own, if its answer is lost */
    bool unsought;     /* looks for no such task */
    bool doubtful;     /* a service that refused it can have carried it out all the same */
    bool unsent_only;  /* a billed request is repeated only if it never left */
    bool stands_by;    /* will stand when its turn comes */
    bool holds_slot;   /* counts among those in flight, and has `slot`, without an attempt */
    pomex_slot slot;
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
    int64_t attempt_time; /* how long one attempt can take, in ns */
    uint64_t
        creating;    /* pomex_held_begin's account, from when it is sent; 0: it makes no task */
    int64_t expires; /* no byte is sent after this time of BOOTTIME; POMEX_NEVER */
    int64_t overdue; /* when the attempt should have ended, if its end is put off; else 0 */
    pomex_transfer *transfer; /* while FLYING */
    char *object_id;          /* id of the asset or task; or NULL */
    char *url_path;           /* path and query below the base URL; NULL: see object_id */
    /* Headers of this call and of the client, for the service alone; NULL: the client's. */
    struct curl_slist *headers;
    char *body;
    size_t body_length;
    pomex_buffer reply;
    int status;
    pomex_error *error;
    pomex_error *last;          /* the error of the last attempt, while there can be another */
    int64_t date;               /* of a list of tasks: its Date, seconds since 1970; 0: none */
    char *request_id;           /* the X-Request-Id of the last attempt's answer; or NULL */
    pomex_kept_event *response; /* the event of the attempt that ended, until it is settled */
};

/* A new operation that is in the context's list, with `deadline` (POMEX_NEVER: none); NULL if
 * memory ran out. Two references: the client's and the caller's. */
pomex_operation *pomex_operation_new(pomex_context *context, const pomex_kind *kind,
                                     const pomex_stage *stage, const pomex_endpoint *endpoint,
                                     int64_t deadline);

/* Adds the caller's headers (NULL: none) to the requests of the operation that go to the service.
 * NULL, or what is wrong with them. */
pomex_error *pomex_operation_dress(pomex_operation *operation, const json_t *headers);

/* Takes those options of the caller that mean the same for every kind of operation. NULL, or what
 * is wrong with them. */
pomex_error *pomex_operation_take(pomex_operation *operation,
                                  const pomex_call_options *options);

/* The operation pauses until `until`. */
void pomex_operation_pause(pomex_operation *operation, int64_t until);

/* The operation is done: with `error` (taken over), or if that is NULL with the answer in
 * `reply`. */
void pomex_operation_finish(pomex_operation *operation, pomex_error *error);

/* Adds news for pomex_client_next. */
void pomex_operation_tell(pomex_operation *operation, unsigned news);

/* The operation's timer rang. */
void pomex_operation_rang(pomex_operation *operation);

/* An error of the operation, with its endpoint, attempts and id. The API key is masked in the
 * message. */
pomex_error *pomex_operation_error_new(const pomex_operation *operation, const char *type,
                                       const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A timeout_error of that form, which is retryable. */
pomex_error *pomex_operation_timed_out(const pomex_operation *operation, const char *format,
                                       ...) __attribute__((format(printf, 2, 3)));

/* Sets the error's request_id to that of the latest answer, unless the error has one. */
void pomex_operation_show_request(const pomex_operation *operation, pomex_error *error);

/* A copy of the service's text for use in an error, with the API key masked. NULL: no memory. */
char *pomex_operation_shown(const pomex_operation *operation, const char *text);

#endif
