/* The verbs of the store, one structure each: what is asked, and what is answered there. store.h
 * says how requests are handed over, and what "durable" and the units below mean. */
#ifndef POMEX_STORE_VERBS_H
#define POMEX_STORE_VERBS_H

#include <stddef.h>
#include <stdint.h>

#define POMEX_STORE_ROWS  500       /* the most rows that one request puts or lists */
#define POMEX_STORE_NEVER INT64_MAX /* a time that does not come by itself */
/* No attempt costs more, so that no sum of costs can overflow. */
#define POMEX_STORE_MOST_MONEY INT64_C(1000000000000000)
/* A due time is at most this far ahead. One that seems further off was written before the wall
 * clock was set back, and counts as past. */
#define POMEX_STORE_LONGEST_DUE_MS INT64_C(900000)

enum pomex_store_kind { POMEX_STORE_VIDEO, POMEX_STORE_PORTRAIT };

enum pomex_store_state {
    POMEX_STORE_INCOMING, /* put, but the last part of its put is not in yet */
    POMEX_STORE_READY,
    POMEX_STORE_SENDING, /* begun: a request may have left */
    POMEX_STORE_POLLING, /* has an id, is looked at */
    POMEX_STORE_SAVING,
    POMEX_STORE_DONE,
    POMEX_STORE_FAILED, /* this and the next two: the service's word */
    POMEX_STORE_CANCELLED,
    POMEX_STORE_EXPIRED,
    POMEX_STORE_UNCLEAR, /* perhaps made; nobody knows */
    POMEX_STORE_STATES
};

enum pomex_store_answer {
    POMEX_STORE_YES,
    POMEX_STORE_KNOWN,   /* it was so already; as good as yes */
    POMEX_STORE_SECOND,  /* a fact: noted, beside another id of the job */
    POMEX_STORE_STALE,   /* the job has another holder, or is in another state */
    POMEX_STORE_LATER,   /* begin: not before not_before, for the reason given */
    POMEX_STORE_BURIED,  /* the asking worker was declared dead; it joins anew */
    POMEX_STORE_REFUSED, /* never as asked; `why` says what stands against it */
    POMEX_STORE_MISSING, /* there is no such job, queue, worker or attempt */
    POMEX_STORE_BUSY,    /* another process kept the store for 10 s; `why` names it */
    POMEX_STORE_FULL,    /* no room on the disk: nothing was changed */
    POMEX_STORE_BROKEN   /* the store is damaged or out of reach; `why` says how */
};

/* Why a begin is told to wait. */
enum pomex_store_reason {
    POMEX_STORE_REASON_NONE,
    POMEX_STORE_REASON_CAP,      /* of videos or of money; until `cap` */
    POMEX_STORE_REASON_UNPRICED, /* money is capped, and the attempt has no price */
    POMEX_STORE_REASON_PAUSED,   /* until `pause` ends it */
    POMEX_STORE_REASON_BLOCKED,  /* a portrait that it needs is not active */
    POMEX_STORE_REASON_TASKS,    /* as many tasks as the account may have are in flight */
    POMEX_STORE_REASON_GATE,     /* the service refused a request; `why` is with what */
    POMEX_STORE_REASON_ROOM,     /* too little room on a disk */
    POMEX_STORE_REASON_EXISTS,   /* there is a file at the video's name */
    POMEX_STORE_REASON_CONTINUE  /* the store may be older than the world; until `continue` */
};

