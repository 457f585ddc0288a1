/* `put`: the jobs of a part as columns, each an array. */
#include "store/postgresql/pq.h"

#include <string.h>

/* Appends "ARRAY[…]::TYPE[]," with `of` for each of the part's jobs. */
static void add_column(pomex_pq_message *message, const pomex_store_put *put, const char *type,
                       void (*of)(pomex_pq_message *message, const pomex_store_new *job))
{
    pomex_pq_add(message, "ARRAY[");
    for (size_t i = 0; i < put->job_count; i++) {
        if (i > 0)
            pomex_pq_add(message, ",");
        of(message, &put->jobs[i]);
    }
    pomex_pq_add(message, "]::");
    pomex_pq_add(message, type);
    pomex_pq_add(message, "[],");
}

static void add_key(pomex_pq_message *message, const pomex_store_new *job)
{
    pomex_pq_add_text(message, job->key);
}

static void add_kind(pomex_pq_message *message, const pomex_store_new *job)
{
    pomex_pq_add(message, job->kind == POMEX_STORE_PORTRAIT ? "1" : "0");
}

static void add_save(pomex_pq_message *message, const pomex_store_new *job)
{
    pomex_pq_add_text(message, job->save);
}

static void add_line(pomex_pq_message *message, const pomex_store_new *job)
{
    pomex_pq_add_text(message, job->line);
}

static void add_body(pomex_pq_message *message, const pomex_store_new *job)
{
    pomex_pq_add_text(message, job->body);
}

static void add_due(pomex_pq_message *message, const pomex_store_new *job)
{
    pomex_pq_add_number(message, job->due);
}

/* What they need: the keys, and for each the number of its job. */
static void add_needs(pomex_pq_message *message, const pomex_store_put *put, bool keys)
{
    const char *comma = "";
    pomex_pq_add(message, "ARRAY[");
    for (size_t i = 0; i < put->job_count; i++) {
        for (size_t k = 0; k < put->jobs[i].need_count; k++) {
            pomex_pq_add(message, comma);
            if (keys)
                pomex_pq_add_text(message, put->jobs[i].needs[k]);
            else
                pomex_pq_add_number(message, (int64_t)i + 1);
            comma = ",";
        }
    }
    pomex_pq_add(message, keys ? "]::text[]," : "]::int[]");
}

void pomex_pq_write_put(pomex_pq *self, pomex_pq_message *message,
                        const pomex_store_request *request)
{
    const pomex_store_put *put = &request->put;
    (void)self;
    if (put->job_count > POMEX_STORE_ROWS) {
        pomex_pq_add(message, "SELECT 6, 'more than 500 jobs in one part';");
        return;
    }
    pomex_pq_add(message, "SELECT * FROM pomex.put(");
    pomex_pq_add_text(message, put->queue);
    pomex_pq_add(message, ",");
    pomex_pq_add_number(message, put->batch);
    pomex_pq_add(message, put->more ? ",true," : ",false,");
    add_column(message, put, "text", add_key);
    add_column(message, put, "int", add_kind);
    add_column(message, put, "text", add_save);
    add_column(message, put, "text", add_line);
    add_column(message, put, "text", add_body);
    add_column(message, put, "bigint", add_due);
    add_needs(message, put, true);
    add_needs(message, put, false);
    pomex_pq_add(message, ");");
}

/* A digit for each verdict: no other is counted, whatever a database says. */
void pomex_pq_read_put(pomex_pq *self, pomex_store_request *request, const PGresult *result)
{
    pomex_store_put *put = &request->put;
    (void)self;
    if (request->answer != POMEX_STORE_YES)
        return;
    const char *digits = PQgetvalue(result, 0, 3);
    unsigned char *verdicts = pomex_store_memory(request, put->job_count + 1);
    if (!verdicts)
        return;
    memset(put->counts, 0, sizeof put->counts);
    for (size_t i = 0; i < put->job_count && digits[i]; i++) {
        verdicts[i] = (unsigned char)((digits[i] - '0') % 5);
        put->counts[verdicts[i]]++;
    }
    put->batch = pomex_pq_number(result, 0, 2);
    put->hidden = pomex_pq_number(result, 0, 4);
    put->verdicts = verdicts;
}
