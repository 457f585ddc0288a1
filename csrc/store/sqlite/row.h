/* Rows of jobs and attempts, and what an attempt counts for. */
#ifndef POMEX_SQ_ROW_H
#define POMEX_SQ_ROW_H

#include "store/sqlite/sqlite.h"

/* For so long the probe's begin shuts its account's gate again: milliseconds. The gate is then shut
 * until its attempt's `begun` and this, by which the probe is known. */
#define POMEX_SQ_PROBE_MS INT64_C(30000)

/* A job as the verbs need it. The texts are in the request's memory. */
typedef struct pomex_sq_job {
    int64_t id, queue, state, kind, fence, worker, attempt, account, blocked, stuck;
    const char *key, *task, *sha256;
} pomex_sq_job;

/* By id, or by queue and key. False: there is none, which is answered; or an error. */
bool pomex_sq_job_by_id(pomex_sq *self, pomex_store_request *request, int64_t id,
                        pomex_sq_job *job);
bool pomex_sq_job_by_key(pomex_sq *self, pomex_store_request *request, const char *queue,
                         const char *key, pomex_sq_job *job);
/* The job that had the id `task` in any of its attempts; `queue` NULL: in any queue. */
bool pomex_sq_job_by_task(pomex_sq *self, pomex_store_request *request, const char *queue,
                          const char *task, pomex_sq_job *job);

typedef struct pomex_sq_attempt {
    int64_t job, number, queue, worker, fence, account;
    int64_t begun, begun_boot; /* wall clock, ms; BOOTTIME of the machine's start `boot`, ms */
    int64_t cost, held, counted, in_flight, video;
    int64_t stage; /* -1: out; else its enum pomex_store_fact_kind, or POMEX_STORE_MADE */
    int64_t over;  /* its worker said that the request is over */
    const char *task, *boot;
} pomex_sq_attempt;

/* False: there is none, or an error; nothing is answered. */
bool pomex_sq_attempt_find(pomex_sq *self, pomex_store_request *request, int64_t job,
                           int64_t number, pomex_sq_attempt *attempt);

/* From now on the attempt holds so much money, counts as a video of the queue or not, and is a task
 * in flight or not: its row and the sums of queue and account change together. */
void pomex_sq_attempt_hold(pomex_sq *self, pomex_sq_attempt *attempt, int64_t held,
                           int64_t counted, int64_t in_flight);

/* The attempt is over. If it was the probe behind its account's gate, that opens (`answered`: the
 * service did not turn it away), or the next begin is the probe. */
void pomex_sq_probe_over(pomex_sq *self, const pomex_sq_attempt *attempt, bool answered);

/* The row of an account, made if there is none. */
int64_t pomex_sq_account(pomex_sq *self, const char *name, const char *base_url,
                         const char *key_hash, int64_t max_tasks);

/* The id of a queue. 0: there is none, which is answered; or an error. */
int64_t pomex_sq_queue_find(pomex_sq *self, pomex_store_request *request, const char *name);

/* Whether the worker lives and what account it has; else the answer is BURIED or MISSING. */
bool pomex_sq_worker_lives(pomex_sq *self, pomex_store_request *request, int64_t worker,
                           int64_t *account);

#endif