enum pomex_store_verb {
    /* In the order in which gathered requests are carried out. */
    POMEX_STORE_BEAT,
    POMEX_STORE_FACT,
    POMEX_STORE_BEGIN,
    POMEX_STORE_JOIN,
    POMEX_STORE_LEAVE,
    POMEX_STORE_BURY,
    POMEX_STORE_CLAIM,
    POMEX_STORE_MOVE,
    POMEX_STORE_RELEASE,
    POMEX_STORE_GATE,
    POMEX_STORE_QUEUE,
    POMEX_STORE_PUT,
    POMEX_STORE_RETRY,
    POMEX_STORE_RESEND,
    POMEX_STORE_ADOPT,
    POMEX_STORE_RESOLVE,
    POMEX_STORE_CANCEL,
    POMEX_STORE_FORGET,
    POMEX_STORE_CAP,
    POMEX_STORE_PAUSE,
    POMEX_STORE_CONTINUE,
    /* These only read. */
    POMEX_STORE_BACKUP,
    POMEX_STORE_GET,
    POMEX_STORE_LIST,
    POMEX_STORE_COUNTS,
    POMEX_STORE_EVENTS,
    POMEX_STORE_WORKERS,
    POMEX_STORE_VERBS
};

/* A job as it stands in the store. */
typedef struct pomex_store_job {
    int64_t id;
    const char *key;
    enum pomex_store_kind kind;
    enum pomex_store_state state;
    const char *save; /* a relative name; NULL: the job saves nothing */
    const char *body; /* what is wanted, as the caller wrote it for itself */
    int64_t fence;    /* grows with each claim */
    int64_t worker;   /* the holder; 0: nobody */
    int64_t attempt;  /* the number of the newest attempt; 0: never begun */
    const char *task; /* the id by which it is looked at; NULL: none */
    int64_t due;
    int blocked;       /* how many portraits it waits for */
    int stuck;         /* flag: three deaths in a row; for a person */
    const char *saved; /* what `move` noted: the name, length and sum of its file */
    int64_t length;
    const char *sha256;
    const char *error;              /* what last went wrong; NULL: nothing */
    const char *note;               /* the caller's own, see `fact` and `move` */
    const char *base_url, *account; /* of the account that it was begun with; NULL: none */
} pomex_store_job;

/* An attempt as it stands in the store. */
typedef struct pomex_store_attempt {
    int64_t number, worker, begun;
    const char *body, *model,
        *version; /* frozen at begin: compared, never used as an address */
    int64_t cost; /* what begin reserved; -1: no price was known */
    int64_t held; /* what counts against the cap now */
    int counted;  /* flag: it counts as a video */
    const char *task, *error;
    const char *stage; /* "out", "never_left", "late", "turned_away", "task", "ended", "made" */
} pomex_store_attempt;

/* BEAT, durable: no. Raises a worker's counter. The store's thread does this by itself for the
 * worker that has joined. YES or BURIED. */
typedef struct pomex_store_beat {
    int64_t worker;
} pomex_store_beat;

/* JOIN, durable: no. Makes a worker of this process; the store's thread beats for it and buries
 * dead ones from then on. `account` is the host of base_url; key_hash a salted hash of its key. */
typedef struct pomex_store_join {
    const char *base_url, *account, *key_hash;
    const char *name;  /* NULL: none; host and process are put behind it */
    int64_t max_tasks; /* in flight on the account; 0: as it was, or 100 */
    int64_t worker;    /* answered */
    int key_changed;   /* answered, flag: the account was last used with another key */
} pomex_store_join;

/* LEAVE, durable: no. The worker is dead by its own word; its jobs are as after BURY. */
typedef struct pomex_store_leave {
    int64_t worker;
    /* Flag: its process ends, and nobody there can say what was being sent. That stays so, and is
     * for whoever buries the worker, which is known to be dead. */
    int ending;
} pomex_store_leave;

#define POMEX_STORE_LAST_BEAT INT64_C(-1) /* the beat of such a worker */

/* BURY, durable: no. Declares a worker dead, if its counter still stands at `beat`: of two who
 * bury, one does. In the same step its jobs are nobody's: `sending` becomes `unclear`, the rest
 * stays as it is, and a job that lost its holder three times in a row while `ready` or `saving`
 * is stuck. YES, KNOWN, or STALE where the counter has moved. */
typedef struct pomex_store_bury {
    int64_t worker, beat;
} pomex_store_bury;

/* CLAIM, durable: no. Takes at most `count` jobs that are due, not blocked, not stuck, nobody's,
 * and of the worker's account (or never begun); raises their fences. Those that have an id come
 * first. A paused queue gives no job that is `ready`. */
