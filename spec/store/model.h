/* What a store shall do, in its simplest form: one queue of a few jobs, without a disk, a lock or a
 * clock. Each function says what the store has to answer, and changes the model accordingly. */
#ifndef POMEX_SPEC_STORE_MODEL_H
#define POMEX_SPEC_STORE_MODEL_H

#include "store/store.h"

enum { MODEL_JOBS = 12, MODEL_ATTEMPTS = 64, MODEL_WORKERS = 2 };

typedef struct model_attempt {
    int stage; /* -1: out; else its enum pomex_store_fact_kind */
    int64_t cost, held;
    int counted, in_flight, over;
    int task; /* 0: none; ids are numbers here */
    int64_t worker, fence;
} model_attempt;

typedef struct model_job {
    bool there;
    int line;
    enum pomex_store_state state;
    int64_t id, fence, worker;
    int attempt_count, task, stuck, deaths, sum;
    model_attempt attempts[MODEL_ATTEMPTS + 1]; /* from 1 on */
} model_job;

typedef struct store_model {
    model_job jobs[MODEL_JOBS];
    int64_t workers[MODEL_WORKERS];
    int64_t money, videos, tasks;
    int64_t money_cap, videos_cap;
    int owner[4096]; /* which job has an id; -1: none */
} store_model;

void model_init(store_model *model);

enum pomex_store_verdict model_put(store_model *model, int job, int line);

/* Whether a claim may take it. */
bool model_is_claimable(const model_job *job);
void model_claim(model_job *job, int64_t worker);

enum pomex_store_answer model_begin(store_model *model, int job, int64_t worker, int64_t fence,
                                    int attempt, int64_t cost);
enum pomex_store_answer model_fact(store_model *model, int job, int attempt,
                                   enum pomex_store_fact_kind kind, int task,
                                   enum pomex_store_state outcome, int64_t cost, int is_free);
enum pomex_store_answer model_move(store_model *model, int job, int64_t worker, int64_t fence,
                                   enum pomex_store_state from, enum pomex_store_state to,
                                   bool sum);
void model_release(store_model *model, int job, int64_t worker);
void model_bury(store_model *model, int64_t worker);
enum pomex_store_answer model_person(store_model *model, enum pomex_store_verb verb, int job,
                                     int task, int64_t cost, int not_billed);

#endif
