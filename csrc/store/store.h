/* The store of durable jobs: which jobs there are, what was asked of the service for each, what
 * that may have cost, and who works on them. Several processes share one store; all of it is
 * plain C data, so that no Lua and no network of the API is known here.
 *
 * HOW IT IS USED. The caller makes a request, fills in the part that its verb names, and submits
 * it. The store's one thread carries it out, and the answered request comes back through
 * pomex_store_take; pomex_store_fd is readable while one waits there. No function below waits for
 * a disk, with two exceptions that say so: pomex_store_open and pomex_store_close.
 *
 * WHO OWNS WHAT. A request is the caller's until it is submitted, the store's until it is taken,
 * and the caller's again until pomex_store_request_free. Every pointer in it must stay valid for
 * as long as the store has it; pomex_store_copy puts a text into the request's own memory. What
 * the store answers is in that memory too, and goes with the request.
 *
 * WHAT IS ATOMIC. Each request happens wholly or not at all. Requests that have gathered are
 * carried out in one transaction: beats first, then facts, begins, and the rest, each kind in the
 * order of submission. Nothing is answered before that transaction has ended.
 *
 * WHAT IS DURABLE. "Durable" below: what was answered is on the disk, and outlives a power loss.
 * The other verbs outlive the death of every process, but not that of the machine, with which
 * all workers die as well. Who lost an answer asks BEGIN, FACT, MOVE, BURY, LEAVE, PUT and QUEUE
 * again with the same content: they say what they said, or POMEX_STORE_KNOWN, and count nothing
 * twice. A claim whose answer was lost is undone by RELEASE.
 *
 * Times are milliseconds since 1970 by the wall clock, unless a name says otherwise. They decide
 * when something is done, never whose it is. Money is in whole millionths of the currency. Texts
 * are UTF-8 and end with a NUL. A flag is 0 or 1. */
#ifndef POMEX_STORE_H
#define POMEX_STORE_H

#include "store/verbs.h"

#include <stdbool.h>

typedef struct pomex_store pomex_store;

typedef struct pomex_store_request {
    enum pomex_store_verb verb;
    void *user; /* the caller's; the store does not look at it */
    union {
        pomex_store_beat beat;
        pomex_store_join join;
        pomex_store_leave leave;
        pomex_store_bury bury;
        pomex_store_claim claim;
        pomex_store_begin begin;
        pomex_store_fact fact;
        pomex_store_move move;
        pomex_store_release release;
        pomex_store_gate gate;
        pomex_store_queue queue; /* QUEUE, CAP, PAUSE */
        pomex_store_put put;
        pomex_store_person person;  /* RETRY to FORGET */
        pomex_store_continue go_on; /* CONTINUE */
        pomex_store_backup backup;
        pomex_store_get get;
        pomex_store_list list;
        pomex_store_counts counts;
        pomex_store_events events;
        pomex_store_workers workers;
    };
    enum pomex_store_answer answer;
    const char *why; /* one line for a person; NULL where the answer says all */
    /* The store's own. */
    struct pomex_store_chunk *memory;
    struct pomex_store_request *next;
    int internal; /* flag: of the thread's own */
    int starved;  /* flag: there was no memory for something that was to be answered */
} pomex_store_request;

/* A zeroed request of that verb. NULL: no memory. */
pomex_store_request *pomex_store_request_new(enum pomex_store_verb verb);

/* NULL is allowed. */
void pomex_store_request_free(pomex_store_request *request);

/* `size` zeroed bytes that live as long as the request. NULL: no memory. */
void *pomex_store_memory(pomex_store_request *request, size_t size);

/* A copy of `text` that lives as long as the request. NULL: no memory, or text was NULL. */
const char *pomex_store_copy(pomex_store_request *request, const char *text);

typedef struct pomex_store_options {
    const struct pomex_store_backend *backend;
    const char *path; /* of the store's file, whose folder must be there; or a database's URL */
    int any_file_system;  /* flag: take one that is not known to keep locks and syncs */
    double beat_seconds;  /* between two beats; 0: 5 */
    double still_seconds; /* that a dead worker's beat stands still; 0: 60 */
} pomex_store_options;

/* Looks whether the store can be used, and closes it again, so that a process may fork after this;
 * a store that is not there yet counts as usable. WAITS for the disk. NULL with one line in `why`.
 * The options and what they point to are copied. */
pomex_store *pomex_store_open(const pomex_store_options *options, char *why, size_t why_size);

/* Hands a request over. The first call starts the store's thread, in the process that makes it.
 * False with `why`, and the request stays the caller's: no thread could be had, or this is
 * another process than the one that used the store first. */
bool pomex_store_submit(pomex_store *store, pomex_store_request *request, char *why,
                        size_t why_size);

/* The descriptor that is readable while answered requests wait; -1 before the first submit. */
int pomex_store_fd(const pomex_store *store);

/* The next answered request, which is the caller's from now on. NULL: none, for now. */
pomex_store_request *pomex_store_take(pomex_store *store);

/* Tells the store that its host runs, and by when (BOOTTIME, nanoseconds) it has work due; NEVER:
 * it has none. A host that is 10 minutes late is taken for dead: its worker beats no longer. */
void pomex_store_stepped(pomex_store *store, int64_t work_due);

/* When (BOOTTIME, nanoseconds) the last beat that was acknowledged was asked for. 0: none was, or
 * the worker is buried. No byte of a request may leave 45 s after that. */
int64_t pomex_store_beat_asked(pomex_store *store);

/* Carries out what was submitted, lets the worker leave, and ends the thread; frees every request
 * that was not taken. WAITS 2 s at most: a thread that hangs on a disk is left to end by itself.
 * In a child of the process that used the store it only gives the memory back. */
void pomex_store_close(pomex_store *store);

#endif
