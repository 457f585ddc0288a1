/* The table of functions, and how gathered requests become one transaction.
 *
 * The log is a WAL and not a rollback journal. Measured on ext4 with two busy processors, every
 * begin durable on its return (begins a second; the journal with synchronous = EXTRA as persist,
 * its fastest kind or next to it):
 *                      WAL    journal                      WAL    journal
 *   1 process, 1       230         44    4 processes, 1    135         43
 *   1 process, 16    1,382        822    4 processes, 16 2,804        626
 *   1 process, 64   13,448      3,643    4 processes, 64 7,176      2,148
 * (64: so many begins in one transaction; the statements alone, spec/bench/store.c measures the
 * whole store.) A commit takes 4 ms at the median with a WAL and 24
 * without: one sync and not four. What a WAL needs in exchange is in open.c (checkpoints) and
 * sqlite.h (descriptors). */
#include "store/sqlite/sqlite.h"

#include "base/clock.h"
#include "store/disk.h"
#include "store/sqlite/open.h"
#include "store/sqlite/place.h"

static pomex_sq_carry *const carries[POMEX_STORE_VERBS] = {
    [POMEX_STORE_BEAT] = pomex_sq_beat,         [POMEX_STORE_FACT] = pomex_sq_fact,
    [POMEX_STORE_BEGIN] = pomex_sq_begin,       [POMEX_STORE_JOIN] = pomex_sq_join,
    [POMEX_STORE_LEAVE] = pomex_sq_leave,       [POMEX_STORE_BURY] = pomex_sq_bury,
    [POMEX_STORE_CLAIM] = pomex_sq_claim,       [POMEX_STORE_MOVE] = pomex_sq_move,
    [POMEX_STORE_RELEASE] = pomex_sq_release,   [POMEX_STORE_GATE] = pomex_sq_gate,
    [POMEX_STORE_QUEUE] = pomex_sq_queue,       [POMEX_STORE_PUT] = pomex_sq_put,
    [POMEX_STORE_RETRY] = pomex_sq_retry,       [POMEX_STORE_RESEND] = pomex_sq_resend,
    [POMEX_STORE_ADOPT] = pomex_sq_adopt,       [POMEX_STORE_RESOLVE] = pomex_sq_resolve,
    [POMEX_STORE_CANCEL] = pomex_sq_cancel,     [POMEX_STORE_FORGET] = pomex_sq_forget,
    [POMEX_STORE_CAP] = pomex_sq_cap,           [POMEX_STORE_PAUSE] = pomex_sq_pause,
    [POMEX_STORE_CONTINUE] = pomex_sq_continue, [POMEX_STORE_BACKUP] = pomex_sq_backup,
    [POMEX_STORE_GET] = pomex_sq_get,           [POMEX_STORE_LIST] = pomex_sq_list,
    [POMEX_STORE_COUNTS] = pomex_sq_counts,     [POMEX_STORE_EVENTS] = pomex_sq_events,
    [POMEX_STORE_WORKERS] = pomex_sq_workers,
};

static bool is_kept(const pomex_store_request *request)
{
    return request->answer == POMEX_STORE_YES || request->answer == POMEX_STORE_KNOWN ||
           request->answer == POMEX_STORE_SECOND;
}

/* An answer of which a part is missing, because there was no memory for it, is no answer. */
static void run(pomex_sq *self, pomex_store_request *request)
{
    request->why = NULL;
    request->answer = POMEX_STORE_YES;
    request->starved = 0;
    carries[request->verb](self, request);
    if (request->starved)
        pomex_sq_failed(self, NULL, SQLITE_NOMEM);
}

/* One request, in a savepoint of its own. False: the whole transaction is gone. */
static bool carry(pomex_sq *self, pomex_store_request *request)
{
    self->error = SQLITE_OK;
    pomex_sq_run(self, "SAVEPOINT request", "");
    run(self, request);
    if (self->error != SQLITE_OK)
        pomex_sq_answer_error(self, request);
    if (sqlite3_get_autocommit(self->db))
        return false;
    bool kept = is_kept(request);
    self->error = SQLITE_OK;
    if (!kept)
        pomex_sq_run(self, "ROLLBACK TO request", "");
    pomex_sq_run(self, "RELEASE request", "");
    return self->error == SQLITE_OK;
}

