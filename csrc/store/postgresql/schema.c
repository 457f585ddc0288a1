/* The tables are those of version 1; steps lead from there to what is wanted. The functions are
 * always those of this program. Makes them, and compares the store with what this process knows of it. */
#include "store/postgresql/schema.h"

#include "store/postgresql/pq.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const pomex_pq_steps[] = {
    "ALTER TABLE pomex.worker ADD COLUMN who text NOT NULL DEFAULT 'of an older pomex';",
    NULL,
};

/* -1: an error; 0: there are no tables. */
static int64_t read_version(pomex_pq *self)
{
    PGresult *row = NULL;
    int64_t version = -1;
    if (pomex_pq_exchange(self, "SELECT to_regclass('pomex.meta') IS NULL", &row, 1, -1) ==
        POMEX_PQ_DONE)
        version = *PQgetvalue(row, 0, 0) == 't' ? 0 : 1;
    pomex_pq_clear(&row, 1);
    if (version <= 0)
        return version;
    version = -1;
    if (pomex_pq_exchange(self, "SELECT value FROM pomex.meta WHERE name = 'version'", &row, 1,
                          -1) == POMEX_PQ_DONE) {
        if (PQntuples(row) == 1)
            version = pomex_pq_number(row, 0, 0);
        else
            pomex_pq_say(self, "its schema \"pomex\" is no store of jobs");
    }
    pomex_pq_clear(&row, 1);
    return version;
}

/* Sends what `message` holds, which ends the transaction, and frees it. */
static enum pomex_pq_end send(pomex_pq *self, pomex_pq_message *message)
{
    PGresult *result = NULL;
    enum pomex_pq_end end = POMEX_PQ_FAILED;
    self->state[0] = '\0';
    pomex_pq_add(message, "COMMIT");
    if (message->starved)
        pomex_pq_say(self, "out of memory");
    else
        end = pomex_pq_exchange(self, message->text, &result, 1, -1);
    free(message->text);
    pomex_pq_clear(&result, 1);
    return end;
}

static pomex_pq_message begin(pomex_pq *self)
{
    pomex_pq_message message = {.conn = self->conn};
    pomex_pq_add(&message, "BEGIN ISOLATION LEVEL READ COMMITTED;"
                           "SET LOCAL synchronous_commit = on; SET LOCAL lock_timeout = '8s';"
                           "SELECT pg_advisory_xact_lock(8099003461131170);");
    return message;
}

/* Of two processes that make it at once one does: the other one waits for it within its statement,
 * and is told that the schema is there. */
static bool make(pomex_pq *self, const char *const *steps, int64_t wanted)
{
    pomex_pq_message message = begin(self);
    pomex_pq_add(&message, pomex_pq_tables);
    for (int64_t i = 1; i < wanted; i++)
        pomex_pq_add(&message, steps[i - 1]);
    pomex_pq_add(&message, pomex_pq_functions);
    pomex_pq_add(&message, "INSERT INTO pomex.meta VALUES ('lineage', pomex.lineage()),"
                           " ('tidied', '0'), ('version', (");
    pomex_pq_add_number(&message, wanted);
    pomex_pq_add(&message, ")::text);");
    /* "It is there" and, where the server had looked before it waited, "its key is". */
    return send(self, &message) == POMEX_PQ_DONE || strcmp(self->state, "42P06") == 0 ||
           strcmp(self->state, "23505") == 0;
}

/* False: other workers live, as far as anybody knows. That is noted, so that those who are found
 * as they were a minute later are known to be dead. */
static bool may_migrate(pomex_pq *self)
{
    PGresult *row = NULL;
    bool may =
        pomex_pq_exchange(self, "SELECT pomex.may_migrate()", &row, 1, -1) == POMEX_PQ_DONE &&
        *PQgetvalue(row, 0, 0) == 't';
    if (!may && !self->state[0])
        pomex_pq_say(self,
                     "it is of an older pomex, and other workers use it; it is brought up to "
                     "date when they have ended, or a minute after they died");
    pomex_pq_clear(&row, 1);
    return may;
}

/* The functions are made anew: what they return may have changed, and with it their names in the
 * catalogue. PX002: another process was faster. */
static bool migrate(pomex_pq *self, const char *const *steps, int64_t from, int64_t to)
{
    static const char drop[] =
        "SET LOCAL client_min_messages = warning; DO $$ DECLARE line text; BEGIN"
        " FOR line IN SELECT unnest(array_agg(format('DROP ROUTINE IF EXISTS %s CASCADE',"
        "  p.oid::regprocedure))) FROM pg_proc p WHERE pronamespace = 'pomex'::regnamespace"
        " LOOP EXECUTE line; END LOOP;"
        " FOR line IN SELECT unnest(array_agg(format('DROP %s IF EXISTS %s CASCADE',"
        "  CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TYPE' END, c.oid::regclass))) FROM pg_class "
        "c"
        "  WHERE relnamespace = 'pomex'::regnamespace AND relkind IN ('v', 'c')"
        " LOOP EXECUTE line; END LOOP; END $$;";
    if (!may_migrate(self))
        return false;
    pomex_pq_message message = begin(self);
    pomex_pq_add(&message,
                 "LOCK pomex.worker IN EXCLUSIVE MODE; SELECT pomex.start_migration(");
    pomex_pq_add_number(&message, from);
    pomex_pq_add(&message, ");");
    for (int64_t i = from; i < to; i++)
        pomex_pq_add(&message, steps[i - 1]);
    pomex_pq_add(&message, drop);
    pomex_pq_add(&message, pomex_pq_functions);
    pomex_pq_add(&message, "UPDATE pomex.meta SET value = (");
    pomex_pq_add_number(&message, to);
    pomex_pq_add(&message, ")::text WHERE name = 'version';");
    return send(self, &message) == POMEX_PQ_DONE || strcmp(self->state, "PX002") == 0;
}

/* What this process was told is on the disk, and is not there: the database was put back from a
 * copy, or its disk forgets. Noted in the store, for every process. */
static bool compare_log(pomex_pq *self)
{
    char sql[200];
    PGresult *result = NULL;
    if (!self->lsn[0])
        return true;
    snprintf(sql, sizeof sql,
             "UPDATE pomex.meta SET value = '' WHERE name = 'lineage'"
             " AND pg_current_wal_flush_lsn() < '%s'::pg_lsn",
             self->lsn);
    enum pomex_pq_end end = pomex_pq_exchange(self, sql, &result, 1, -1);
    pomex_pq_clear(&result, 1);
    return end == POMEX_PQ_DONE;
}

bool pomex_pq_prepare(pomex_pq *self, const char *const *steps, int64_t wanted)
{
    int64_t version = read_version(self);
    if (version == 0 && make(self, steps, wanted))
        version = read_version(self);
    if (version > 0 && version < wanted && migrate(self, steps, version, wanted))
        version = read_version(self);
    if (version > wanted) {
        char line[160];
        snprintf(line, sizeof line,
                 "it was written by a newer pomex (version %lld, this one reads up to %lld)",
                 (long long)version, (long long)wanted);
        pomex_pq_say(self, line);
    }
    return version == wanted && compare_log(self);
}
