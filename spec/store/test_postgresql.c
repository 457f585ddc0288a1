/* What holds on PostgreSQL alone: a connection that dies at any moment, a database that is away,
 * that is locked, newer or older. */
#include "bed.h"
#include "relay.h"
#include "server.h"

#include "store/postgresql/pq.h"
#include "store/postgresql/schema.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static relay *between;
static char direct[256]; /* the URL past the relay */

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* A store behind a relay. */
static int start(void **state)
{
    store_bed *bed = bed_new();
    const char *port = strrchr(bed->path, ':');
    const char *database = strrchr(bed->path, '/');
    snprintf(direct, sizeof direct, "%s", bed->path);
    between = relay_start((int)strtol(port + 1, NULL, 10));
    snprintf(bed->path, sizeof bed->path, "%.*s:%d%s", (int)(port - bed->path), direct,
             relay_port(between), direct + (database - bed->path));
    bed_open(bed, false);
    bed_queue(bed);
    *state = bed;
    return 0;
}

static int stop(void **state)
{
    relay_set(between, RELAY_PASS);
    int stopped = bed_stop(state);
    relay_stop(between);
    return stopped;
}

/* A job that is claimed, and not begun. */
static pomex_store_job claimed(store_bed *bed, const char *key)
{
    pomex_store_job job;
    if (!bed->worker)
        bed_join(bed);
    assert_int_equal(bed_put(bed, key, "body"), POMEX_STORE_NEW);
    assert_int_equal(bed_claim(bed, bed->worker, 1, &job), 1);
    assert_string_equal(job.key, key);
    return job;
}

/* A transaction of another session, which stays open until its connection is finished. */
static PGconn *hold(const char *sql)
{
    PGconn *conn = PQconnectdb(direct);
    PQclear(PQexec(conn, "BEGIN"));
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s", PQerrorMessage(conn));
    PQclear(result);
    return conn;
}

/* Waits until so many sessions of the database wait for a lock. */
static void await_waiting(int count)
{
    PGconn *conn = PQconnectdb(direct);
    for (int found = -1; found < count; usleep(10000)) {
        PGresult *result =
            PQexec(conn, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                         " AND datname = current_database()");
        assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
        found = atoi(PQgetvalue(result, 0, 0));
        PQclear(result);
    }
    PQfinish(conn);
}

static void a_begin_whose_answer_was_lost_is_asked_for(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = claimed(bed, "a");
    relay_set(between, RELAY_CUT);
    assert_int_equal(bed_begin(bed, bed->worker, &job, 1, 5)->answer, POMEX_STORE_KNOWN);
    assert_int_equal(relay_count(between), 1);
    const pomex_store_get *get = bed_get_all(bed, "a");
    assert_int_equal(get->job.state, POMEX_STORE_SENDING);
    assert_int_equal(get->attempt_count, 1);
    assert_int_equal(bed_counts(bed).money, 5);
    assert_int_equal(bed_counts(bed).tasks, 1);
}

static void an_old_message_that_is_still_carried_out_is_waited_for(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = claimed(bed, "a");
    PGconn *other = hold("SELECT FROM pomex.job FOR UPDATE");
    relay_set(between, RELAY_CUT);
    pomex_store_request *begin = bed_new_request(POMEX_STORE_BEGIN);
    begin->begin = (pomex_store_begin){
        .worker = bed->worker, .job = job.id, .fence = job.fence, .attempt = 1, .cost = 5};
    bed_submit(bed, begin);
    await_waiting(2); /* the old one for the job, the new one for the old one */
    PQfinish(other);
    assert_ptr_equal(bed_wait(bed), begin);
    assert_int_equal(begin->answer, POMEX_STORE_KNOWN);
    assert_int_equal(relay_count(between), 1);
    assert_int_equal(bed_get_all(bed, "a")->attempt_count, 1);
    assert_int_equal(bed_counts(bed).money, 5);
}

