/* Within csrc/store/sqlite: one open store, and how its statements are run.
 *
 * Nothing in a process but these two connections may ever open the file, its -wal or its -shm: to
 * close any other descriptor of one drops the locks that this process holds there, after which
 * another process may remove the log under a committed begin. */
#ifndef POMEX_SQ_SQLITE_H
#define POMEX_SQ_SQLITE_H

#include "store/backend.h"

#include <sqlite3.h>

enum { POMEX_SQ_STATEMENTS = 160, POMEX_SQ_MACHINE = 64, POMEX_SQ_LINEAGE = 400 };

typedef struct pomex_sq {
    sqlite3 *db;     /* writes */
    sqlite3 *reader; /* reads only; checkpoints while `db` keeps writers out */
    struct {
        const char *sql; /* compared by address: it is a literal */
        sqlite3_stmt *statement;
    } statements[POMEX_SQ_STATEMENTS];
    int error;      /* the first SQLite error since the savepoint; SQLITE_OK: none */
    char said[256]; /* what SQLite said of it */
    const atomic_bool *closing;
    char *path;
    uint64_t log_inode;       /* of PATH-wal, as it was opened */
    int lock;                 /* a descriptor of PATH-lock, see place.h */
    int marks;                /* and of the marks of all stores; -1: there are none */
    uint64_t name;            /* by which this one is among them */
    bool any_file_system;     /* its locks may not be trusted to tell of a death */
    bool foreign;             /* opened under another lineage, and nobody said continue */
    bool broken;              /* the file was moved, or its log was removed, under us */
    int64_t mark;             /* see place.h */
    int64_t base, noted_base; /* the mark that the file has without its log: known, written */
    bool lasting;             /* the file system outlives the machine, or the container */
    int64_t own[16];          /* workers of this process whose byte is locked; 0: none */
    int64_t others;           /* other live workers, when they were last listed */
    int log_pages, checkpoint_at; /* of the log: how many there are; when to copy them back */
    int64_t held;                 /* see backend.h */
    int64_t waiting_since;        /* for the write lock: milliseconds of BOOTTIME */
    int64_t tidied;  /* when old events were last deleted: milliseconds of BOOTTIME */
    int synchronous; /* as `db` has it: 1 NORMAL, 2 FULL */
    char machine[POMEX_SQ_MACHINE]; /* an id of this machine, "" where it has none */
    char boot[POMEX_SQ_MACHINE];    /* and of its last start */
} pomex_sq;

enum pomex_sq_step { POMEX_SQ_ERROR = -1, POMEX_SQ_END, POMEX_SQ_ROW };

/* The statement, reset, and bound by `types`: a letter for each value that follows, i: int64_t,
 * s: const char *, NULL for null. NULL after an error, which is noted in `self`. */
sqlite3_stmt *pomex_sq_bind(pomex_sq *self, const char *sql, const char *types, ...);

/* The next row of it (NULL: the error of pomex_sq_bind). */
enum pomex_sq_step pomex_sq_step(pomex_sq *self, sqlite3_stmt *statement);

/* Runs one that gives no rows; how many rows it changed, or -1. */
int64_t pomex_sq_run(pomex_sq *self, const char *sql, const char *types, ...);

/* The single number that it gives, or `otherwise`. */
int64_t pomex_sq_number(pomex_sq *self, int64_t otherwise, const char *sql, const char *types,
                        ...);

/* Runs plain SQL on a connection, with no values. False notes the error. */
bool pomex_sq_exec(pomex_sq *self, sqlite3 *db, const char *sql);

/* Notes what a connection says of its last call. */
void pomex_sq_failed(pomex_sq *self, sqlite3 *db, int error);

/* What SQLite's last error means for a person: the file beside the log (32 KiB) cannot be made on a
 * full disk, which SQLite calls a "disk I/O error". */
const char *pomex_sq_what(sqlite3 *db, int error, const char *path);

/* A column as text in the request's memory; NULL for null (or no memory). */
const char *pomex_sq_text(pomex_store_request *request, sqlite3_stmt *statement, int column);

/* Answers a request by the error that is noted. */
void pomex_sq_answer_error(pomex_sq *self, pomex_store_request *request);

/* Writes an event; job and queue may be 0, `by` and `text` NULL. */
void pomex_sq_event(pomex_sq *self, int64_t queue, int64_t job, const char *name,
                    const char *by, const char *text);

/* The wall clock, and BOOTTIME: milliseconds. */
int64_t pomex_sq_wall(void);
int64_t pomex_sq_boottime(void);

/* A due time within the bound that store.h gives. */
int64_t pomex_sq_due(int64_t due);

/* What carries out each verb; each sets the answer, and what it changed is kept only with
 * YES, KNOWN and SECOND. */
typedef void pomex_sq_carry(pomex_sq *self, pomex_store_request *request);
pomex_sq_carry pomex_sq_begin, pomex_sq_fact;
pomex_sq_carry pomex_sq_beat, pomex_sq_join, pomex_sq_leave, pomex_sq_bury;
pomex_sq_carry pomex_sq_claim, pomex_sq_move, pomex_sq_release, pomex_sq_gate;
pomex_sq_carry pomex_sq_queue, pomex_sq_put;
pomex_sq_carry pomex_sq_retry, pomex_sq_resend, pomex_sq_adopt, pomex_sq_resolve,
    pomex_sq_cancel, pomex_sq_forget, pomex_sq_cap, pomex_sq_pause, pomex_sq_continue;
pomex_sq_carry pomex_sq_backup, pomex_sq_get, pomex_sq_list, pomex_sq_counts, pomex_sq_events,
    pomex_sq_workers;

#endif
