/* `put`: jobs go in, at once or as the parts of a batch that becomes visible with its last one. A
 * part that waits is `incoming`; the table of that name says for which batches, since two workers
 * may be given one manifest, and whoever is done first has all of it in. */
#include "store/sqlite/row.h"

#include <string.h>

typedef struct existing {
    int64_t id, state, attempt;
    bool same, equal; /* equal: with its price and the name of its file */
} existing;

/* False: there is none (or an error). */
static bool find(pomex_sq *self, int64_t queue, const pomex_store_new *job, existing *found)
{
    sqlite3_stmt *row = pomex_sq_bind(
        self,
        "SELECT j.id, j.state, j.attempt, c.line = ?3, c.body = ?4 AND j.save IS ?5"
        " FROM job j JOIN content c ON c.job = j.id WHERE j.queue = ?1 AND j.key = ?2",
        "issss", queue, job->key, job->line, job->body, job->save);
    if (pomex_sq_step(self, row) != POMEX_SQ_ROW)
        return false;
    *found = (existing){.id = sqlite3_column_int64(row, 0),
                        .state = sqlite3_column_int64(row, 1),
                        .attempt = sqlite3_column_int64(row, 2),
                        .same = sqlite3_column_int(row, 3) != 0,
                        .equal = sqlite3_column_int(row, 4) != 0};
    sqlite3_reset(row);
    return true;
}

/* Whether another job of the queue saves there. */
static bool is_taken(pomex_sq *self, int64_t queue, const pomex_store_new *job)
{
    return job->save &&
           pomex_sq_number(self, 0,
                           "SELECT 1 FROM job WHERE queue = ?1 AND save = ?2 AND key <> ?3",
                           "iss", queue, job->save, job->key) != 0;
}

/* What it needs, and how many of these are not there yet. A portrait may come in after it. */
static void write_needs(pomex_sq *self, int64_t queue, int64_t id, const pomex_store_new *job)
{
    pomex_sq_run(self, "DELETE FROM need WHERE job = ?1", "i", id);
    for (size_t i = 0; i < job->need_count; i++)
        pomex_sq_run(self, "INSERT OR IGNORE INTO need VALUES (?1, ?2, ?3)", "isi", queue,
                     job->needs[i], id);
    pomex_sq_run(self,
                 "UPDATE job SET blocked = (SELECT count(*) FROM need n LEFT JOIN job p"
                 " ON p.queue = n.queue AND p.key = n.key"
                 " WHERE n.job = ?1 AND (p.state IS NULL OR p.state <> ?2)) WHERE id = ?1",
                 "ii", id, (int64_t)POMEX_STORE_DONE);
}

static void write_new(pomex_sq *self, int64_t queue, int64_t batch, const pomex_store_new *job)
{
    int64_t state = batch ? POMEX_STORE_INCOMING : POMEX_STORE_READY;
    pomex_sq_run(self,
                 "INSERT INTO job (queue, key, kind, state, save, due)"
                 " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                 "isiisi", queue, job->key, (int64_t)job->kind, state, job->save,
                 pomex_sq_due(job->due));
    int64_t id = sqlite3_last_insert_rowid(self->db);
    pomex_sq_run(self, "INSERT INTO content VALUES (?1, ?2, ?3)", "iss", id, job->line,
                 job->body);
    if (job->need_count > 0)
        write_needs(self, queue, id, job);
    if (batch)
        pomex_sq_run(self, "INSERT INTO incoming VALUES (?1, ?2)", "ii", batch, id);
}

/* It is ready. Who holds it knows the old body: a new fence takes it from there. */
static void replace(pomex_sq *self, int64_t queue, int64_t id, const pomex_store_new *job)
{
    pomex_sq_run(self,
                 "UPDATE job SET kind = ?2, save = ?3, due = ?4,"
                 " worker = NULL, fence = fence + 1, stuck = 0, deaths = 0, error = NULL"
                 " WHERE id = ?1",
                 "iisi", id, (int64_t)job->kind, job->save, pomex_sq_due(job->due));
    pomex_sq_run(self, "UPDATE content SET line = ?2, body = ?3 WHERE job = ?1", "iss", id,
                 job->line, job->body);
    write_needs(self, queue, id, job);
}

static enum pomex_store_verdict put_one(pomex_sq *self, int64_t queue, int64_t batch,
                                        const pomex_store_new *job)
{
    existing found;
    bool there = find(self, queue, job, &found);
    bool is_ready =
        there && (found.state == POMEX_STORE_READY || found.state == POMEX_STORE_INCOMING);
    bool replaces = is_ready && (found.same ? !found.equal : found.attempt == 0);
    if (there && !found.same && !replaces)
        return POMEX_STORE_CONFLICT;
    if ((!there || replaces) && is_taken(self, queue, job))
        return POMEX_STORE_SAVE_TAKEN;
    if (!there) {
        write_new(self, queue, batch, job);
        return POMEX_STORE_NEW;
    }
    if (replaces)
        replace(self, queue, found.id, job);
    if (found.state == POMEX_STORE_INCOMING && batch)
        pomex_sq_run(self, "INSERT OR IGNORE INTO incoming VALUES (?1, ?2)", "ii", batch,
                     found.id);
    else if (found.state == POMEX_STORE_INCOMING)
        pomex_sq_run(self, "UPDATE job SET state = ?2 WHERE id = ?1", "ii", found.id,
                     (int64_t)POMEX_STORE_READY);
    return found.same ? POMEX_STORE_SAME : POMEX_STORE_CHANGED;
}

/* A number that no batch had before. */
static int64_t new_batch(pomex_sq *self)
{
    pomex_sq_run(self,
                 "INSERT INTO meta VALUES ('batch', 1)"
                 " ON CONFLICT DO UPDATE SET value = value + 1",
                 "");
    return pomex_sq_number(self, 0, "SELECT value FROM meta WHERE name = 'batch'", "");
}

static void show_batch(pomex_sq *self, int64_t batch)
{
    pomex_sq_run(self,
                 "UPDATE job SET state = ?2 WHERE state = ?3 AND id IN"
                 " (SELECT job FROM incoming WHERE batch = ?1)",
                 "iii", batch, (int64_t)POMEX_STORE_READY, (int64_t)POMEX_STORE_INCOMING);
    pomex_sq_run(self, "DELETE FROM incoming WHERE batch = ?1", "i", batch);
}

void pomex_sq_put(pomex_sq *self, pomex_store_request *request)
{
    pomex_store_put *put = &request->put;
    int64_t queue = pomex_sq_queue_find(self, request, put->queue);
    unsigned char *verdicts = pomex_store_memory(request, put->job_count + 1);
    if (queue == 0)
        return;
    if (put->job_count > POMEX_STORE_ROWS) {
        pomex_store_answer(request, POMEX_STORE_REFUSED, "more than %d jobs in one part",
                           POMEX_STORE_ROWS);
        return;
    }
    if (!verdicts) {
        pomex_sq_failed(self, NULL, SQLITE_NOMEM);
        return;
    }
    int64_t batch = put->batch ? put->batch : put->more ? new_batch(self) : 0;
    memset(put->counts, 0, sizeof put->counts);
    for (size_t i = 0; i < put->job_count && self->error == SQLITE_OK; i++) {
        verdicts[i] = (unsigned char)put_one(self, queue, batch, &put->jobs[i]);
        put->counts[verdicts[i]]++;
    }
    if (batch && !put->more)
        show_batch(self, batch);
    if (self->error == SQLITE_OK)
        put->batch = batch;
    put->verdicts = verdicts;
    pomex_store_answer(request, POMEX_STORE_YES, NULL);
}
