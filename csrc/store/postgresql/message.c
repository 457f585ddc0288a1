/* Messages: their text, and their results. */
#include "store/postgresql/pq.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for `size` more bytes and a NUL. */
static char *room(pomex_pq_message *message, size_t size)
{
    if (message->starved || message->garbled)
        return NULL;
    if (message->capacity - message->length <= size) {
        size_t capacity = (message->length + size) * 2 + 4096;
        char *grown = realloc(message->text, capacity);
        if (!grown) {
            message->starved = true;
            return NULL;
        }
        message->text = grown;
        message->capacity = capacity;
    }
    return message->text + message->length;
}

void pomex_pq_add(pomex_pq_message *message, const char *sql)
{
    size_t size = strlen(sql);
    char *at = room(message, size);
    if (!at)
        return;
    memcpy(at, sql, size + 1);
    message->length += size;
}

void pomex_pq_add_text(pomex_pq_message *message, const char *text)
{
    if (!text) {
        pomex_pq_add(message, "NULL");
        return;
    }
    char *literal = PQescapeLiteral(message->conn, text, strlen(text));
    if (literal)
        pomex_pq_add(message, literal);
    else
        message->garbled = true;
    PQfreemem(literal);
}

void pomex_pq_add_number(pomex_pq_message *message, int64_t number)
{
    char digits[40];
    /* The smallest number has no literal of its own: -9223372036854775808 is - and too large. */
    snprintf(digits, sizeof digits, "'%" PRId64 "'::bigint", number);
    pomex_pq_add(message, digits);
}

void pomex_pq_add_numbers(pomex_pq_message *message, const int64_t *numbers, size_t count)
{
    pomex_pq_add(message, "ARRAY[");
    for (size_t i = 0; i < count; i++) {
        pomex_pq_add(message, i > 0 ? "," : "");
        pomex_pq_add_number(message, numbers[i]);
    }
    pomex_pq_add(message, "]::bigint[]");
}

static void add_value(pomex_pq_message *message, char type, va_list *values)
{
    char digits[16];
    switch (type) {
    case 'i':
        pomex_pq_add_number(message, va_arg(*values, int64_t));
        break;
    case 'n':
        snprintf(digits, sizeof digits, "%d", va_arg(*values, int));
        pomex_pq_add(message, digits);
        break;
    case 'f':
        pomex_pq_add(message, va_arg(*values, int) ? "true" : "false");
        break;
    default:
        pomex_pq_add_text(message, va_arg(*values, const char *));
        break;
    }
}

void pomex_pq_call(pomex_pq_message *message, const char *name, const char *types, ...)
{
    va_list values;
    pomex_pq_add(message, "SELECT * FROM pomex.");
    pomex_pq_add(message, name);
    pomex_pq_add(message, "(");
    va_start(values, types);
    for (int i = 0; types[i]; i++) {
        pomex_pq_add(message, i > 0 ? "," : "");
        add_value(message, types[i], &values);
    }
    va_end(values);
    pomex_pq_add(message, ");");
}

int64_t pomex_pq_number(const PGresult *result, int row, int column)
{
    return strtoll(PQgetvalue(result, row, column), NULL, 10);
}

const char *pomex_pq_text(pomex_store_request *request, const PGresult *result, int row,
                          int column)
{
    if (PQgetisnull(result, row, column))
        return NULL;
    return pomex_store_copy(request, PQgetvalue(result, row, column));
}

void pomex_pq_clear(PGresult **results, int count)
{
    for (int i = 0; i < count; i++) {
        PQclear(results[i]);
        results[i] = NULL;
    }
}

/* Sends all of it. */
static bool flush(pomex_pq *self)
{
    int left;
    while ((left = PQflush(self->conn)) == 1) {
        /* The server may be unable to read on before something of its own was read. */
        if (!pomex_pq_wait(self, true) || !PQconsumeInput(self->conn))
            return false;
    }
    return left == 0;
}

/* The next result; NULL: there is none, or (with *lost) the connection is lost. */
static PGresult *next(pomex_pq *self, bool *lost)
{
    while (PQisBusy(self->conn)) {
        if (!pomex_pq_wait(self, false) || !PQconsumeInput(self->conn)) {
            *lost = true;
            return NULL;
        }
    }
    PGresult *result = PQgetResult(self->conn);
    if (PQstatus(self->conn) == CONNECTION_BAD)
        *lost = true;
    return result;
}

static bool is_error(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK;
}

static void note_error(pomex_pq *self, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    snprintf(self->state, sizeof self->state, "%s", state ? state : "");
    pomex_pq_say(self, text ? text : PQresultErrorMessage(result));
}

/* A server that goes down, or a pooler that has lost it, says so and hangs up. */
static bool is_hanging_up(const char *state)
{
    return strncmp(state, "08", 2) == 0 || strncmp(state, "57P0", 4) == 0;
}

/* After an error the rest of the message was skipped, its COMMIT too. The server has given its locks
 * back already. */
static void roll_back(pomex_pq *self)
{
    PGresult *result = NULL;
    pomex_pq kept = *self;
    pomex_pq_exchange(self, "ROLLBACK", &result, 1, -1);
    pomex_pq_clear(&result, 1);
    memcpy(self->said, kept.said, sizeof self->said);
    memcpy(self->state, kept.state, sizeof self->state);
}

enum pomex_pq_end pomex_pq_exchange(pomex_pq *self, const char *text, PGresult **results,
                                    int count, int commit)
{
    bool lost = false, failed = false, committed = false;
    int found = 0;
    memset(results, 0, (size_t)count * sizeof *results);
    self->state[0] = '\0';
    self->unsynced = false;
    self->committing = false;
    if (!PQsendQuery(self->conn, text) || !flush(self))
        lost = true;
    while (!lost) {
        PGresult *result = next(self, &lost);
        if (!result)
            break;
        if (is_error(result)) {
            note_error(self, result);
            failed = true;
            PQclear(result);
        } else if (found < count) {
            committed =
                committed || (found == commit && strcmp(PQcmdStatus(result), "COMMIT") == 0);
            results[found++] = result;
            /* libpq reads on to a notice before it hands out the result that came before. */
            self->committing = found >= commit - 1;
        } else {
            PQclear(result);
        }
    }
    if (lost && !self->state[0])
        pomex_pq_say(self, PQerrorMessage(self->conn));
    if (lost || (failed && is_hanging_up(self->state)))
        pomex_pq_drop(self);
    if (committed && (commit < 0 || found > commit))
        return self->unsynced ? POMEX_PQ_UNSYNCED : POMEX_PQ_DONE;
    if (!self->conn)
        return POMEX_PQ_LOST;
    if (!failed && found == count && commit < 0)
        return POMEX_PQ_DONE;
    if (PQtransactionStatus(self->conn) != PQTRANS_IDLE)
        roll_back(self);
    return POMEX_PQ_FAILED;
}
