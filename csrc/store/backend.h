/* What a back end is: a table of functions, each called by the store's thread alone (except
 * `check`). It answers requests as store.h says of each verb. */
#ifndef POMEX_STORE_BACKEND_H
#define POMEX_STORE_BACKEND_H

#include "store/store.h"

#include <stdatomic.h>

typedef struct pomex_store_backend {
    const char *name;

    /* Whether the store could be opened; leaves nothing open. In the caller's thread. */
    bool (*check)(const pomex_store_options *options, char *why, size_t why_size);

    /* Opens or makes the store. `closing`: becomes true when the caller no longer waits; a back end
     * that waits for a lock looks at it. NULL with `why`, and with what kind of failure it is. */
    void *(*open)(const pomex_store_options *options, const atomic_bool *closing,
                  enum pomex_store_answer *answer, char *why, size_t why_size);

    /* Carries out requests that change something, in the order given, in as few transactions as it
     * can, each request wholly or not at all, and sets `answer` of each. It returns when they are
     * as durable as their verbs say. */
    void (*carry_out)(void *self, pomex_store_request **requests, size_t count);

    /* Carries out one that only reads. */
    void (*read)(void *self, pomex_store_request *request);

    /* For how many nanoseconds the last carry_out kept others out of the store; 0 where nobody else
     * uses it. The thread leaves the store alone for as long. */
    int64_t (*held)(void *self);

    void (*close)(void *self);
} pomex_store_backend;

extern const pomex_store_backend pomex_store_sqlite;
#ifdef POMEX_WITH_POSTGRESQL
extern const pomex_store_backend pomex_store_postgresql;
#endif

/* Whether the path of a store is the URL of a database: "postgresql://…" or "postgres://…". */
bool pomex_store_is_url(const char *path);

/* The back end for a path. NULL: it is a URL, and this build has none for those. */
const pomex_store_backend *pomex_store_backend_of(const char *path);

/* Answers with one line, as printf; frees nothing. */
__attribute__((format(printf, 3, 4))) void pomex_store_answer(pomex_store_request *request,
                                                              enum pomex_store_answer answer,
                                                              const char *format, ...);

/* Whether a job of another account needs nothing more: what failed, was cancelled or expired. What
 * is done counts, since it was not made where it is asked for now. */
static inline bool pomex_store_is_given_up(int state)
{
    return state >= POMEX_STORE_FAILED && state <= POMEX_STORE_EXPIRED;
}

/* Whether the verb only reads, and whether its answer must be on the disk. */
bool pomex_store_reads(const pomex_store_request *request);
bool pomex_store_durable(const pomex_store_request *request);

/* Who a worker is, for people: "studio on web-1, process 4711". `name` may be NULL. */
#define POMEX_STORE_WHO 400
void pomex_store_who(const char *name, char who[POMEX_STORE_WHO]);

#endif