static void an_old_message_that_comes_late_does_nothing(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = claimed(bed, "a");
    server_sql("UPDATE pomex.queue SET paused = true");
    relay_set(between, RELAY_HOLD);
    assert_int_equal(bed_begin(bed, bed->worker, &job, 1, 5)->answer, POMEX_STORE_LATER);
    assert_int_equal(relay_count(between), 1);
    /* It would be let through now, and nobody would know. */
    server_sql("UPDATE pomex.queue SET paused = false");
    relay_let_go(between);
    assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_READY);
    assert_int_equal(bed_counts(bed).money, 0);
    assert_int_equal(bed_begin(bed, bed->worker, &job, 1, 5)->answer, POMEX_STORE_YES);
}

static void what_a_lost_claim_took_is_claimed_again(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job;
    bed_join(bed);
    for (int i = 0; i < 2; i++)
        assert_int_equal(bed_put(bed, i ? "b" : "a", "body"), POMEX_STORE_NEW);
    assert_int_equal(bed_claim(bed, bed->worker, 1, &job), 1);
    relay_set(between, RELAY_CUT);
    assert_int_equal(bed_claim(bed, bed->worker, 5, &job), 1);
    assert_int_equal(relay_count(between), 1);
    assert_string_equal(job.key, "b");
    assert_int_equal(job.fence, 2);
    assert_int_equal(bed_begin(bed, bed->worker, &job, 1, 5)->answer, POMEX_STORE_YES);
    /* The first one's is still its holder's. */
    assert_int_equal(bed_get(bed, "a").worker, bed->worker);
    assert_int_equal(bed_get(bed, "a").fence, 1);
}

static void what_a_person_said_is_not_said_twice(void **state)
{
    store_bed *bed = *state;
    assert_int_equal(bed_put(bed, "a", "body"), POMEX_STORE_NEW);
    relay_set(between, RELAY_CUT);
    pomex_store_request *cancel = bed_ask(bed, bed_person(bed, POMEX_STORE_CANCEL, "a"));
    assert_int_equal(cancel->answer, POMEX_STORE_BROKEN);
    assert_non_null(strstr(cancel->why, "look whether it was done"));
    /* What was cut off commits when it gets to it. */
    for (int i = 0; i < 1000 && bed_get(bed, "a").state != POMEX_STORE_CANCELLED; i++)
        usleep(10000);
    assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_CANCELLED);
}

static void a_database_that_is_away_is_said_after_ten_seconds_and_found_again(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = bed_sending(bed, "a", 5);
    relay_set(between, RELAY_REFUSE);
    double since = seconds();
    pomex_store_request *fact = bed_new_request(POMEX_STORE_FACT);
    fact->fact = (pomex_store_fact){
        .job = job.id, .attempt = 1, .kind = POMEX_STORE_TASK, .task = "t-1", .cost = -1};
    bed_submit(bed, fact);
    usleep(300000); /* in the hands of the thread, which finds nobody there */
    pomex_store_request *list = bed_new_request(POMEX_STORE_LIST);
    list->list.queue = "q";
    bed_submit(bed, list);
    for (int i = 0; i < 2; i++) {
        pomex_store_request *answered = bed_wait(bed);
        assert_int_equal(answered->answer, POMEX_STORE_BROKEN);
        assert_non_null(strstr(answered->why, "is out of reach"));
    }
    assert_true(seconds() - since >= 10);
    relay_set(between, RELAY_PASS);
    enum pomex_store_answer again;
    do
        again = bed_fact(bed, job.id, 1, POMEX_STORE_TASK, "t-1");
    while (again == POMEX_STORE_BROKEN && usleep(100000) == 0);
    assert_int_equal(again, POMEX_STORE_YES);
    assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_POLLING);
}

static void a_short_absence_is_not_seen(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = claimed(bed, "a");
    relay_set(between, RELAY_REFUSE);
    pomex_store_request *begin = bed_new_request(POMEX_STORE_BEGIN);
    begin->begin = (pomex_store_begin){
        .worker = bed->worker, .job = job.id, .fence = job.fence, .attempt = 1, .cost = 5};
    bed_submit(bed, begin);
    usleep(500000);
    relay_set(between, RELAY_PASS);
    assert_ptr_equal(bed_wait(bed), begin);
    assert_int_equal(begin->answer, POMEX_STORE_YES);
}

