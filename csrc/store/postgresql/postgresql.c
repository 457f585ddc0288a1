/* The table of functions, and how gathered requests become one message. */
#include "store/postgresql/pq.h"

#include "base/clock.h"
#include "store/disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* So long is tried to reach the database before what is asked is answered, when it went away and
 * when it has been away for longer; in between it is left alone for as long. */
#define LONGEST (10 * POMEX_SECOND)
#define AGAIN   (1 * POMEX_SECOND)
/* How often a transaction is tried again that another one stood in the way of. */
enum { TRIES = 5 };
/* Statements of a message before and after those of the verbs. */
enum { HEAD = 7, TAIL = 2, READ_HEAD = 3 };

/* Plans are kept for as long as a session, and one that was made while a table was small would read
 * all of it when it is large: so they go by the indexes from the beginning. */
#define BY_INDEX "SET LOCAL enable_seqscan = off;"

static const char head[] = "BEGIN ISOLATION LEVEL READ COMMITTED;"
                           "SET LOCAL synchronous_commit = on;"
                           "SET LOCAL lock_timeout = '2s';"
                           "SET LOCAL statement_timeout = '10s';"
                           "SET LOCAL idle_in_transaction_session_timeout = '5s';" BY_INDEX;
/* After it this process knows up to where the log is on the disk. */
static const char tail[] = "COMMIT;SELECT pg_current_wal_flush_lsn()";

/* `once`: asked again it would not say what it said, so that an answer that was lost is not asked
 * for. */
static const struct {
    pomex_pq_writer *write;
    pomex_pq_reader *read;
    bool once;
} verbs[POMEX_STORE_VERBS] = {
    [POMEX_STORE_BEAT] = {pomex_pq_write_beat, NULL, false},
    [POMEX_STORE_BEGIN] = {pomex_pq_write_begin, pomex_pq_read_begin, false},
    [POMEX_STORE_JOIN] = {pomex_pq_write_join, pomex_pq_read_join, false},
    [POMEX_STORE_LEAVE] = {pomex_pq_write_leave, NULL, false},
    [POMEX_STORE_BURY] = {pomex_pq_write_bury, NULL, false},
    [POMEX_STORE_QUEUE] = {pomex_pq_write_queue, NULL, false},
    [POMEX_STORE_PUT] = {pomex_pq_write_put, pomex_pq_read_put, false},
    [POMEX_STORE_RETRY] = {pomex_pq_write_retry, NULL, true},
    [POMEX_STORE_RESEND] = {pomex_pq_write_resend, NULL, true},
    [POMEX_STORE_ADOPT] = {pomex_pq_write_adopt, NULL, true},
    [POMEX_STORE_RESOLVE] = {pomex_pq_write_resolve, NULL, true},
    [POMEX_STORE_CANCEL] = {pomex_pq_write_cancel, NULL, true},
    [POMEX_STORE_FORGET] = {pomex_pq_write_forget, NULL, true},
    [POMEX_STORE_CAP] = {pomex_pq_write_cap, NULL, true},
    [POMEX_STORE_PAUSE] = {pomex_pq_write_pause, NULL, true},
    [POMEX_STORE_CONTINUE] = {pomex_pq_write_continue, NULL, true},
    [POMEX_STORE_BACKUP] = {pomex_pq_write_backup, NULL, false},
    [POMEX_STORE_GET] = {pomex_pq_write_get, pomex_pq_read_get, false},
    [POMEX_STORE_LIST] = {pomex_pq_write_list, pomex_pq_read_list, false},
    [POMEX_STORE_COUNTS] = {pomex_pq_write_counts, pomex_pq_read_counts, false},
    [POMEX_STORE_EVENTS] = {pomex_pq_write_events, pomex_pq_read_events, false},
    [POMEX_STORE_WORKERS] = {pomex_pq_write_workers, pomex_pq_read_workers, false},
    [POMEX_STORE_FACT] = {pomex_pq_write_fact, pomex_pq_read_fact, false},
    [POMEX_STORE_CLAIM] = {pomex_pq_write_claim, pomex_pq_read_claim, false},
    [POMEX_STORE_MOVE] = {pomex_pq_write_move, NULL, false},
    [POMEX_STORE_RELEASE] = {pomex_pq_write_release, NULL, false},
    [POMEX_STORE_GATE] = {pomex_pq_write_gate, NULL, false},
};