/* In a WAL a commit with NORMAL is not synced; the next one with FULL syncs it along. */
static bool set_synchronous(pomex_sq *self, bool durable)
{
    int wanted = durable ? 2 : 1;
    if (self->synchronous == wanted)
        return true;
    self->synchronous = wanted;
    return pomex_sq_exec(self, self->db,
                         durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
}

static bool start(pomex_sq *self, bool durable)
{
    self->error = SQLITE_OK;
    return set_synchronous(self, durable) && pomex_sq_exec(self, self->db, "BEGIN IMMEDIATE");
}

/* What was begun in a file that is no longer the store's is not begun. */
static void check_place(pomex_sq *self, pomex_store_request **requests, size_t count)
{
    if (!self->broken && pomex_sq_is_in_place(self))
        return;
    self->broken = true;
    for (size_t i = 0; i < count; i++)
        pomex_store_answer(requests[i], POMEX_STORE_BROKEN,
                           "%s was moved, or another program has touched it or its log, while "
                           "it was open; nothing that was asked is sure",
                           self->path);
}

/* All of them in one transaction. False: nothing was changed, and self->error says why. */
static bool transact(pomex_sq *self, pomex_store_request **requests, size_t count)
{
    bool durable = false, kept = false;
    for (size_t i = 0; i < count; i++)
        durable = durable || pomex_store_durable(requests[i]);
    if (!start(self, durable))
        return false;
    int64_t since = pomex_clock_system(NULL, POMEX_CLOCK_MONOTONIC);
    for (size_t i = 0; i < count; i++) {
        if (!carry(self, requests[i])) {
            sqlite3_exec(self->db, "ROLLBACK", NULL, NULL, NULL);
            return false;
        }
        kept = kept || is_kept(requests[i]);
    }
    if (durable && kept)
        pomex_sq_raise_mark(self);
    bool done = self->error == SQLITE_OK && pomex_sq_exec(self, self->db, "COMMIT");
    if (!done)
        sqlite3_exec(self->db, "ROLLBACK", NULL, NULL, NULL);
    self->held += pomex_clock_system(NULL, POMEX_CLOCK_MONOTONIC) - since;
    if (done && durable) {
        pomex_sq_write_mark(self);
        check_place(self, requests, count);
    }
    return done;
}

/* Asked before the store is locked: the disk may be slow, and others wait. */
static void look_at_disks(const pomex_sq *self, pomex_store_request *request)
{
    pomex_store_look_at_file(request);
    if (request->begin.reason == POMEX_STORE_REASON_NONE)
        pomex_store_lacks_room(request, self->path, POMEX_SQ_ROOM_STORE);
}

static void undone(pomex_sq *self, pomex_store_request *request)
{
    if (request->verb == POMEX_STORE_JOIN)
        pomex_sq_unlock_worker(self, request->join.worker);
}

static void carry_out(void *user, pomex_store_request **requests, size_t count)
{
    pomex_sq *self = user;
    self->held = 0;
    for (size_t i = 0; i < count; i++) {
        if (requests[i]->verb == POMEX_STORE_BEGIN)
            look_at_disks(self, requests[i]);
    }
    if (!transact(self, requests, count)) {
        bool locked_out = (self->error & 0xff) == SQLITE_BUSY;
        for (size_t i = 0; i < count; i++) {
            undone(self, requests[i]);
            /* One that fills the disk, or breaks, must not take the others along. */
            if (!locked_out && count > 1 && transact(self, &requests[i], 1))
                continue;
            pomex_sq_answer_error(self, requests[i]);
            undone(self, requests[i]);
        }
    }
    if (pomex_sq_wants_checkpoint(self))
        pomex_sq_checkpoint(self);
}

/* The copy is there, whether or not this can be written down. */
static void note_backup(pomex_sq *self, const pomex_store_backup *backup)
{
    pomex_sq_event(self, 0, 0, "backup", backup->by, NULL);
    self->error = SQLITE_OK;
}

/* Reads see one state of the store, and hold up nobody. */
static void read_one(void *user, pomex_store_request *request)
{
    pomex_sq *self = user;
    sqlite3 *writes = self->db;
    self->error = SQLITE_OK;
    if (pomex_sq_exec(self, self->reader, "BEGIN")) {
        self->db = self->reader; /* statements below are prepared there */
        run(self, request);
        self->db = writes;
        sqlite3_exec(self->reader, "COMMIT", NULL, NULL, NULL);
        if (request->verb == POMEX_STORE_BACKUP && request->answer == POMEX_STORE_YES)
            note_backup(self, &request->backup);
    }
    if (self->error != SQLITE_OK)
        pomex_sq_answer_error(self, request);
}

static int64_t held(void *user)
{
    const pomex_sq *self = user;
    return self->others > 0 ? self->held : 0;
}

const pomex_store_backend pomex_store_sqlite = {
    .name = "sqlite",
    .check = pomex_sq_check,
    .open = pomex_sq_open,
    .carry_out = carry_out,
    .read = read_one,
    .held = held,
    .close = pomex_sq_close,
};