typedef struct pomex_store_claim {
    int64_t worker;
    const char *queue;
    int64_t count;               /* at most POMEX_STORE_ROWS */
    const pomex_store_job *jobs; /* answered */
    size_t job_count;
    int64_t next_due; /* answered: when the next that nobody has is due */
} pomex_store_claim;

/* BEGIN, durable: YES. The record that is written before a byte of a request leaves; who did not
 * get YES or KNOWN has sent nothing. Asks at once whether the worker holds the job, the job is
 * ready, the queue has money and videos left, the account has a task free and an open gate, the
 * disks have room, and there is no file at `file`; then makes the attempt and counts it. The first
 * begin after the gate was shut is the probe: it shuts the gate for 30 s more. What becomes of it
 * (an id, an end) opens the gate; if it never left, is unclear or its worker died, the next begin is
 * the probe; if it was turned away, the gate is shut as that fact says. An asker who meets the gate
 * of a probe is told to ask again after 1 s.
 * YES, KNOWN (this attempt of this worker is out already), STALE, LATER, BURIED, REFUSED. */
typedef struct pomex_store_begin {
    int64_t worker, job, fence;
    int64_t attempt;                    /* one more than the job's newest */
    int64_t cost;                       /* the dearest that it can become; -1: unknown */
    const char *body, *model, *version; /* what is sent; NULL: none */
    const char *file; /* where the video will be, an absolute path; not stored. NULL: nowhere */
    const char *lacking;            /* the store's own: what is too full; NULL: nothing */
    enum pomex_store_reason reason; /* answered with LATER */
    int64_t not_before;             /* answered with LATER */
} pomex_store_begin;

enum pomex_store_fact_kind {
    POMEX_STORE_NEVER_LEFT,  /* not a byte of the request left */
    POMEX_STORE_LATE,        /* the same, because its worker may have been buried */
    POMEX_STORE_TURNED_AWAY, /* 429, 503, or the account is not accepted */
    POMEX_STORE_TASK,        /* it has an id */
    POMEX_STORE_ENDED        /* it came to an end, as `outcome` says */
};

/* The stage of an attempt whose video is made and was to be saved: a kind of end. */
#define POMEX_STORE_MADE (POMEX_STORE_ENDED + 1)

/* FACT, durable: YES. What became of an attempt: taken from anybody, any number of times, whatever
 * the fence, and only forward, in the order of the list above. Settles money and tasks in flight;
 * moves a job that is `sending` or `unclear`, and by an id one that is `ready` again as well.
 * YES, KNOWN, SECOND (the id stands beside another of the job), MISSING, or REFUSED where the id
 * is another job's. */
typedef struct pomex_store_fact {
    int64_t job, attempt;
    enum pomex_store_fact_kind kind;
    const char *task;               /* TASK, and ENDED if it is known */
    enum pomex_store_state outcome; /* ENDED: SAVING, DONE, FAILED, CANCELLED or EXPIRED */
    int64_t cost;                   /* ENDED: what it cost; -1: what was reserved */
    int free;                       /* ENDED, flag: it costs nothing and does not count */
    /* ENDED as FAILED: its kind; ten of one kind in a row pause the queue. NULL: does not count. */
    const char *failure;
    int64_t due;        /* when the job is due next */
    int64_t gate_until; /* TURNED_AWAY: the account's gate is shut until then; 0: it is not */
    const char *error;  /* NULL: nothing went wrong */
    const char *note;   /* NULL: stays as it is */
    enum pomex_store_state state; /* answered: the job's state now */
} pomex_store_fact;

/* MOVE, an opinion: only of the worker that holds the job. Durable where it ends in `done` or
 * notes a sum, else no. From and to may be: sending, unclear; ready, ready; polling, polling;
 * polling, unclear; saving, saving; saving, done (once a sum was noted). YES, KNOWN if the
 * job is there already, STALE, BURIED, REFUSED. */
