/* The connection: how it is made, which databases are refused, and how it is waited for. */
#include "store/postgresql/pq.h"

#include "base/clock.h"
#include "store/postgresql/schema.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SLICE_MS 100
/* Once the store is being closed, for what is under way. */
#define HURRY (POMEX_SECOND / 2)

static int64_t boottime(void)
{
    return pomex_clock_system(NULL, POMEX_CLOCK_BOOTTIME);
}

/* One line of it, and no password, whatever libpq or a server may repeat of what it was given. */
void pomex_pq_say(pomex_pq *self, const char *text)
{
    size_t secret = self->password ? strlen(self->password) : 0, used = 0;
    while (*text == ' ' || *text == '\n')
        text++;
    while (*text && used + 4 < sizeof self->said) {
        if (secret > 0 && strncmp(text, self->password, secret) == 0) {
            memcpy(self->said + used, "***", 3);
            used += 3;
            text += secret;
        } else {
            char c = *text++;
            self->said[used++] = c == '\n' || c == '\t' ? ' ' : c;
        }
    }
    while (used > 0 && self->said[used - 1] == ' ')
        used--;
    self->said[used] = '\0';
}

static char *copy_option(const PQconninfoOption *options, const char *name)
{
    for (; options->keyword; options++) {
        if (strcmp(options->keyword, name) == 0)
            return options->val && *options->val ? strdup(options->val) : NULL;
    }
    return NULL;
}

bool pomex_pq_parse(pomex_pq *self, const char *url, char *why, size_t why_size)
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    if (!options) {
        /* What libpq says of it may repeat a part of the URL, and so of a password. */
        snprintf(why, why_size,
                 "this is no URL of a database, which is "
                 "postgresql://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE");
        return false;
    }
    char *host = copy_option(options, "host"), *port = copy_option(options, "port"),
         *name = copy_option(options, "dbname");
    self->password = copy_option(options, "password");
    PQconninfoFree(options);
    self->url = strdup(url);
    if (asprintf(&self->shown, "postgresql://%s%s%s/%s", host ? host : "", port ? ":" : "",
                 port ? port : "", name ? name : "") < 0)
        self->shown = NULL;
    free(host);
    free(port);
    free(name);
    if (self->url && self->shown)
        return true;
    snprintf(why, why_size, "out of memory");
    return false;
}

bool pomex_pq_is_late(pomex_pq *self)
{
    int64_t now = boottime();
    if (self->closing && atomic_load(self->closing) && self->until - now > HURRY)
        self->until = now + HURRY;
    return now >= self->until;
}

void pomex_pq_pause(void)
{
    nanosleep(&(struct timespec){0, SLICE_MS * 1000000L}, NULL);
}

bool pomex_pq_wait(pomex_pq *self, bool write)
{
    struct pollfd socket = {.fd = PQsocket(self->conn),
                            .events = (short)(write ? POLLIN | POLLOUT : POLLIN)};
    for (;;) {
        int64_t left = self->until - boottime();
        int ready = poll(&socket, 1, left > SLICE_MS * 1000000L ? SLICE_MS : left > 0 ? 5 : 0);
        if (ready > 0)
            return true;
        if ((ready < 0 && errno != EINTR) || pomex_pq_is_late(self)) {
            pomex_pq_say(self, "it does not answer");
            return false;
        }
    }
}

/* PostgreSQL only warns when COMMIT did not wait for the synchronous standby. Its text is in the
 * server's language; nothing else warns with these codes while COMMIT is carried out. */
static void take_notice(void *user, const PGresult *notice)
{
    pomex_pq *self = user;
    const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *state = PQresultErrorField(notice, PG_DIAG_SQLSTATE);
    if (self->committing && severity && state && strcmp(severity, "WARNING") == 0 &&
        (strcmp(state, "01000") == 0 || strcmp(state, "57P01") == 0))
        self->unsynced = true;
}

void pomex_pq_drop(pomex_pq *self)
{
    PQfinish(self->conn);
    self->conn = NULL;
}

/* False: self->said. */
static bool start(pomex_pq *self)
{
    /* The URL's own options come later and so win, except the encoding. */
    static const char *const names[] = {
        "keepalives",       "keepalives_idle",  "keepalives_interval",
        "keepalives_count", "tcp_user_timeout", "fallback_application_name",
        "dbname",           "client_encoding",  NULL};
    const char *values[] = {"1", "10", "5", "2", "10000", "pomex", self->url, "UTF8", NULL};
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    self->conn = PQconnectStartParams(names, values, 1);
    if (!self->conn) {
        pomex_pq_say(self, "out of memory");
        return false;
    }
    if (PQstatus(self->conn) == CONNECTION_BAD)
        status = PGRES_POLLING_FAILED;
    while (status != PGRES_POLLING_OK && status != PGRES_POLLING_FAILED) {
        if (!pomex_pq_wait(self, status == PGRES_POLLING_WRITING)) {
            pomex_pq_drop(self);
            return false;
        }
        status = PQconnectPoll(self->conn);
    }
    if (status == PGRES_POLLING_OK) {
        PQsetNoticeReceiver(self->conn, take_notice, self);
        return PQsetnonblocking(self->conn, 1) == 0;
    }
    pomex_pq_say(self, PQerrorMessage(self->conn));
    pomex_pq_drop(self);
    return false;
}

/* A database in which nothing that is acknowledged is sure. */
static bool is_acceptable(pomex_pq *self)
{
    PGresult *row = NULL;
    bool good = false;
    if (pomex_pq_exchange(self,
                          "SELECT pg_is_in_recovery(), current_setting('fsync'),"
                          " current_setting('full_page_writes')",
                          &row, 1, -1) == POMEX_PQ_DONE) {
        if (*PQgetvalue(row, 0, 0) == 't')
            pomex_pq_say(self, "this server is a standby, in which nothing can be written");
        else if (strcmp(PQgetvalue(row, 0, 1), "on") != 0)
            pomex_pq_say(self, "this server has fsync off: what it acknowledges is not kept");
        else if (strcmp(PQgetvalue(row, 0, 2), "on") != 0)
            pomex_pq_say(self,
                         "this server has full_page_writes off: a crash may damage what it "
                         "acknowledged");
        else
            good = true;
    }
    pomex_pq_clear(&row, 1);
    return good;
}

bool pomex_pq_reach(pomex_pq *self)
{
    if (self->conn && PQstatus(self->conn) == CONNECTION_OK)
        return true;
    self->tried = boottime();
    if (self->away_since == 0)
        self->away_since = self->tried;
    pomex_pq_drop(self);
    /* In a message of an earlier connection that is still on its way nothing may happen any more. */
    self->epoch++;
    if (start(self) && is_acceptable(self) &&
        pomex_pq_prepare(self, pomex_pq_steps, POMEX_PQ_VERSION)) {
        self->away_since = 0;
        return true;
    }
    pomex_pq_drop(self);
    return false;
}