static int64_t boottime(void)
{
    return pomex_clock_system(NULL, POMEX_CLOCK_BOOTTIME);
}

/* From here on what is being done has until then. */
static void start_clock(pomex_pq *self)
{
    int64_t now = boottime();
    self->until = now + LONGEST;
    if (self->away_since != 0)
        self->until =
            self->away_since + LONGEST > now + AGAIN ? self->away_since + LONGEST : now + AGAIN;
}

/* Tries to reach the database for as long as there is time. */
static bool reach(pomex_pq *self)
{
    if (!self->conn && self->away_since != 0 && boottime() - self->away_since > LONGEST &&
        boottime() - self->tried < AGAIN)
        return false;
    while (!pomex_pq_reach(self)) {
        pomex_pq_pause();
        if (pomex_pq_is_late(self))
            return false;
    }
    return true;
}

/* ------------------------------------------------------------------------------- answers */

static void answer_away(pomex_pq *self, pomex_store_request *request)
{
    pomex_store_answer(request, POMEX_STORE_BROKEN, "%s is out of reach: %s", self->shown,
                       self->said);
}

static void answer_error(pomex_pq *self, pomex_store_request *request)
{
    static const struct {
        const char *state;
        enum pomex_store_answer answer;
    } known[] = {{"53100", POMEX_STORE_FULL},
                 {"55P03", POMEX_STORE_BUSY},
                 {"57014", POMEX_STORE_BUSY},
                 {"40001", POMEX_STORE_BUSY},
                 {"40P01", POMEX_STORE_BUSY}};
    enum pomex_store_answer answer = POMEX_STORE_BROKEN;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(self->state, known[i].state) == 0)
            answer = known[i].answer;
    }
    pomex_store_answer(request, answer, "%s: %s", self->shown, self->said);
}

/* By the rows of its statement. */
static void read_answer(pomex_pq *self, pomex_store_request *request, const PGresult *result)
{
    request->why = NULL;
    request->answer = POMEX_STORE_YES;
    request->starved = 0;
    if (PQntuples(result) > 0) {
        request->answer = (enum pomex_store_answer)pomex_pq_number(result, 0, 0);
        request->why = pomex_pq_text(request, result, 0, 1);
    }
    if (verbs[request->verb].read)
        verbs[request->verb].read(self, request, result);
    if (request->starved)
        pomex_store_answer(request, POMEX_STORE_BROKEN, "out of memory");
}

/* ------------------------------------------------------------------------------ messages */

/* The worker and the job that a request changes, 0 where there is none. */
static void subjects(const pomex_store_request *request, int64_t *worker, int64_t *job)
{
    *worker = *job = 0;
    switch (request->verb) {
    case POMEX_STORE_BEGIN:
        *worker = request->begin.worker;
        *job = request->begin.job;
        break;
    case POMEX_STORE_FACT:
        *job = request->fact.job;
        break;
    case POMEX_STORE_MOVE:
        *worker = request->move.worker;
        *job = request->move.job;
        break;
    default:
        break;
    }
}

static void add_ids(pomex_pq_message *message, pomex_store_request **requests, size_t count,
                    bool jobs)
{
    pomex_pq_add(message, "ARRAY[");
    bool first = true;
    for (size_t i = 0; i < count; i++) {
        int64_t worker, job;
        subjects(requests[i], &worker, &job);
        if ((jobs ? job : worker) == 0)
            continue;
        pomex_pq_add(message, first ? "" : ",");
        pomex_pq_add_number(message, jobs ? job : worker);
        first = false;
    }
    pomex_pq_add(message, "]::bigint[]");
}

