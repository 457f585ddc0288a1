/* What is asked of the PostgreSQL server itself: these tests change how it is set up, or crash it,
 * and so have one of their own. */
#include "bed.h"

#include "store/backend.h"

#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static store_bed *bed;

/* As its superuser, whose password is the same. */
static PGconn *superuser(void)
{
    char url[400];
    const char *rest = strchr(bed->path, '@');
    snprintf(url, sizeof url, "postgresql://postgres%s", rest);
    PGconn *conn = PQconnectdb(url);
    if (PQstatus(conn) != CONNECTION_OK)
        fail_msg("%s", PQerrorMessage(conn));
    return conn;
}

/* One value; "" if there is none. */
static const char *ask(const char *sql)
{
    static char value[200];
    PGconn *conn = superuser();
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    snprintf(value, sizeof value, "%s", PQntuples(result) ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    PQfinish(conn);
    return value;
}

static void await_answer(const char *sql, const char *answer)
{
    while (strcmp(ask(sql), answer) != 0)
        usleep(20000);
}

/* Sets a setting of the whole server; NULL: as it was. */
static void set(const char *name, const char *value)
{
    char sql[200], show[80], was[200];
    snprintf(show, sizeof show, "SHOW %s", name);
    snprintf(was, sizeof was, "%s", ask(show));
    if (value)
        snprintf(sql, sizeof sql, "ALTER SYSTEM SET %s = '%s'", name, value);
    else
        snprintf(sql, sizeof sql, "ALTER SYSTEM RESET %s", name);
    ask(sql);
    ask("SELECT pg_reload_conf()");
    while (strcmp(ask(show), was) == 0)
        usleep(20000);
}

static int start(void **state)
{
    int started = bed_start(state);
    bed = *state;
    return started;
}

static void refused(const char *words)
{
    char why[512] = "";
    pomex_store_options options = {.backend = &pomex_store_postgresql, .path = bed->path};
    assert_null(pomex_store_open(&options, why, sizeof why));
    if (!strstr(why, words))
        fail_msg("%s", why);
}

static void a_server_that_does_not_sync_is_refused(void **state)
{
    (void)state;
    bed_close(bed);
    set("fsync", "off");
    refused("has fsync off");
    set("fsync", NULL);
    set("full_page_writes", "off");
    refused("has full_page_writes off");
    set("full_page_writes", NULL);
    bed_open(bed, false);
}

static pomex_store_job claimed(void)
{
    pomex_store_job job;
    bed_close(bed);
    bed_open_beating(bed, 600, 0); /* nothing is written that no test asked for */
    bed_join(bed);
    assert_int_equal(bed_put(bed, "a", "body"), POMEX_STORE_NEW);
    assert_int_equal(bed_claim(bed, bed->worker, 1, &job), 1);
    return job;
}

static pomex_store_request *submit_begin(const pomex_store_job *job)
{
    pomex_store_request *begin = bed_new_request(POMEX_STORE_BEGIN);
    begin->begin = (pomex_store_begin){
        .worker = bed->worker, .job = job->id, .fence = job->fence, .attempt = 1, .cost = 5};
    bed_submit(bed, begin);
    return begin;
}

static const char waiting[] =
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";

/* Waits until commits wait for a standby: the server heeds the setting some time after it shows it. */
static void await_waiting(void)
{
    for (bool waits = false; !waits;) {
        PGconn *conn = superuser();
        assert_int_equal(PQsendQuery(conn, "SELECT pg_logical_emit_message(true, '', '')"), 1);
        while (PQisBusy(conn) && !(waits = strcmp(ask(waiting), "1") == 0))
            assert_int_equal(PQconsumeInput(conn), 1);
        if (waits)
            ask("SELECT pg_cancel_backend(pid) FROM pg_stat_activity"
                " WHERE wait_event = 'SyncRep'");
        PQfinish(conn);
    }
    await_answer(waiting, "0");
}

static void a_commit_that_did_not_wait_for_its_standby_is_not_sure(void **state)
{
    (void)state;
    pomex_store_job job = claimed();
    set("synchronous_standby_names", "nobody");
    await_waiting();
    pomex_store_request *begin = submit_begin(&job);
    await_answer(waiting, "1");
    ask("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
    assert_ptr_equal(bed_wait(bed), begin);
    assert_int_equal(begin->answer, POMEX_STORE_BROKEN);
    assert_non_null(strstr(begin->why, "did not wait for its synchronous standby"));
    /* It is there; to be told so again waits for the standby as well. */
    begin = submit_begin(&job);
    await_answer(waiting, "1");
    set("synchronous_standby_names", NULL);
    assert_ptr_equal(bed_wait(bed), begin);
    assert_int_equal(begin->answer, POMEX_STORE_KNOWN);
}

static void a_server_that_crashes_is_found_again(void **state)
{
    (void)state;
    pomex_store_job job = claimed();
    assert_int_equal(submit_begin(&job)->verb, POMEX_STORE_BEGIN);
    assert_int_equal(bed_wait(bed)->answer, POMEX_STORE_YES);
    /* One of its processes is killed: it throws all of them out, and recovers from its log. */
    pid_t process = (pid_t)atoi(ask("SELECT pid FROM pg_stat_activity WHERE backend_type ="
                                    " 'checkpointer'"));
    assert_int_equal(kill(process, SIGKILL), 0);
    enum pomex_store_answer kept;
    do
        kept = bed_fact(bed, job.id, 1, POMEX_STORE_TASK, "t-1");
    while (kept == POMEX_STORE_BROKEN && usleep(100000) == 0);
    /* Known: the server had kept it before it threw this one out. */
    assert_true(kept == POMEX_STORE_YES || kept == POMEX_STORE_KNOWN);
    assert_int_equal(bed_get(bed, "a").state, POMEX_STORE_POLLING);
    assert_int_equal(bed_counts(bed).must_continue, 0);
}

/* The server refuses so many inserts of an attempt with this code; a sequence is not rolled back. */
static void refuse_attempts(const char *code, int times)
{
    char sql[700];
    snprintf(sql, sizeof sql,
             "CREATE SEQUENCE tries; CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql"
             " SECURITY DEFINER AS $$ BEGIN IF nextval('public.tries') <= %d THEN"
             " RAISE EXCEPTION 'it stands in the way' USING ERRCODE = '%s'; END IF;"
             " RETURN NEW; END $$;"
             " CREATE TRIGGER refuse BEFORE INSERT ON pomex.attempt FOR EACH ROW"
             " EXECUTE FUNCTION refuse()",
             times, code);
    ask(sql);
}

static void refuse_no_more(void)
{
    ask("SET client_min_messages = error; DROP FUNCTION refuse CASCADE; DROP SEQUENCE tries");
}

static void what_another_transaction_stood_in_the_way_of_is_tried_again(void **state)
{
    static const struct {
        const char *code;
        int times, tries;
        enum pomex_store_answer answer;
    } cases[] = {{"40001", 4, 5, POMEX_STORE_YES},
                 {"40P01", 4, 5, POMEX_STORE_YES},
                 {"40001", 99, 5, POMEX_STORE_BUSY},
                 {"40P01", 99, 5, POMEX_STORE_BUSY},
                 {"23514", 99, 1, POMEX_STORE_BROKEN}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pomex_store_job job;
        char key[8], tries[8];
        snprintf(key, sizeof key, "k%zu", i);
        bed_join(bed);
        bed_put(bed, key, "body");
        assert_int_equal(bed_claim(bed, bed->worker, 1, &job), 1);
        refuse_attempts(cases[i].code, cases[i].times);
        assert_int_equal(bed_begin(bed, bed->worker, &job, 1, 5)->answer, cases[i].answer);
        snprintf(tries, sizeof tries, "%d", cases[i].tries);
        assert_string_equal(ask("SELECT last_value FROM tries"), tries);
        assert_int_equal(bed_get_all(bed, key)->attempt_count,
                         cases[i].answer == POMEX_STORE_YES);
        refuse_no_more();
    }
    assert_int_equal(bed_counts(bed).money, 10);
}

/* A client that takes its locks the other way round, and does not look for deadlocks itself. */
static void a_deadlock_is_tried_again(void **state)
{
    (void)state;
    pomex_store_job job = claimed();
    pomex_store_request *begin;
    do {
        PGconn *other = superuser();
        PQclear(PQexec(other, "SET deadlock_timeout = '1h'; BEGIN;"
                              " SELECT FROM pomex.queue FOR UPDATE"));
        begin = submit_begin(&job);
        await_answer("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
                     "1");
        /* Not before the server has taken the lock of the job from the one that begins. */
        PQclear(PQexec(other, "SELECT FROM pomex.job FOR UPDATE"));
        PQfinish(other);
        assert_ptr_equal(bed_wait(bed), begin);
        /* On a busy machine its wait was over before the deadlock was made. */
    } while (begin->answer == POMEX_STORE_BUSY && strstr(begin->why, "lock timeout"));
    assert_int_equal(begin->answer, POMEX_STORE_YES);
    assert_int_equal(bed_get_all(bed, "a")->attempt_count, 1);
}

static void a_standby_is_refused(void **state)
{
    (void)state;
    int port;
    long pid;
    char original[sizeof bed->path];
    FILE *standby = popen("exec setpriv --pdeathsig TERM " STANDBY, "r");
    assert_non_null(standby);
    assert_int_equal(fscanf(standby, "%d %ld", &port, &pid), 2);
    memcpy(original, bed->path, sizeof original);
    const char *colon = strrchr(original, ':'), *database = strrchr(original, '/');
    snprintf(bed->path, sizeof bed->path, "%.*s:%d%s", (int)(colon - original), original, port,
             database);
    refused("this server is a standby");
    memcpy(bed->path, original, sizeof original);
    assert_int_equal(kill((pid_t)pid, SIGTERM), 0);
    assert_int_equal(pclose(standby), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, bed_stop)
    const struct CMUnitTest tests[] = {
        TEST(a_server_that_does_not_sync_is_refused),
        TEST(a_commit_that_did_not_wait_for_its_standby_is_not_sure),
        TEST(what_another_transaction_stood_in_the_way_of_is_tried_again),
        TEST(a_deadlock_is_tried_again),
        TEST(a_standby_is_refused),
        TEST(a_server_that_crashes_is_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