typedef struct pomex_store_move {
    int64_t worker, job, fence;
    enum pomex_store_state from, to;
    int64_t due;
    int stuck;                  /* flag: set it aside for a person */
    const char *saved, *sha256; /* together, with `length`; NULL: stay as they are */
    int64_t length;
    const char *error; /* NULL: nothing went wrong */
    const char *note;  /* NULL: stays as it is */
} pomex_store_move;

/* RELEASE, durable: no. Gives jobs of the worker back (jobs NULL: all that it holds), never one that
 * is `sending`. */
typedef struct pomex_store_release {
    int64_t worker;
    const int64_t *jobs;
    size_t job_count;
} pomex_store_release;

/* GATE, durable: no. Shuts the gate of the worker's account until then, or opens it (0). */
typedef struct pomex_store_gate {
    int64_t worker, until;
    const char *text; /* why */
} pomex_store_gate;

/* QUEUE, CAP and PAUSE, durable: YES. QUEUE makes the queue if there is none, and sets caps that
 * nobody has set. CAP changes them. PAUSE sets `paused`. -1: no cap. */
typedef struct pomex_store_queue {
    const char *queue;
    int64_t videos_cap, money_cap;
    int paused;
    const char *by, *text; /* who, and why */
} pomex_store_queue;

enum pomex_store_verdict {
    POMEX_STORE_NEW,
    POMEX_STORE_SAME,
    POMEX_STORE_CHANGED,   /* another body, of a job that was never begun: it was replaced */
    POMEX_STORE_CONFLICT,  /* another body, of a job that was begun: nothing was changed */
    POMEX_STORE_SAVE_TAKEN /* another job saves there: nothing was changed */
};

typedef struct pomex_store_new {
    const char *key;
    enum pomex_store_kind kind;
    const char *save; /* NULL: the job saves nothing */
    const char *line; /* what decides whether two are the same */
    const char *body;
    const char *const *needs; /* keys of portraits in the same queue */
    size_t need_count;
    int64_t due;
} pomex_store_new;

/* PUT, durable: YES, all of a batch with its last part. At most POMEX_STORE_ROWS jobs, in one step.
 * More than that go in as parts: the first has batch 0, and the later ones the batch that it
 * answered; all but the last have `more`. The jobs of a batch become visible with its last part:
 * all together, or, where that would keep others out for long, first some of them; the `hidden`
 * rest becomes so by putting a last part without jobs, again and again, or else with each claim. */
typedef struct pomex_store_put {
    const char *queue;
    const pomex_store_new *jobs;
    size_t job_count;
    int more;                      /* flag */
    int64_t batch;                 /* asked and answered */
    int64_t hidden;                /* answered, of the last part */
    const unsigned char *verdicts; /* answered: an enum pomex_store_verdict for each job */
    int64_t counts[5];             /* answered: how many of each verdict */
} pomex_store_put;

/* A person's verbs about one job, durable: YES, each an event. YES, KNOWN, MISSING, REFUSED.
 * RETRY: failed, cancelled, expired or stuck becomes `ready`, with `line` and `body` if given.
 * RESEND: `unclear` becomes `ready`, and the next attempt has money of its own; the earlier one
 *   keeps what it holds. Refused while the process of the attempt's worker lives, where that can be
 *   told of one that is buried (by a lock of this machine), and has not said that the request is
 *   over; and until 15 minutes after begin unless `now`.
 * ADOPT: `unclear` becomes `polling` with `task`. Refused if the store has that id elsewhere. With
 *   `account` also what is `ready` or `cancelled`, where it has no id of its own that `retry` goes on
 *   with: a store that was put back has forgotten that it was made. That is an attempt of no worker
 *   (0), which counts and holds as any other, whatever the caps say.
 * RESOLVE: attempt `attempt` cost nothing (`not_billed`), or what it holds. The state stays.
 * CANCEL: `ready`, `saving` or `unclear` becomes `cancelled`; what an attempt holds stays.
 * FORGET: of a job that is done, failed, cancelled or expired all that was asked for, sent and said
 *   goes, with its key and the names of its file. Its state, its money and the service's id stay,
 *   under the key "(forgotten NUMBER)". Refused while another job that is not over needs it. */
