/* The retry table under every fault of the wire: what the caller is told, against what the
 * service did. Each fault is tried on a request that never reaches the service, and on one that
 * it has carried out; where the request cannot have left, and where it can. */
#include "cmocka_all.h"

#include "base/json.h"
#include "rules/rules.h"
#include "service.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EFFECTS  4
#define ENVELOPE "{\"error\":{\"message\":\"slow down\",\"type\":\"x\"}}"

/* What is told of a GET, a session, an upload and a generation that meet the fault once:
 *   G good at once     A good, after it was tried again     R the error `type`, nothing done
 *   M ambiguous, `type` being the cause; of an upload that was carried out: found and adopted
 *   - not tried: the body of a GET is for its caller to judge */
typedef struct row {
    const char *name;
    enum {
        EITHER, /* tried on what the service has done, and on what it has not */
        UNDONE,
        DONE
    } when;
    fault_step step;
    const char *told;
    const char *type;
} row;

static char deep[600];

#define STATUS_OF_1 "a status of 1"

static row rows[] = {
    {"closed", EITHER, {.kind = FAULT_CLOSE}, "AAMM", "connection_error"},
    {"reset", EITHER, {.kind = FAULT_RESET}, "AAMM", "connection_error"},
    {"reset within the body",
     UNDONE,
     {.kind = FAULT_RESET_WITHIN, .cut = 9},
     "-AMM",
     "connection_error"},
    {"reset before the body", UNDONE, {.kind = FAULT_RESET_WITHIN}, "-AMM", "connection_error"},
    {"broken off within the headers",
     DONE,
     {.kind = FAULT_CLOSE, .forward_cut = 40},
     "AAMM",
     "connection_error"},
    {"broken off within the body",
     DONE,
     {.kind = FAULT_CLOSE, .forward_cut = 260},
     "-AMM",
     "connection_error"},
    {"the answer's first byte only",
     DONE,
     {.kind = FAULT_RELAY, .cut = 1},
     "AAMM",
     "connection_error"},
    {"the answer's headers only",
     DONE,
     {.kind = FAULT_RELAY, .cut = 60},
     "AAMM",
     "connection_error"},
    {"half the answer's body",
     DONE,
     {.kind = FAULT_RELAY, .cut = 250},
     "AAMM",
     "connection_error"},
    {"half the answer and a reset",
     DONE,
     {.kind = FAULT_RELAY, .cut = 250, .reset = true},
     "AAMM",
     "connection_error"},
    {"a dripped answer", DONE, {.kind = FAULT_DRIP, .delay = 0.0005}, "GGGG", NULL},
    {"a late answer", DONE, {.kind = FAULT_RELAY, .delay = 0.02}, "GGGG", NULL},
    {"429 in an envelope",
     EITHER,
     {.status = 429, .body = ENVELOPE},
     "AAAA",
     "rate_limit_error"},
    {"429, bare", EITHER, {.status = 429}, "AAAA", "rate_limit_error"},
    {"503 in an envelope",
     EITHER,
     {.status = 503, .body = ENVELOPE},
     "AAAA",
     "unavailable_error"},
    {"503 with Retry-After",
     EITHER,
     {.status = 503, .headers = "Retry-After: 1\r\n"},
     "AAAA",
     "unavailable_error"},
    {"503 with a Retry-After that says nothing",
     EITHER,
     {.status = 503, .headers = "Retry-After: soon\r\n"},
     "AAMM",
     "unavailable_error"},
    {"503, bare", EITHER, {.status = 503, .body = "<html>"}, "AAMM", "unavailable_error"},
    {"502 in an envelope", EITHER, {.status = 502, .body = ENVELOPE}, "AAMM", "upstream_error"},
    {"500", EITHER, {.status = 500, .body = ENVELOPE}, "AAMM", "api_error"},
    {"504", EITHER, {.status = 504}, "AAMM", "api_error"},
    {"520", EITHER, {.status = 520}, "AAMM", "api_error"},
    {"527", EITHER, {.status = 527}, "AAMM", "api_error"},
    {"408", EITHER, {.status = 408}, "AAMM", "api_error"},
    {"409", EITHER, {.status = 409, .body = ENVELOPE}, "RRMM", "api_error"},
    {"425", EITHER, {.status = 425}, "RRMM", "api_error"},
    {"400", UNDONE, {.status = 400, .body = ENVELOPE}, "RRRR", "invalid_request_error"},
    {"401", UNDONE, {.status = 401, .body = ENVELOPE}, "RRRR", "authentication_error"},
    {"403", UNDONE, {.status = 403}, "RRRR", "api_error"},
    {"404", UNDONE, {.status = 404, .body = ENVELOPE}, "RRRR", "not_found_error"},
    {"417", UNDONE, {.status = 417}, "RRRR", "api_error"},
    {"301",
     EITHER,
     {.status = 301, .headers = "Location: /elsewhere\r\n"},
     "RRMM",
     "api_error"},
    {"307",
     EITHER,
     {.status = 307, .headers = "Location: /elsewhere\r\n"},
     "RRMM",
     "api_error"},
    {"garbage",
     EITHER,
     {.kind = FAULT_RAW, .body = "\x15\x03\x01\x02P\r\n\r\n"},
     "AAMM",
     "connection_error"},
    {"closed within the headers",
     EITHER,
     {.kind = FAULT_RAW, .body = "HTTP/1.1 200 OK\r\nContent-Le"},
     "AAMM",
     "connection_error"},
    /* A status line that libcurl 7.88 lets pass: found by the fuzzer. */
    {STATUS_OF_1,
     EITHER,
     {.kind = FAULT_RAW,
      .body = "HTTP/x: 1.1 200 OK\r\nContent-Length: 24\r\n\r\n"
              "{\"id\":\"x\",\"h5_link\":\"y\"}"},
     "RRMM",
     "decode_error"},
    {"truncated",
     EITHER,
     {.kind = FAULT_TRUNCATE, .body = "{\"id\":\"x\"}", .cut = 4},
     "AAMM",
     "connection_error"},
    {"headers without end", EITHER, {.kind = FAULT_ENDLESS_HEADERS}, "RRMM", "decode_error"},
    {"a body without end", EITHER, {.kind = FAULT_ENDLESS_BODY}, "RRMM", "decode_error"},
    {"a huge body", EITHER, {.size = POMEX_MAX_BODY + 1}, "RRMM", "decode_error"},
    {"a deep body", EITHER, {.body = deep}, "-RMM", "decode_error"},
    {"no JSON", EITHER, {.body = "<html>welcome"}, "-RMM", "decode_error"},
    {"an empty body", EITHER, {.body = ""}, "-RMM", "decode_error"},
    {"204", EITHER, {.status = 204}, "-RMM", "decode_error"},
    {"an array",
     EITHER,
     {.body = "[{\"id\":\"x\",\"h5_link\":\"y\"}]"},
     "-RMM",
     "decode_error"},
    {"a string", EITHER, {.body = "\"x\""}, "-RMM", "decode_error"},
    {"null", EITHER, {.body = "null"}, "-RMM", "decode_error"},
    {"no id", EITHER, {.body = "{\"status\":\"queued\"}"}, "-RMM", "decode_error"},
    {"an empty id", EITHER, {.body = "{\"id\":\"\",\"h5_link\":\"\"}"}, "-RMM", "decode_error"},
    {"an id that is a number",
     EITHER,
     {.body = "{\"id\":7,\"h5_link\":7}"},
     "-RMM",
     "decode_error"},
};

