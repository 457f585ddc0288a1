/* Statements: prepared once, bound by a string of types, their errors noted in one place. */
#include "base/clock.h"
#include "store/disk.h"
#include "store/sqlite/place.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LEAST_ROOM 32768 /* of the file beside the log */

void pomex_sq_failed(pomex_sq *self, sqlite3 *db, int error)
{
    if (self->error != SQLITE_OK)
        return;
    self->error = error;
    if ((error & 0xff) == SQLITE_BUSY)
        snprintf(
            self->said, sizeof self->said,
            "process %ld has been writing to the store for 10 s, or was stopped while it did",
            pomex_sq_holder(self));
    else
        snprintf(self->said, sizeof self->said, "%s", pomex_sq_what(db, error, self->path));
}

const char *pomex_sq_what(sqlite3 *db, int error, const char *path)
{
    int kind = error & 0xff;
    if (kind == SQLITE_FULL ||
        (kind == SQLITE_IOERR && !pomex_store_has_room(path, LEAST_ROOM)))
        return "no space left on device";
    return db ? sqlite3_errmsg(db) : "out of memory";
}

static sqlite3_stmt *find(pomex_sq *self, const char *sql)
{
    for (size_t i = 0; i < POMEX_SQ_STATEMENTS; i++) {
        sqlite3_stmt *there = self->statements[i].statement;
        if (self->statements[i].sql == sql && sqlite3_db_handle(there) == self->db)
            return there;
        if (there)
            continue;
        sqlite3_stmt *made = NULL;
        int error =
            sqlite3_prepare_v3(self->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &made, NULL);
        if (error != SQLITE_OK) {
            pomex_sq_failed(self, self->db, error);
            return NULL;
        }
        self->statements[i].sql = sql;
        self->statements[i].statement = made;
        return made;
    }
    pomex_sq_failed(self, NULL, SQLITE_NOMEM);
    return NULL;
}

static sqlite3_stmt *bind(pomex_sq *self, const char *sql, const char *types, va_list values)
{
    sqlite3_stmt *statement = self->error == SQLITE_OK ? find(self, sql) : NULL;
    int error = SQLITE_OK;
    if (!statement)
        return NULL;
    sqlite3_reset(statement);
    for (int i = 0; types[i] && error == SQLITE_OK; i++) {
        if (types[i] == 'i') {
            error = sqlite3_bind_int64(statement, i + 1, va_arg(values, int64_t));
        } else {
            const char *text = va_arg(values, const char *);
            error = sqlite3_bind_text(statement, i + 1, text, -1, SQLITE_TRANSIENT);
        }
    }
    if (error == SQLITE_OK)
        return statement;
    pomex_sq_failed(self, self->db, error);
    return NULL;
}

sqlite3_stmt *pomex_sq_bind(pomex_sq *self, const char *sql, const char *types, ...)
{
    va_list values;
    va_start(values, types);
    sqlite3_stmt *statement = bind(self, sql, types, values);
    va_end(values);
    return statement;
}

enum pomex_sq_step pomex_sq_step(pomex_sq *self, sqlite3_stmt *statement)
{
    int result = statement ? sqlite3_step(statement) : SQLITE_ERROR;
    if (result == SQLITE_ROW)
        return POMEX_SQ_ROW;
    if (result == SQLITE_DONE) {
        sqlite3_reset(statement);
        return POMEX_SQ_END;
    }
    if (statement) {
        pomex_sq_failed(self, sqlite3_db_handle(statement), result);
        sqlite3_reset(statement);
    }
    return POMEX_SQ_ERROR;
}

int64_t pomex_sq_run(pomex_sq *self, const char *sql, const char *types, ...)
{
    va_list values;
    va_start(values, types);
    sqlite3_stmt *statement = bind(self, sql, types, values);
    va_end(values);
    if (pomex_sq_step(self, statement) == POMEX_SQ_ERROR)
        return -1;
    sqlite3_reset(statement);
    return sqlite3_changes(self->db);
}

int64_t pomex_sq_number(pomex_sq *self, int64_t otherwise, const char *sql, const char *types,
                        ...)
{
    va_list values;
    va_start(values, types);
    sqlite3_stmt *statement = bind(self, sql, types, values);
    va_end(values);
    if (pomex_sq_step(self, statement) != POMEX_SQ_ROW)
        return otherwise;
    if (sqlite3_column_type(statement, 0) != SQLITE_NULL)
        otherwise = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return otherwise;
}

bool pomex_sq_exec(pomex_sq *self, sqlite3 *db, const char *sql)
{
    int error = sqlite3_exec(db, sql, NULL, NULL, NULL);
    if (error != SQLITE_OK)
        pomex_sq_failed(self, db, error);
    return error == SQLITE_OK;
}

const char *pomex_sq_text(pomex_store_request *request, sqlite3_stmt *statement, int column)
{
    return pomex_store_copy(request, (const char *)sqlite3_column_text(statement, column));
}

void pomex_sq_answer_error(pomex_sq *self, pomex_store_request *request)
{
    enum pomex_store_answer answer = POMEX_STORE_BROKEN;
    if ((self->error & 0xff) == SQLITE_BUSY)
        answer = POMEX_STORE_BUSY;
    if ((self->error & 0xff) == SQLITE_FULL)
        answer = POMEX_STORE_FULL;
    pomex_store_answer(request, answer, "%s: %s", self->path, self->said);
}

void pomex_sq_event(pomex_sq *self, int64_t queue, int64_t job, const char *name,
                    const char *by, const char *text)
{
    pomex_sq_run(self,
                 "INSERT INTO event (at, queue, job, name, by, text)"
                 " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                 "iiisss", pomex_sq_wall(), queue, job, name, by, text);
}

int64_t pomex_sq_wall(void)
{
    return pomex_clock_system(NULL, POMEX_CLOCK_WALL) / 1000000;
}

int64_t pomex_sq_boottime(void)
{
    return pomex_clock_system(NULL, POMEX_CLOCK_BOOTTIME) / 1000000;
}

int64_t pomex_sq_due(int64_t due)
{
    int64_t longest = pomex_sq_wall() + POMEX_STORE_LONGEST_DUE_MS;
    return due > longest ? longest : due;
}