static void a_close_waits_for_no_database(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = claimed(bed, "a");
    relay_set(between, RELAY_SILENT);
    pomex_store_request *begin = bed_new_request(POMEX_STORE_BEGIN);
    begin->begin = (pomex_store_begin){
        .worker = bed->worker, .job = job.id, .fence = job.fence, .attempt = 1, .cost = 5};
    bed_submit(bed, begin);
    usleep(100000);
    double since = seconds();
    bed_close(bed);
    assert_true(seconds() - since < 3);
}

/* Opening the URL gives an error that has all of `words` in it, and none of `secret`. */
static void refused(const char *url, const char *words, const char *secret)
{
    char why[512] = "";
    pomex_store_options options = {.backend = &pomex_store_postgresql, .path = url};
    assert_null(pomex_store_open(&options, why, sizeof why));
    if (!strstr(why, words) || strstr(why, secret))
        fail_msg("%s", why);
}

static void a_newer_store_is_refused(void **state)
{
    store_bed *bed = *state;
    bed_close(bed);
    server_sql("UPDATE pomex.meta SET value = '99' WHERE name = 'version'");
    refused(bed->path, "written by a newer pomex (version 99", "pomex@");
}

/* What a later version would do to this one. */
static bool migrate(const char *step)
{
    const char *const steps[] = {pomex_pq_steps[0], step, NULL};
    pomex_pq self = {.url = direct, .until = INT64_MAX};
    self.conn = PQconnectdb(direct);
    assert_int_equal(PQstatus(self.conn), CONNECTION_OK);
    bool done = pomex_pq_prepare(&self, steps, 3);
    PQfinish(self.conn);
    return done;
}

static void an_older_store_is_migrated_while_no_other_worker_lives(void **state)
{
    static const char step[] = "ALTER TABLE pomex.queue ADD COLUMN extra int DEFAULT 7;";
    store_bed *bed = *state;
    pomex_store_job job = bed_sending(bed, "a", 5);
    assert_false(migrate(step));
    assert_false(migrate(step));
    /* A minute ago it was the same, as of one that died; it beats in between. */
    server_sql(
        "UPDATE pomex.meta SET value = (split_part(value, ' ', 1)::bigint - 60000) || ' ' ||"
        " split_part(value, ' ', 2) WHERE name = 'watched'");
    pomex_store_request *beat = bed_new_request(POMEX_STORE_BEAT);
    beat->beat.worker = bed->worker;
    assert_int_equal(bed_ask(bed, beat)->answer, POMEX_STORE_YES);
    assert_false(migrate(step));
    server_sql(
        "UPDATE pomex.meta SET value = (split_part(value, ' ', 1)::bigint - 60000) || ' ' ||"
        " split_part(value, ' ', 2) WHERE name = 'watched'");
    assert_false(migrate("ALTER TABLE pomex.queue ADD COLUMN extra int; SELECT no_such;"));
    assert_true(migrate(step));
    assert_true(migrate(step));
    server_sql("SELECT 1 / (count(*) FILTER (WHERE extra = 7))::int FROM pomex.queue");
    /* Whoever was taken for dead knows, and its facts are taken. */
    assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_UNCLEAR);
    assert_int_equal(bed_fact(bed, job.id, 1, POMEX_STORE_TASK, "t-1"), POMEX_STORE_YES);
    beat = bed_new_request(POMEX_STORE_BEAT);
    beat->beat.worker = bed->worker;
    assert_int_equal(bed_ask(bed, beat)->answer, POMEX_STORE_BURIED);
}

static void no_error_shows_a_password(void **state)
{
    const store_bed *bed = *state;
    char url[400];
    const char *at = strchr(bed->path, '@'), *port = strrchr(bed->path, ':');
    snprintf(url, sizeof url, "postgresql://nobody:geheim@%s", at + 1);
    refused(url, "nobody", "geheim");
    snprintf(url, sizeof url, "postgresql://nobody:geheim@127.0.0.1%s?no_such=geheim", port);
    refused(url, "is no URL of a database", "geheim");
    refused("postgresql://nobody:geheim@127.0.0.1:1/x", "127.0.0.1:1", "geheim");
    /* The server repeats what it was given; here that is the password, too. */
    snprintf(url, sizeof url, "postgresql://geheim:geheim@%s", at + 1);
    refused(url, "***", "geheim");
}

