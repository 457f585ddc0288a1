/* Within csrc/store/postgresql: one open store in a PostgreSQL database.
 *
 * HOW A VERB IS ADDED. Its work is one function of schema `pomex`, in a .sql file of this folder
 * (named in CMakeLists.txt), that RETURNS TABLE (answer int, why text, ...); no row counts as
 * yes. What it refuses it refuses before it writes: a message is one transaction, without
 * savepoints. Here it is a writer, which appends the one statement `SELECT * FROM pomex.verb(...)`,
 * and, where it answers more than that, a reader; both stand in the table of postgresql.c. Its locks
 * are in the order that schema.sql gives.
 *
 * A MESSAGE is a whole transaction as one text: between its first byte and its end the client has
 * no turn, so that one that is stopped or cut off stands in nobody's way. Nothing of a session is
 * used, so that a pooler in transaction mode may lie in between. */
#ifndef POMEX_PQ_PQ_H
#define POMEX_PQ_PQ_H

#include "store/backend.h"

#include <libpq-fe.h>

enum { POMEX_PQ_SAID = 400, POMEX_PQ_SESSION = 33, POMEX_PQ_LSN = 32 };

/* A message in the making. */
typedef struct pomex_pq_message {
    PGconn *conn; /* whose encoding and quoting are used */
    char *text;
    size_t length, capacity;
    bool starved; /* there was no memory; nothing is sent */
    bool garbled; /* a text that is no UTF-8; nothing is sent */
} pomex_pq_message;

typedef struct pomex_pq {
    PGconn *conn;                 /* NULL: out of reach */
    char *url, *shown, *password; /* shown: without user and password */
    const atomic_bool *closing;
    char said[POMEX_PQ_SAID]; /* the last error, one line without the password */
    char state[6];            /* and its SQLSTATE; "": none */
    char session[POMEX_PQ_SESSION];
    int64_t epoch;      /* see pomex.enter */
    int64_t until;      /* of BOOTTIME: so long what is being done may take */
    int64_t away_since; /* since when it is out of reach; 0: it is not */
    int64_t tried;      /* when it was last tried to reach it */
    /* Numbers of claims: of the newest; of the newest before this message; of the newest that was
     * answered. Nobody knows what those in between have taken. */
    int64_t claims, claims_before, claims_answered;
    bool committing; /* what COMMIT warns of may come now */
    bool unsynced;   /* COMMIT did not wait for the synchronous standby */
    char lsn
        [POMEX_PQ_LSN]; /* so far this process knows the log to be on the disk; "": not yet */
} pomex_pq;

/* How a message ended. */
enum pomex_pq_end {
    POMEX_PQ_DONE,    /* committed, durably */
    POMEX_PQ_FAILED,  /* not committed: self->state and self->said say why */
    POMEX_PQ_LOST,    /* nobody knows; the connection is gone */
    POMEX_PQ_UNSYNCED /* committed here, and perhaps nowhere else */
};

/* -------------------------------------------------------------------------------- message.c */

/* Appends plain SQL; a literal (NULL: null); a whole number. */
void pomex_pq_add(pomex_pq_message *message, const char *sql);
void pomex_pq_add_text(pomex_pq_message *message, const char *text);
void pomex_pq_add_number(pomex_pq_message *message, int64_t number);

void pomex_pq_add_numbers(pomex_pq_message *message, const int64_t *numbers, size_t count);

/* Appends "SELECT * FROM pomex.NAME(VALUES);", by a letter for each value that follows:
 * i: int64_t, a bigint; n: int, an integer; s: const char *; f: int, a flag. */
void pomex_pq_call(pomex_pq_message *message, const char *name, const char *types, ...);

/* A value of a row; of null 0 and NULL. Texts are in the request's memory. */
int64_t pomex_pq_number(const PGresult *result, int row, int column);
const char *pomex_pq_text(pomex_store_request *request, const PGresult *result, int row,
                          int column);

/* Sends `text`, whose statements give `count` results, and waits for them until self->until; a
 * COMMIT is the result `commit` (-1: there is none). `results` are the caller's to clear, whatever
 * the end; NULL where there is none. */
enum pomex_pq_end pomex_pq_exchange(pomex_pq *self, const char *text, PGresult **results,
                                    int count, int commit);

void pomex_pq_clear(PGresult **results, int count);

/* -------------------------------------------------------------------------------- connect.c */

/* Looks at options->path; false with `why`, which has no password in it. */
bool pomex_pq_parse(pomex_pq *self, const char *url, char *why, size_t why_size);

/* Whether there is a connection; makes one until self->until, where there is none. False: self->said
 * tells why; it is refused, or out of reach. */
bool pomex_pq_reach(pomex_pq *self);

/* Gives the connection up: what was asked by it and not answered may still happen. */
void pomex_pq_drop(pomex_pq *self);

/* Notes what the connection says, or a plain line, as self->said. */
void pomex_pq_say(pomex_pq *self, const char *text);

/* Waits until the socket can be read (or written, if `write`). False: not until self->until, or the
 * store is being closed. */
bool pomex_pq_wait(pomex_pq *self, bool write);
bool pomex_pq_is_late(pomex_pq *self);

/* Waits a little. */
void pomex_pq_pause(void);

/* --------------------------------------------------------------------------------- schema.c */

/* Makes the tables, or brings them up to date by `steps` (see schema.h) while no other worker lives;
 * notes a store whose log is shorter than this process knows it. False: self->said. */
bool pomex_pq_prepare(pomex_pq *self, const char *const *steps, int64_t wanted);

/* ----------------------------------------------------------------------------------- verbs */

typedef void pomex_pq_writer(pomex_pq *self, pomex_pq_message *message,
                             const pomex_store_request *request);
/* The request has its answer already; a verb that gave no row has been answered with yes. */
typedef void pomex_pq_reader(pomex_pq *self, pomex_store_request *request,
                             const PGresult *result);

pomex_pq_writer pomex_pq_write_beat, pomex_pq_write_join, pomex_pq_write_leave,
    pomex_pq_write_bury, pomex_pq_write_begin, pomex_pq_write_fact, pomex_pq_write_claim,
    pomex_pq_write_move, pomex_pq_write_release, pomex_pq_write_gate;
pomex_pq_reader pomex_pq_read_join, pomex_pq_read_begin, pomex_pq_read_fact,
    pomex_pq_read_claim;
pomex_pq_writer pomex_pq_write_queue, pomex_pq_write_put;
pomex_pq_reader pomex_pq_read_put;
pomex_pq_writer pomex_pq_write_retry, pomex_pq_write_resend, pomex_pq_write_adopt,
    pomex_pq_write_resolve, pomex_pq_write_cancel, pomex_pq_write_forget, pomex_pq_write_cap,
    pomex_pq_write_pause, pomex_pq_write_continue;
pomex_pq_writer pomex_pq_write_backup, pomex_pq_write_get, pomex_pq_write_list,
    pomex_pq_write_counts, pomex_pq_write_events, pomex_pq_write_workers;
pomex_pq_reader pomex_pq_read_get, pomex_pq_read_list, pomex_pq_read_counts,
    pomex_pq_read_events, pomex_pq_read_workers;

/* The jobs of a result, whose rows are those of pomex.shown. NULL: no memory. */
const pomex_store_job *pomex_pq_read_jobs(pomex_store_request *request, const PGresult *result,
                                          size_t *count);

#endif
