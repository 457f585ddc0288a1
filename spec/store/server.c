#include "server.h"

#include "cmocka_all.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The URL of a database on the server that a variable names. */
static void url_of(const char *variable, const char *database, char *url, size_t size)
{
    const char *base = getenv(variable);
    if (!base)
        fail_msg("there is no $%s; run this by spec/support/postgresql.sh", variable);
    snprintf(url, size, "%.*s/%s", (int)(strrchr(base, '/') - base), base, database);
}

static void run(const char *database, const char *sql)
{
    char url[256];
    url_of("POMEX_POSTGRESQL_URL", database, url, sizeof url);
    PGconn *conn = PQconnectdb(url);
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
}

/* Its children have the same one. */
static const char *database(void)
{
    static char name[32];
    char sql[80];
    if (!name[0]) {
        snprintf(name, sizeof name, "test_%ld", (long)getpid());
        snprintf(sql, sizeof sql, "CREATE DATABASE %s", name);
        run("postgres", sql);
    }
    return name;
}

void server_fresh(char *url, size_t size)
{
    const char *variable =
        getenv("POMEX_STORE_POOLED") ? "POMEX_PGBOUNCER_URL" : "POMEX_POSTGRESQL_URL";
    url_of(variable, database(), url, size);
    server_sql("SET client_min_messages = error; DROP SCHEMA IF EXISTS pomex CASCADE");
}

void server_sql(const char *sql)
{
    run(database(), sql);
}

void server_dump(const char *path)
{
    char command[512], url[256];
    url_of("POMEX_POSTGRESQL_URL", database(), url, sizeof url);
    snprintf(command, sizeof command, "\"$POMEX_POSTGRESQL_BIN/pg_dump\" -a -f '%s' '%s'", path,
             url);
    if (system(command) != 0)
        fail_msg("no dump was made");
}