static void what_breaks_takes_nothing_along(void **state)
{
    store_bed *bed = *state;
    pomex_store_job jobs[3];
    pomex_store_request *facts[3];
    for (int i = 0; i < 3; i++)
        jobs[i] = bed_sending(bed, i == 0 ? "a" : i == 1 ? "b" : "c", 5);
    PGconn *other = hold("SELECT FROM pomex.queue FOR UPDATE");
    pomex_store_request *cap = bed_new_request(POMEX_STORE_CAP);
    cap->queue = (pomex_store_queue){.queue = "q", .videos_cap = 9, .money_cap = -1};
    bed_submit(bed, cap);
    await_waiting(1); /* what is submitted now is one batch */
    for (int i = 0; i < 3; i++) {
        facts[i] = bed_new_request(POMEX_STORE_FACT);
        facts[i]->fact = (pomex_store_fact){.job = jobs[i].id,
                                            .attempt = 1,
                                            .kind = POMEX_STORE_NEVER_LEFT,
                                            .error = i == 1 ? "\xff" : "well",
                                            .cost = -1};
        bed_submit(bed, facts[i]);
    }
    PQfinish(other);
    for (int i = 0; i < 4; i++)
        bed_wait(bed);
    assert_int_equal(cap->answer, POMEX_STORE_YES);
    assert_int_equal(facts[0]->answer, POMEX_STORE_YES);
    assert_int_equal(facts[1]->answer, POMEX_STORE_BROKEN);
    assert_int_equal(facts[2]->answer, POMEX_STORE_YES);
    assert_int_equal(bed_get(bed, "b").state, POMEX_STORE_SENDING);
}

/* Whatever the database, the role or a pooler's last client has set. */
static void a_transaction_names_all_that_it_rests_on(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = claimed(bed, "a");
    server_sql("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off',"
               " current_database()); EXECUTE format('ALTER DATABASE %I SET"
               " default_transaction_isolation = serializable', current_database()); END $$");
    server_sql("CREATE FUNCTION pomex.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
               " NEW.error := concat_ws(' ', current_setting('synchronous_commit'),"
               " current_setting('transaction_isolation'), current_setting('lock_timeout'),"
               " current_setting('statement_timeout'),"
               " current_setting('idle_in_transaction_session_timeout')); RETURN NEW; END $$;"
               "CREATE TRIGGER note BEFORE INSERT ON pomex.attempt FOR EACH ROW"
               " EXECUTE FUNCTION pomex.note()");
    relay_set(between, RELAY_REFUSE); /* the next connection has the settings */
    relay_set(between, RELAY_PASS);
    assert_int_equal(bed_begin(bed, bed->worker, &job, 1, 5)->answer, POMEX_STORE_YES);
    server_sql("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I RESET ALL', current_database());"
               " END $$");
    assert_string_equal(bed_get_all(bed, "a")->attempts[0].error,
                        "on read committed 2s 10s 5s");
}

static void a_lock_that_is_kept_is_busy(void **state)
{
    store_bed *bed = *state;
    pomex_store_job job = claimed(bed, "a");
    PGconn *other = hold("SELECT FROM pomex.job FOR UPDATE");
    assert_int_equal(bed_begin(bed, bed->worker, &job, 1, 5)->answer, POMEX_STORE_BUSY);
    PQfinish(other);
    assert_int_equal(bed_begin(bed, bed->worker, &job, 1, 5)->answer, POMEX_STORE_YES);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(a_begin_whose_answer_was_lost_is_asked_for),
        TEST(an_old_message_that_is_still_carried_out_is_waited_for),
        TEST(an_old_message_that_comes_late_does_nothing),
        TEST(what_a_lost_claim_took_is_claimed_again),
        TEST(what_a_person_said_is_not_said_twice),
        TEST(a_database_that_is_away_is_said_after_ten_seconds_and_found_again),
        TEST(a_short_absence_is_not_seen),
        TEST(a_close_waits_for_no_database),
        TEST(a_newer_store_is_refused),
        TEST(an_older_store_is_migrated_while_no_other_worker_lives),
        TEST(no_error_shows_a_password),
        TEST(a_transaction_names_all_that_it_rests_on),
        TEST(what_breaks_takes_nothing_along),
        TEST(a_lock_that_is_kept_is_busy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
