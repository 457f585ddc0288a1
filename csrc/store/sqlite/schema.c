/* The tables. Their invariants:
 * - queue.videos and queue.money are the sums over the queue's attempts of `counted` and `held`;
 *   account.tasks is that of `in_flight`. The statement that changes one asks for its limit too,
 *   and an attempt changes in the same savepoint: nobody ever sums up.
 * - tally counts the jobs by triggers. `mark`: 0; 1 ready and blocked; 2 stuck.
 * - a job without `worker` is nobody's. A job that is `sending` always has one; one that is
 *   `incoming`, `unclear` or at its end has none.
 * - what is long and seldom changes is in `content`: a job's row is rewritten at each step, and the
 *   last part of a put rewrites those of all its jobs.
 * - what is named `body`, `save`, `saved` or `base_url` is compared or shown, and never used as an
 *   address, a path or a command by this code. */
#include "store/sqlite/schema.h"

#include <stdio.h>

const char *const pomex_sq_steps[] = {
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE account (id INTEGER PRIMARY KEY, name TEXT NOT NULL, base_url TEXT NOT NULL,"
    " key_hash TEXT NOT NULL, max_tasks INTEGER NOT NULL DEFAULT 100,"
    " tasks INTEGER NOT NULL DEFAULT 0, gate_until INTEGER NOT NULL DEFAULT 0, gate_why TEXT,"
    " UNIQUE (name, base_url));"
    "CREATE TABLE queue (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " capped INTEGER NOT NULL DEFAULT 0, videos_cap INTEGER NOT NULL DEFAULT -1,"
    " money_cap INTEGER NOT NULL DEFAULT -1, videos INTEGER NOT NULL DEFAULT 0,"
    " money INTEGER NOT NULL DEFAULT 0, paused INTEGER NOT NULL DEFAULT 0, why TEXT,"
    " failure TEXT, failures INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE worker (id INTEGER PRIMARY KEY AUTOINCREMENT, account INTEGER NOT NULL,"
    " boot TEXT NOT NULL, beat INTEGER NOT NULL DEFAULT 0,"
    " buried INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX worker_alive ON worker (id) WHERE buried = 0;"
    "CREATE TABLE job (id INTEGER PRIMARY KEY, queue INTEGER NOT NULL, key TEXT NOT NULL,"
    " kind INTEGER NOT NULL, state INTEGER NOT NULL, save TEXT,"
    " account INTEGER NOT NULL DEFAULT 0, fence INTEGER NOT NULL DEFAULT 0,"
    " worker INTEGER, attempt INTEGER NOT NULL DEFAULT 0, task TEXT,"
    " due INTEGER NOT NULL DEFAULT 0, blocked INTEGER NOT NULL DEFAULT 0,"
    " stuck INTEGER NOT NULL DEFAULT 0, deaths INTEGER NOT NULL DEFAULT 0, saved TEXT,"
    " length INTEGER, sha256 TEXT, error TEXT, note TEXT, ended INTEGER NOT NULL DEFAULT 0,"
    " UNIQUE (queue, key));"
    "CREATE UNIQUE INDEX job_save ON job (queue, save) WHERE save IS NOT NULL;"
    "CREATE INDEX job_state ON job (queue, state, id);"
    "CREATE INDEX job_ready ON job (queue, due)"
    " WHERE state = 1 AND worker IS NULL AND stuck = 0 AND blocked = 0;"
    "CREATE INDEX job_look ON job (queue, due)"
    " WHERE state IN (3, 4) AND worker IS NULL AND stuck = 0;"
    "CREATE INDEX job_worker ON job (worker) WHERE worker IS NOT NULL;"
    "CREATE INDEX job_ended ON job (ended) WHERE ended > 0;"
    "CREATE TABLE content (job INTEGER PRIMARY KEY, line TEXT NOT NULL, body TEXT NOT NULL);"
    "CREATE TABLE attempt (job INTEGER NOT NULL, number INTEGER NOT NULL,"
    " worker INTEGER NOT NULL, fence INTEGER NOT NULL, account INTEGER NOT NULL,"
    " begun INTEGER NOT NULL, boot TEXT NOT NULL, begun_boot INTEGER NOT NULL, body TEXT,"
    " model TEXT, version TEXT, cost INTEGER NOT NULL, held INTEGER NOT NULL,"
    " counted INTEGER NOT NULL, in_flight INTEGER NOT NULL, video INTEGER NOT NULL,"
    " stage INTEGER NOT NULL DEFAULT 0, over INTEGER NOT NULL DEFAULT 0, task TEXT, error TEXT,"
    " PRIMARY KEY (job, number)) WITHOUT ROWID;"
    "CREATE TABLE task (account INTEGER NOT NULL, id TEXT NOT NULL, job INTEGER NOT NULL,"
    " attempt INTEGER NOT NULL, PRIMARY KEY (account, id)) WITHOUT ROWID;"
    "CREATE TABLE need (queue INTEGER NOT NULL, key TEXT NOT NULL, job INTEGER NOT NULL,"
    " PRIMARY KEY (queue, key, job)) WITHOUT ROWID;"
    "CREATE INDEX need_job ON need (job);"
    "CREATE TABLE incoming (batch INTEGER NOT NULL, job INTEGER NOT NULL,"
    " PRIMARY KEY (batch, job)) WITHOUT ROWID;"
    "CREATE TABLE event (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL,"
    " queue INTEGER NOT NULL, job INTEGER NOT NULL, name TEXT NOT NULL, by TEXT, text TEXT);"
    "CREATE INDEX event_job ON event (job);"
    "CREATE TABLE tally (queue INTEGER NOT NULL, account INTEGER NOT NULL,"
    " state INTEGER NOT NULL, mark INTEGER NOT NULL, n INTEGER NOT NULL,"
    " PRIMARY KEY (queue, account, state, mark)) WITHOUT ROWID;"
    "CREATE TRIGGER job_put AFTER INSERT ON job BEGIN"
    " INSERT INTO tally VALUES (new.queue, new.account, new.state,"
    "  CASE WHEN new.stuck THEN 2 WHEN new.state = 1 AND new.blocked > 0 THEN 1 ELSE 0 END, 1)"
    "  ON CONFLICT DO UPDATE SET n = n + 1; END;"
    "CREATE TRIGGER job_moved AFTER UPDATE OF state, account, stuck, blocked ON job BEGIN"
    " UPDATE tally SET n = n - 1 WHERE queue = old.queue AND account = old.account"
    "  AND state = old.state AND mark ="
    "  CASE WHEN old.stuck THEN 2 WHEN old.state = 1 AND old.blocked > 0 THEN 1 ELSE 0 END;"
    " INSERT INTO tally VALUES (new.queue, new.account, new.state,"
    "  CASE WHEN new.stuck THEN 2 WHEN new.state = 1 AND new.blocked > 0 THEN 1 ELSE 0 END, 1)"
    "  ON CONFLICT DO UPDATE SET n = n + 1; END;",
    "ALTER TABLE worker ADD COLUMN who TEXT NOT NULL DEFAULT 'of an older pomex';",
};

const int pomex_sq_step_count = sizeof pomex_sq_steps / sizeof *pomex_sq_steps;

bool pomex_sq_version_fits(const char *path, int64_t application, int64_t version,
                           int64_t tables, int count, char *why, size_t why_size)
{
    if (tables > 0 && application != POMEX_SQ_APPLICATION)
        snprintf(why, why_size, "%s is a database, but no store of jobs", path);
    else if (version > count)
        snprintf(why, why_size,
                 "%s was written by a newer pomex (version %lld, this one reads up to %d)",
                 path, (long long)version, count);
    else
        return true;
    return false;
}

static bool migrate(pomex_sq *self, const char *const *steps, int count,
                    bool (*others)(pomex_sq *), char *why, size_t why_size)
{
    char set[80];
    /* Asked again now that nobody else can write. */
    int64_t version = pomex_sq_number(self, -1, "PRAGMA user_version", "");
    int64_t tables = pomex_sq_number(self, -1, "SELECT count(*) FROM sqlite_master", "");
    int64_t application = pomex_sq_number(self, -1, "PRAGMA application_id", "");
    if (self->error != SQLITE_OK ||
        !pomex_sq_version_fits(self->path, application, version, tables, count, why, why_size))
        return false;
    if (version == count)
        return true;
    if (version > 0 && others(self)) {
        snprintf(why, why_size,
                 "%s is of an older pomex, and other workers use it; it is brought up to date "
                 "when they have ended",
                 self->path);
        return false;
    }
    for (int64_t i = version; i < count; i++) {
        if (!pomex_sq_exec(self, self->db, steps[i]))
            return false;
    }
    snprintf(set, sizeof set, "PRAGMA user_version = %d; PRAGMA application_id = %d", count,
             POMEX_SQ_APPLICATION);
    return pomex_sq_exec(self, self->db, set);
}

bool pomex_sq_migrate(pomex_sq *self, const char *const *steps, int count,
                      bool (*others)(pomex_sq *), char *why, size_t why_size)
{
    if (pomex_sq_exec(self, self->db, "BEGIN IMMEDIATE")) {
        if (migrate(self, steps, count, others, why, why_size) &&
            pomex_sq_exec(self, self->db, "COMMIT"))
            return true;
        sqlite3_exec(self->db, "ROLLBACK", NULL, NULL, NULL);
    }
    if (!*why)
        snprintf(why, why_size, "%s: %s", self->path, self->said);
    return false;
}