/* Before a byte of the request can have left: only where there is TLS. */
static const row unsent[] = {
    {"closed at once", UNDONE, {.kind = FAULT_CLOSE_AT_ONCE}, "AAAA", NULL},
    {"reset at once", UNDONE, {.kind = FAULT_RESET_AT_ONCE}, "AAAA", NULL},
    {"reset in ClientHello", UNDONE, {.kind = FAULT_CUT_AT_ONCE, .cut = 100}, "AAAA", NULL},
    {"reset after it", UNDONE, {.kind = FAULT_CUT_AT_ONCE, .cut = 500}, "AAAA", NULL},
    {"nothing", UNDONE, {.kind = FAULT_HANG_AT_ONCE}, "AAAA", NULL},
    {"no TLS",
     UNDONE,
     {.kind = FAULT_RAW_AT_ONCE, .body = "HTTP/1.1 400 Bad\r\n\r\n"},
     "AAAA",
     NULL},
    {"a certificate of nobody's", UNDONE, {.kind = FAULT_STRANGER}, "RRRR", "connection_error"},
};

static void is_told(const pomex_error *error, char told, const char *type)
{
    assert_non_null(error);
    assert_string_equal(error->type, told == 'M' ? "ambiguous_error" : type);
    assert_false(error->client);
    if (told == 'M') {
        assert_string_equal(error->cause, type);
        assert_false(error->retryable);
        assert_non_null(error->hint);
    }
}

/* Later ones call it no HTTP. */
static void read_as_libcurl_does(void)
{
    if (curl_version_info(CURLVERSION_NOW)->version_num < 0x080000)
        return;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, STATUS_OF_1) == 0) {
            rows[i].told = "AAMM";
            rows[i].type = "connection_error";
        }
}

