/* Opening the store, its log, and closing it. */
#include "store/sqlite/open.h"

#include "store/sqlite/place.h"
#include "store/sqlite/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* So large is the log made at open: it then takes an id also when the disk has become full. */
#define LOG_BYTES (4 << 20)
/* Copied back at half of it, so that what comes until then still fits. */
#define CHECKPOINT_PAGES 512

/* Half a millisecond to 4.5, uneven between processes. */
static void pause_for(int count)
{
    struct timespec pause = {0, 500000 + (count * 7919 + getpid()) % 4000 * 1000};
    nanosleep(&pause, NULL);
}

/* Waits in uneven steps for another process's transaction, 10 s at most, or 1 s in all once the
 * store is being closed. */
static int busy(void *user, int count)
{
    pomex_sq *self = user;
    int64_t now = pomex_sq_boottime();
    if (count == 0)
        self->waiting_since = now;
    int64_t limit = atomic_load(self->closing) ? 1000 : 10000;
    if (now - self->waiting_since >= limit)
        return 0;
    pause_for(count);
    return 1;
}

static int log_grew(void *user, sqlite3 *db, const char *name, int pages)
{
    pomex_sq *self = user;
    (void)db;
    (void)name;
    if (pages < self->log_pages)
        self->checkpoint_at = CHECKPOINT_PAGES;
    self->log_pages = pages;
    return SQLITE_OK;
}

/* SQLite has a race between a checkpoint and another connection's commit (3.7.0 to 3.51.2), which
 * loses committed pages: so a checkpoint happens only while this process keeps every writer out.
 * (That of the last connection's close is safe: SQLite holds the whole file then.) */
bool pomex_sq_checkpoint(pomex_sq *self)
{
    static const char keep_writers_out[] = "BEGIN IMMEDIATE";
    if (!pomex_sq_exec(self, self->db, keep_writers_out))
        return false;
    int log = 0, copied = 0;
    int64_t whole = pomex_sq_mark_in(self->db);
    sqlite3_wal_checkpoint_v2(self->reader, NULL, SQLITE_CHECKPOINT_PASSIVE, &log, &copied);
    sqlite3_exec(self->db, "ROLLBACK", NULL, NULL, NULL);
    /* Where a reader stands in the way, the rest is tried again later. */
    self->checkpoint_at =
        copied < log ? self->log_pages + CHECKPOINT_PAGES / 2 : CHECKPOINT_PAGES;
    if (copied == log) {
        self->log_pages = 0;
        self->base = whole;
    }
    return true;
}

bool pomex_sq_wants_checkpoint(const pomex_sq *self)
{
    return self->log_pages >= self->checkpoint_at;
}

/* Writes so much that the log is LOG_BYTES long; the file has the room for it too afterwards. */
static void grow_log(pomex_sq *self)
{
    char name[4200];
    struct stat at;
    snprintf(name, sizeof name, "%.4096s-wal", self->path);
    if (stat(name, &at) == 0 && at.st_size >= LOG_BYTES)
        return;
    /* With a mark of its own: this log is no other's. */
    pomex_sq_raise_mark(self);
    pomex_sq_write_mark(self);
    pomex_sq_run(self, "INSERT OR REPLACE INTO meta VALUES ('filler', zeroblob(?1))", "i",
                 (int64_t)LOG_BYTES);
    pomex_sq_checkpoint(self); /* what comes now begins at the front of the log */
    pomex_sq_run(self, "DELETE FROM meta WHERE name = 'filler'", "");
    pomex_sq_checkpoint(self);
    self->error = SQLITE_OK; /* a disk that is full already has no reserve */
}

static sqlite3 *connect(pomex_sq *self)
{
    sqlite3 *db = NULL;
    int error = sqlite3_open_v2(
        self->path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
        NULL);
    if (error == SQLITE_OK) {
        sqlite3_extended_result_codes(db, 1);
        sqlite3_busy_handler(db, busy, self);
        return db;
    }
    pomex_sq_failed(self, db, error);
    sqlite3_close(db);
    return NULL;
}

/* The head of a file that may be anybody's: nothing is changed before it is known to be ours. */
static bool look_at_head(sqlite3 *db, const char *path, char *why, size_t why_size)
{
    static const char sql[] = "SELECT (SELECT application_id FROM pragma_application_id),"
                              " (SELECT user_version FROM pragma_user_version),"
                              " (SELECT count(*) FROM sqlite_master)";
    sqlite3_stmt *statement = NULL;
    bool fits = false;
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        fits = pomex_sq_version_fits(
            path, sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1),
            sqlite3_column_int64(statement, 2), pomex_sq_step_count, why, why_size);
    else
        snprintf(why, why_size, "%s: %s", path,
                 pomex_sq_what(db, sqlite3_extended_errcode(db), path));
    sqlite3_finalize(statement);
    return fits;
}

/* Whether a worker lives that is not this process's. */
static bool others_live(pomex_sq *self)
{
    bool alive = false;
    sqlite3_stmt *row =
        pomex_sq_bind(self, "SELECT id, boot FROM worker WHERE buried = 0 AND beat >= 0", "");
    while (pomex_sq_step(self, row) == POMEX_SQ_ROW)
        alive = alive || !pomex_sq_is_dead(self, sqlite3_column_int64(row, 0),
                                           (const char *)sqlite3_column_text(row, 1));
    return alive;
}

/* Made by us, and readable by its owner alone: prompts stand in it. Only a file that nobody has
 * open can be made, so that the close drops no lock. */
static bool make_file(const char *path, char *why, size_t why_size)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno != EEXIST) {
        snprintf(why, why_size, "%s: %s", path, strerror(errno));
        return false;
    }
    if (fd >= 0)
        close(fd);
    return true;
}