static void add_enter(pomex_pq *self, pomex_pq_message *message, pomex_store_request **requests,
                      size_t count)
{
    pomex_pq_add(message, "SELECT pomex.enter(");
    pomex_pq_add_text(message, self->session);
    pomex_pq_add(message, ",");
    pomex_pq_add_number(message, self->epoch);
    pomex_pq_add(message, ",");
    add_ids(message, requests, count, false);
    pomex_pq_add(message, ",");
    add_ids(message, requests, count, true);
    pomex_pq_add(message, ");");
}

/* What is in the way of a message that was not sent. */
static enum pomex_pq_end not_sent(pomex_pq *self, const pomex_pq_message *message)
{
    snprintf(self->state, sizeof self->state, "%s", message->garbled ? "22021" : "");
    pomex_pq_say(self, message->garbled ? "a text is not UTF-8" : "out of memory");
    return POMEX_PQ_FAILED;
}

/* All of them in one transaction. Only DONE and UNSYNCED have answered. */
static enum pomex_pq_end transact(pomex_pq *self, pomex_store_request **requests, size_t count)
{
    pomex_pq_message message = {.conn = self->conn};
    int results_count = HEAD + (int)count + TAIL;
    PGresult **results = calloc((size_t)results_count, sizeof *results);
    message.starved = !results;
    self->claims_before = self->claims;
    pomex_pq_add(&message, head);
    add_enter(self, &message, requests, count);
    for (size_t i = 0; i < count; i++)
        verbs[requests[i]->verb].write(self, &message, requests[i]);
    pomex_pq_add(&message, tail);
    enum pomex_pq_end end = POMEX_PQ_FAILED;
    if (message.starved || message.garbled)
        end = not_sent(self, &message);
    else
        end = pomex_pq_exchange(self, message.text, results, results_count, HEAD + (int)count);
    free(message.text);
    if (end == POMEX_PQ_DONE || end == POMEX_PQ_UNSYNCED) {
        const PGresult *lsn = results[results_count - 1];
        for (size_t i = 0; i < count; i++)
            read_answer(self, requests[i], results[HEAD + i]);
        if (lsn && PQntuples(lsn) == 1)
            snprintf(self->lsn, sizeof self->lsn, "%s", PQgetvalue(lsn, 0, 0));
        self->claims_answered = self->claims;
    }
    if (results)
        pomex_pq_clear(results, results_count);
    free(results);
    return end;
}

/* Those whose answer is lost and that cannot be asked again; the others move up. */
static size_t give_up(pomex_pq *self, pomex_store_request **requests, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (verbs[requests[i]->verb].once)
            pomex_store_answer(
                requests[i], POMEX_STORE_BROKEN,
                "the connection to %s was lost before it had answered; look whether "
                "it was done (%s)",
                self->shown, self->said);
        else
            requests[kept++] = requests[i];
    }
    return kept;
}

static void carry(pomex_pq *self, pomex_store_request **requests, size_t count)
{
    for (int tries = 0; count > 0;) {
        if (!reach(self)) {
            for (size_t i = 0; i < count; i++)
                answer_away(self, requests[i]);
            return;
        }
        enum pomex_pq_end end = transact(self, requests, count);
        if (end == POMEX_PQ_DONE)
            return;
        if (end == POMEX_PQ_LOST) {
            count = give_up(self, requests, count);
            continue;
        }
        bool in_the_way = end == POMEX_PQ_FAILED && (strcmp(self->state, "40001") == 0 ||
                                                     strcmp(self->state, "40P01") == 0);
        if (in_the_way && ++tries < TRIES && !pomex_pq_is_late(self))
            continue;
        for (size_t i = 0; i < count; i++) {
            if (end == POMEX_PQ_UNSYNCED)
                pomex_store_answer(
                    requests[i], POMEX_STORE_BROKEN,
                    "%s did not wait for its synchronous standby: this is not sure",
                    self->shown);
            else if (count > 1) /* one that breaks must not take the others along */
                carry(self, &requests[i], 1);
            else
                answer_error(self, requests[i]);
        }
        return;
    }
}

