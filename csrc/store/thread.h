/* Within csrc/store: the store's thread, and what it keeps of its worker and of others'. */
#ifndef POMEX_STORE_THREAD_H
#define POMEX_STORE_THREAD_H

#include "store/backend.h"

#include <pthread.h>
#include <sys/types.h>
#include <time.h>

/* Another worker, as its beat was seen. */
typedef struct pomex_store_watched {
    int64_t id, beat;
    int64_t still; /* nanoseconds that we ourselves saw it stand still */
    bool seen;     /* in the list that is being read */
} pomex_store_watched;

/* The thread alone touches this, except what is atomic. */
typedef struct pomex_store_life {
    int64_t worker;          /* 0: none has joined, or it was buried */
    int64_t interval, limit; /* of beats; of standing still: nanoseconds */
    int64_t next_beat;
    int64_t looked; /* when the others were last looked at; 0: never */
    pomex_store_watched *watched;
    size_t count;
    _Atomic int64_t asked; /* see pomex_store_beat_asked */
    _Atomic int64_t due;   /* when the host has work to do */
} pomex_store_life;

struct pomex_store {
    pomex_store_options options;
    char *path;
    pid_t pid; /* that used it first; 0: nobody yet */
    int fd;    /* an eventfd; -1: none */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t
        changed; /* something was submitted, or close is asked for; of CLOCK_MONOTONIC */
    pthread_cond_t over;                 /* the thread has ended */
    pomex_store_request *in, **in_end;   /* submitted */
    pomex_store_request *out, **out_end; /* answered, not taken */
    atomic_bool closing;
    bool ended;    /* the thread has nothing left to do except return */
    bool orphaned; /* close did not wait: the thread gives the memory back */
    pomex_store_life life;
};

/* What the thread does, until close: `store` is a pomex_store. */
void *pomex_store_run(void *store);

/* Gives all memory back. */
void pomex_store_destroy(pomex_store *store);

/* A time of CLOCK_MONOTONIC, so many nanoseconds from now. */
struct timespec pomex_store_after(int64_t ns);

/* BOOTTIME, nanoseconds. */
int64_t pomex_store_now(void);

void pomex_store_life_init(pomex_store_life *life, const pomex_store_options *options);
void pomex_store_life_free(pomex_store_life *life);

/* Whether the worker shall beat now; if so, or if its host does not step, the next time is an
 * interval later. */
bool pomex_store_life_tick(pomex_store_life *life, int64_t now);

/* Looks at an answered JOIN, LEAVE or BEAT. `asked`: when it was handed to the back end. */
void pomex_store_life_answered(pomex_store_life *life, const pomex_store_request *request,
                               int64_t asked);

/* Reads a list of workers. Those found dead are written to `dead`, at most `most`; how many. */
size_t pomex_store_life_look(pomex_store_life *life, const pomex_store_workers *list,
                             int64_t now, pomex_store_bury *dead, size_t most);

#endif