/* One cell: the fault strikes the first attempt, `done` before or after the service. */
static void check(service *s, const row *r, enum pomex_effect effect, bool done)
{
    fault_step steps[] = {r->step};
    char told = r->told[effect], id[64];
    steps[0].times = 1;
    steps[0].forward = done;
    service_network(s, steps, 1);
    pomex_operation *op = service_call(s, effect);
    harness_finish(&s->h, op);
    const pomex_error *error = pomex_operation_error(op);
    bool billed = effect == POMEX_EFFECT_BILLED, asset = effect == POMEX_EFFECT_ASSET;
    done = done && !r->step.forward_cut;
    if (told == 'M' && asset && done)
        told = 'G'; /* found and adopted */
    size_t made = service_made(s, effect, id);
    print_message("  %s, %s: %s, %zu made\n", r->name, harness_line(effect),
                  error ? error->type : "ok", made);
    /* What may be repeated, libcurl may have repeated within one attempt. */
    int attempts = told == 'A' ? 2 : 1, most = s->h.options.max_retries > 2 ? 11 : attempts;
    if (told != 'A' || asset || billed)
        assert_in_range(pomex_operation_attempts(op), attempts, most);
    if (told == 'A' || told == 'G') {
        const char *given = service_reply_id(op);
        if (effect == POMEX_EFFECT_NONE)
            assert_string_equal(given, s->asset);
        if (asset || billed) /* twice only where the service lied when it refused */
            assert_int_equal(made, told == 'A' && done ? 2 : 1);
        if ((asset || billed) && made == 1)
            assert_string_equal(given, id);
    } else {
        is_told(error, told, r->type);
        assert_int_equal(made, (asset || billed) && done);
        bool maybe = told == 'M' && billed;
        assert_int_equal(error->billed, maybe ? POMEX_BILLED_MAYBE : POMEX_BILLED_NO);
        assert_int_equal(error->maybe_billed, maybe);
    }
    pomex_operation_release(op);
}

/* A connection that has served a GET and such a request before. */
static void warm(service *s, enum pomex_effect effect)
{
    const enum pomex_effect both[] = {POMEX_EFFECT_NONE, effect};
    service_network(s, NULL, 0);
    for (size_t i = 0; i < 2; i++) {
        pomex_operation *op = service_call(s, both[i]);
        harness_finish(&s->h, op);
        service_reply_id(op);
        pomex_operation_release(op);
    }
}

static void check_all(bool tls, bool warmed)
{
    service s;
    service_start(&s, tls);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int n = 0; n < 2 * EFFECTS; n++) {
            const row *r = &rows[i];
            enum pomex_effect effect = (enum pomex_effect)(n % EFFECTS);
            bool done = n >= EFFECTS;
            if (r->told[effect] == '-' || r->when == (done ? UNDONE : DONE))
                continue;
            service_client(&s);
            if (warmed)
                warm(&s, effect);
            check(&s, r, effect, done);
        }
    }
    service_stop(&s);
}

TEST_CASE(on_fresh_connections)
{
    check_all(false, false);
}

TEST_CASE(on_kept_alive_connections)
{
    check_all(false, true);
}

TEST_CASE(over_tls)
{
    check_all(true, true);
}

TEST_CASE(what_cannot_have_left)
{
    service s;
    service_start(&s, true);
    for (size_t i = 0; i < sizeof unsent / sizeof *unsent; i++) {
        /* Of what is tried again on a short time-out, some may take too long once more. */
        bool silent = unsent[i].step.kind == FAULT_HANG_AT_ONCE;
        s.h.options.connect_timeout = silent ? 0.5 : 10;
        s.h.options.max_retries = silent ? 10 : 2;
        for (int effect = 0; effect < EFFECTS; effect++) {
            service_client(&s);
            check(&s, &unsent[i], (enum pomex_effect)effect, false);
        }
    }
    service_stop(&s);
}

/* To believe no refusal costs a retry, and never a second task. */
TEST_CASE(billed_retry_unsent)
{
    static const row polite[] = {
        {"429", EITHER, {.status = 429, .body = ENVELOPE}, "AAAM", "rate_limit_error"},
        {"503", EITHER, {.status = 503, .body = ENVELOPE}, "AAAM", "unavailable_error"},
        {"503 with Retry-After",
         EITHER,
         {.status = 503, .headers = "Retry-After: 1\r\n"},
         "AAAM",
         "unavailable_error"},
    };
    service s;
    service_start(&s, false);
    s.h.options.billed_retry_unsent = true;
    service_client(&s);
    for (size_t i = 0; i < 3; i++)
        for (int done = 0; done < 2; done++)
            check(&s, &polite[i], POMEX_EFFECT_BILLED, done == 1);
    service_stop(&s);
}

int main(void)
{
    read_as_libcurl_does();
    strcpy(deep, "{\"id\":\"x\",\"h5_link\":\"y\",\"deep\":");
    for (size_t i = strlen(deep), n = 0; n < 2 * (POMEX_MAX_DEPTH + 1); n++)
        deep[i + n] = n <= POMEX_MAX_DEPTH ? '[' : ']';
    strcat(deep, "}");
    return tests_run(NULL, NULL);
}