static void carry_out(void *user, pomex_store_request **requests, size_t count)
{
    pomex_pq *self = user;
    pomex_store_request **sent = malloc(count * sizeof *sent);
    size_t kept = 0;
    start_clock(self);
    for (size_t i = 0; i < count; i++) {
        if (!sent || !verbs[requests[i]->verb].write) {
            pomex_store_answer(requests[i], POMEX_STORE_BROKEN, "out of memory");
            continue;
        }
        sent[kept++] = requests[i];
        if (requests[i]->verb == POMEX_STORE_BEGIN)
            pomex_store_look_at_file(requests[i]);
    }
    if (sent)
        carry(self, sent, kept);
    free(sent);
}

/* Reads see one state of the store, and hold up nobody. */
static void read_one(void *user, pomex_store_request *request)
{
    pomex_pq *self = user;
    start_clock(self);
    for (int tries = 0; tries < TRIES; tries++) {
        if (!reach(self))
            break;
        pomex_pq_message message = {.conn = self->conn};
        PGresult *results[READ_HEAD + 2];
        enum pomex_pq_end end = POMEX_PQ_FAILED;
        pomex_pq_add(&message, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
                               "SET LOCAL statement_timeout = '10s';" BY_INDEX);
        verbs[request->verb].write(self, &message, request);
        pomex_pq_add(&message, "COMMIT");
        if (message.starved || message.garbled) {
            memset(results, 0, sizeof results);
            end = not_sent(self, &message);
        } else {
            end = pomex_pq_exchange(self, message.text, results, READ_HEAD + 2, READ_HEAD + 1);
        }
        free(message.text);
        if (end == POMEX_PQ_DONE)
            read_answer(self, request, results[READ_HEAD]);
        pomex_pq_clear(results, READ_HEAD + 2);
        if (end == POMEX_PQ_FAILED)
            answer_error(self, request);
        if (end != POMEX_PQ_LOST)
            return;
    }
    answer_away(self, request);
}

/* ---------------------------------------------------------------------- beginning and end */

static void close_store(void *user)
{
    pomex_pq *self = user;
    PQfinish(self->conn);
    free(self->url);
    free(self->shown);
    if (self->password)
        explicit_bzero(self->password, strlen(self->password));
    free(self->password);
    free(self);
}

static pomex_pq *new_store(const char *url, char *why, size_t why_size)
{
    pomex_pq *self = calloc(1, sizeof *self);
    unsigned char random[(POMEX_PQ_SESSION - 1) / 2];
    if (!self || getentropy(random, sizeof random) != 0) {
        snprintf(why, why_size, "out of memory, or of random numbers");
        free(self);
        return NULL;
    }
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(self->session + 2 * i, 3, "%02x", random[i]);
    if (pomex_pq_parse(self, url, why, why_size))
        return self;
    close_store(self);
    return NULL;
}

static void *open_store(const pomex_store_options *options, const atomic_bool *closing,
                        enum pomex_store_answer *answer, char *why, size_t why_size)
{
    pomex_pq *self = new_store(options->path, why, why_size);
    if (!self)
        return NULL;
    self->closing = closing;
    start_clock(self);
    if (reach(self))
        return self;
    *answer = POMEX_STORE_BROKEN;
    snprintf(why, why_size, "%s: %s", self->shown, self->said);
    close_store(self);
    return NULL;
}

/* One that cannot be reached at once is said at once. */
static bool check(const pomex_store_options *options, char *why, size_t why_size)
{
    pomex_pq *self = new_store(options->path, why, why_size);
    if (!self)
        return false;
    start_clock(self);
    bool good = pomex_pq_reach(self);
    if (!good)
        snprintf(why, why_size, "%s: %s", self->shown, self->said);
    close_store(self);
    return good;
}

/* Others are not kept out by what this process holds: the server is fair. */
static int64_t held(void *user)
{
    (void)user;
    return 0;
}

const pomex_store_backend pomex_store_postgresql = {
    .name = "postgresql",
    .check = check,
    .open = open_store,
    .carry_out = carry_out,
    .read = read_one,
    .held = held,
    .close = close_store,
};
