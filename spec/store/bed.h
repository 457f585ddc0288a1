/* What the tests of the store share: a folder of their own, one store in it, and each verb as one
 * call that waits for its answer. The back end is the one that $POMEX_STORE_BACKEND names (sqlite
 * if there is none): what is asked for in test_put, test_begin, test_fact, test_person and
 * test_worker holds for each. */
#ifndef POMEX_SPEC_STORE_BED_H
#define POMEX_SPEC_STORE_BED_H

#include "cmocka_all.h"

#include "store/store.h"

typedef struct store_bed {
    char folder[64];
    char path[96]; /* or its URL */
    int stores;    /* how many there were */
    pomex_store *store;
    int64_t worker;                  /* that joined by bed_join */
    pomex_store_request *kept[4096]; /* answered; freed by bed_stop, so that their texts stay */
    size_t count;
} store_bed;

/* Makes the folder, and opens a store in it; for cmocka's set-up, *state is the bed. */
int bed_start(void **state);
int bed_stop(void **state);

/* The folder, and a place for a store. */
store_bed *bed_new(void);

/* A place where there is no store yet; that of the last one may be the same. */
void bed_fresh(store_bed *bed);

/* Whether the store is a file of this machine, whose locks tell of a death at once. */
bool bed_is_file(void);

/* Copies the store to a file of that name in the folder, as its back end has it done. */
void bed_copy(store_bed *bed, const char *name, char *path, size_t size);

/* Opens the store (again), with beats every 50 ms and a death after 300 ms if `quick`. */
void bed_open(store_bed *bed, bool quick);

/* The same with a beat and a watch of so many seconds; 0: as usual, 5 and 60. */
void bed_open_beating(store_bed *bed, double beat, double still);
void bed_close(store_bed *bed);

/* Hands a request over and waits for its answer, 30 s at most. The request stays valid until
 * bed_stop. */
pomex_store_request *bed_ask(store_bed *bed, pomex_store_request *request);
pomex_store_request *bed_wait(store_bed *bed);
void bed_submit(store_bed *bed, pomex_store_request *request);
pomex_store_request *bed_new_request(enum pomex_store_verb verb);

/* The queue "q", without caps. */
void bed_queue(store_bed *bed);
void bed_cap(store_bed *bed, int64_t videos, int64_t money);

/* Joins the account "host" and remembers the worker. */
int64_t bed_join(store_bed *bed);

/* A video (or portrait) of that key, with its body and line "body". YES is expected. */
enum pomex_store_verdict bed_put(store_bed *bed, const char *key, const char *body);
enum pomex_store_verdict bed_put_new(store_bed *bed, const pomex_store_new *job);

/* Claims `count` for the worker; how many came, and the last of them. */
size_t bed_claim(store_bed *bed, int64_t worker, int64_t count, pomex_store_job *job);

/* A job of that key, or one that fails the test. */
pomex_store_job bed_get(store_bed *bed, const char *key);
const pomex_store_get *bed_get_all(store_bed *bed, const char *key);

pomex_store_request *bed_begin(store_bed *bed, int64_t worker, const pomex_store_job *job,
                               int64_t attempt, int64_t cost);

/* Puts a video of that key, claims and begins it: the job is `sending`, attempt 1. */
pomex_store_job bed_sending(store_bed *bed, const char *key, int64_t cost);

enum pomex_store_answer bed_fact(store_bed *bed, int64_t job, int64_t attempt,
                                 enum pomex_store_fact_kind kind, const char *task);
enum pomex_store_answer bed_ended(store_bed *bed, int64_t job, int64_t attempt,
                                  enum pomex_store_state outcome, int64_t cost, int free);
enum pomex_store_answer bed_move(store_bed *bed, int64_t worker, const pomex_store_job *job,
                                 enum pomex_store_state from, enum pomex_store_state to,
                                 const char *sha256);
enum pomex_store_answer bed_bury(store_bed *bed, int64_t worker);

/* A person's verb about a job. */
pomex_store_request *bed_person(store_bed *bed, enum pomex_store_verb verb, const char *key);

pomex_store_counts bed_counts(store_bed *bed);

/* How many events of that name there are. */
size_t bed_events(store_bed *bed, const char *name);

/* The text of the last event of that name, copied; "" if there is none. */
void bed_event_text(store_bed *bed, const char *name, char *text, size_t size);

#endif