/* SQLite's log has the name by which the file was opened: by two names there are two logs, and what
 * is begun in one is not known in the other. */
static bool has_one_name(const char *path, char *why, size_t why_size)
{
    struct stat at;
    if (stat(path, &at) != 0 || at.st_nlink <= 1)
        return true;
    snprintf(why, why_size, "%s has %lu names (hard links); a store must have one", path,
             (unsigned long)at.st_nlink);
    return false;
}

static bool begin_to_use(pomex_sq *self)
{
    if (!pomex_sq_exec(self, self->db, "BEGIN IMMEDIATE"))
        return false;
    pomex_sq_check_lineage(self);
    return self->error == SQLITE_OK && pomex_sq_exec(self, self->db, "COMMIT");
}

/* To make a file a WAL one SQLite takes a lock for which it does not ask the busy handler. */
static bool set_up(pomex_sq *self)
{
    static const char set[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                              "PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;"
                              "PRAGMA secure_delete = ON;"; /* what is forgotten is no more */
    int64_t since = pomex_sq_boottime();
    for (int i = 0;; i++) {
        if (pomex_sq_exec(self, self->db, set))
            return true;
        if ((self->error & 0xff) != SQLITE_BUSY || pomex_sq_boottime() - since > 10000 ||
            atomic_load(self->closing))
            return false;
        self->error = SQLITE_OK;
        pause_for(i);
    }
}

/* Whether the close of the last connection leaves the log as it is. */
static bool keeps_log(sqlite3 *db, bool keeps)
{
    return sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, (int)keeps, NULL) ==
           SQLITE_OK;
}

static bool open_all(pomex_sq *self, char *why, size_t why_size)
{
    if (!make_file(self->path, why, why_size) || !has_one_name(self->path, why, why_size))
        return false;
    if (!pomex_sq_lock_open(self)) {
        snprintf(why, why_size, "%s-lock: %s", self->path, strerror(errno));
        return false;
    }
    pomex_sq_marks_open(self);
    self->db = connect(self);
    /* A log that is another state's is not written into the file, not even by a close. */
    if (!self->db || !keeps_log(self->db, true) ||
        !look_at_head(self->db, self->path, why, why_size) ||
        !pomex_sq_log_fits(self->db, self->path, &self->noted_base, why, why_size) ||
        !keeps_log(self->db, false) || !set_up(self))
        return false;
    sqlite3_wal_hook(self->db, log_grew, self); /* and no checkpoint by itself */
    if (!pomex_sq_migrate(self, pomex_sq_steps, pomex_sq_step_count, others_live, why,
                          why_size) ||
        !begin_to_use(self))
        return false;
    self->reader = connect(self);
    if (!self->reader ||
        !pomex_sq_exec(self, self->reader,
                       "PRAGMA wal_autocheckpoint = 0; PRAGMA query_only = ON;"
                       "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;"))
        return false;
    grow_log(self);
    self->log_inode = pomex_sq_log_inode(self);
    return true;
}

void *pomex_sq_open(const pomex_store_options *options, const atomic_bool *closing,
                    enum pomex_store_answer *answer, char *why, size_t why_size)
{
    pomex_sq *self = calloc(1, sizeof *self);
    char *path = self ? strdup(options->path) : NULL;
    if (!path) {
        snprintf(why, why_size, "out of memory");
        free(self);
        return NULL;
    }
    self->path = path;
    self->closing = closing;
    self->any_file_system = options->any_file_system != 0;
    self->lock = self->marks = -1;
    self->synchronous = 2;
    self->checkpoint_at = CHECKPOINT_PAGES;
    pomex_sq_read_machine(self);
    if (pomex_sq_file_system(path, self->any_file_system, &self->lasting, why, why_size) &&
        open_all(self, why, why_size))
        return self;
    if ((self->error & 0xff) == SQLITE_BUSY)
        *answer = POMEX_STORE_BUSY;
    if ((self->error & 0xff) == SQLITE_FULL)
        *answer = POMEX_STORE_FULL;
    if (!*why)
        snprintf(why, why_size, "%s: %s", path, self->said);
    pomex_sq_close(self);
    return NULL;
}

void pomex_sq_close(void *user)
{
    pomex_sq *self = user;
    for (size_t i = 0; i < POMEX_SQ_STATEMENTS; i++)
        sqlite3_finalize(self->statements[i].statement);
    sqlite3_close(self->reader);
    sqlite3_close(self->db);
    if (self->lock >= 0)
        close(self->lock);
    if (self->marks >= 0)
        close(self->marks);
    free(self->path);
    free(self);
}

bool pomex_sq_check(const pomex_store_options *options, char *why, size_t why_size)
{
    bool lasting;
    struct stat at;
    sqlite3 *db = NULL;
    if (!pomex_sq_file_system(options->path, options->any_file_system != 0, &lasting, why,
                              why_size))
        return false;
    if (stat(options->path, &at) != 0 && errno == ENOENT)
        return true;
    if (!has_one_name(options->path, why, why_size))
        return false;
    int error = sqlite3_open_v2(options->path, &db,
                                SQLITE_OPEN_READONLY | SQLITE_OPEN_PRIVATECACHE, NULL);
    if (error == SQLITE_OK)
        sqlite3_busy_timeout(db, 1000);
    else
        snprintf(why, why_size, "%s: %s", options->path, sqlite3_errmsg(db));
    int64_t base;
    bool fits = error == SQLITE_OK && look_at_head(db, options->path, why, why_size) &&
                pomex_sq_log_fits(db, options->path, &base, why, why_size);
    sqlite3_close(db);
    return fits;
}