typedef struct pomex_store_person {
    const char *queue, *key, *by;
    const char *line, *body;                   /* RETRY; NULL: as they were */
    int now;                                   /* RESEND */
    const char *task;                          /* ADOPT, as what follows */
    const char *base_url, *account, *key_hash; /* as of JOIN; NULL: only what is unclear */
    int64_t cost;    /* the dearest that it can have become; -1: unknown */
    int64_t made;    /* when; 0: nobody knows */
    int64_t attempt; /* RESOLVE; 0: the newest */
    int not_billed;  /* RESOLVE */
} pomex_store_person;

/* CONTINUE, durable: YES. A person has seen what the account made since the newest event. */
typedef struct pomex_store_continue {
    const char *by;
} pomex_store_continue;

/* BACKUP, durable: YES. Writes a copy to `path`, where nothing may be. */
typedef struct pomex_store_backup {
    const char *path, *by;
} pomex_store_backup;

/* GET: a job and its attempts. MISSING. */
typedef struct pomex_store_get {
    const char *queue; /* NULL, with `task`: any */
    const char *key;   /* NULL: by `task`, an id that any attempt of the job had */
    const char *task;
    pomex_store_job job;
    const pomex_store_attempt *attempts;
    size_t attempt_count;
} pomex_store_get;

/* LIST: jobs in the order of their ids, from after `after` on, at most POMEX_STORE_ROWS; fewer than
 * `limit` are the last ones. Each part is read for itself. */
typedef struct pomex_store_list {
    const char *queue;
    unsigned states; /* a bit 1 << state for each that is wanted; 0: all that are visible */
    int stuck;       /* flag: only those that are stuck */
    int64_t after, limit;
    const pomex_store_job *jobs; /* answered */
    size_t job_count;
} pomex_store_list;

/* COUNTS: of counters, not of rows. MISSING: there is no such queue. */
typedef struct pomex_store_counts {
    const char *queue;
    const char *base_url, *account;     /* NULL: any account is ours */
    int64_t states[POMEX_STORE_STATES]; /* answered, as what follows */
    int64_t blocked, stuck;             /* of those that are ready; in any state */
    int64_t stuck_saving;               /* of those that are stuck: not ready, but saving */
    int64_t foreign; /* begun with another account and not given up: in none of those states */
    int64_t videos, videos_cap, money, money_cap;
    int64_t tasks, gate_until; /* of the account */
    int paused;
    const char *why;      /* of the pause */
    int lasting;          /* flag: the store's file system outlives a container, and a reboot */
    int must_continue;    /* flag: nothing begins until CONTINUE */
    int64_t newest_event; /* before CONTINUE: the newest begin, if there was one */
} pomex_store_counts;

typedef struct pomex_store_event {
    int64_t id, at, job; /* job 0: of the queue or the store */
    int64_t age;         /* by the clock that `at` was read from: milliseconds */
    const char *key, *name, *by, *text;
} pomex_store_event;

/* EVENTS: from after `after` on. They are kept for 30 days after the end of their job. Their names:
 * begun, never left, late, turned away, id, second id, made, done, failed, cancelled, expired,
 * unclear, paused, worker buried; and a person's: retry, resend, adopt, resolve, cancel, forget, cap,
 * pause, go on, continue, backup. The text of an id's event is the id; of an error's, the error. */
typedef struct pomex_store_events {
    const char *queue; /* those of the whole store are of each; NULL: all */
    const char *key;   /* NULL: all */
    int64_t after, limit;
    const pomex_store_event *events; /* answered */
    size_t event_count;
} pomex_store_events;

typedef struct pomex_store_worker {
    int64_t id, beat;
    int dead; /* flag: known to be dead without watching */
} pomex_store_worker;

/* WORKERS: all that are not buried. */
typedef struct pomex_store_workers {
    const pomex_store_worker *workers;
    size_t worker_count;
} pomex_store_workers;

#endif
