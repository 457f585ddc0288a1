/* The PostgreSQL server that spec/support/postgresql.sh has started: a database for each test
 * program, without a store in it. */
#ifndef POMEX_SPEC_STORE_SERVER_H
#define POMEX_SPEC_STORE_SERVER_H

#include <stdbool.h>
#include <stddef.h>

/* Removes what there is of a store, and writes the URL of the program's database: through pgbouncer
 * if $POMEX_STORE_POOLED is set. Fails the test if there is no server. */
void server_fresh(char *url, size_t size);

/* Runs SQL in the database, past any pooler. */
void server_sql(const char *sql);

/* Writes all that the store's tables hold to a file. */
void server_dump(const char *path);

#endif
