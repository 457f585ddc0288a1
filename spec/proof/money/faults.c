#include "faults.h"

#include "pomex.h"
#include "rules/rules.h"

#include <string.h>

#define ENVELOPE "{\"error\":{\"message\":\"a fault\",\"type\":\"x\"}}"

static char deep[600];

/* Of a thousand requests; the rest is handed on and answered. */
static const fault faults[] = {
    {"close", 35, FAULT_DONE, {.kind = FAULT_CLOSE}},
    {"reset", 35, FAULT_DONE, {.kind = FAULT_RESET}},
    {"reset within the body", 25, 0, {.kind = FAULT_RESET_WITHIN, .cut = 200}},
    {"request broken off", 30, FAULT_AFTER, {.kind = FAULT_CLOSE, .forward_cut = 400}},
    {"answer cut", 40, FAULT_AFTER, {.kind = FAULT_RELAY, .cut = 360}},
    {"answer cut by a reset",
     20,
     FAULT_AFTER,
     {.kind = FAULT_RELAY, .cut = 360, .reset = true}},
    {"answer dripped", 10, FAULT_AFTER, {.kind = FAULT_DRIP, .delay = 0.00001}},
    {"answer late", 20, FAULT_AFTER, {.kind = FAULT_RELAY, .delay = 0.006}},
    {"silence", 6, FAULT_DONE, {.kind = FAULT_HANG}},
    {"429", 20, FAULT_DONE, {.status = 429, .body = ENVELOPE}},
    {"429 with Retry-After", 10, FAULT_DONE, {.status = 429, .headers = "Retry-After: 1\r\n"}},
    {"503 in an envelope", 20, FAULT_DONE, {.status = 503, .body = ENVELOPE}},
    {"503 with Retry-After", 10, FAULT_DONE, {.status = 503, .headers = "Retry-After: 2\r\n"}},
    {"503, bare", 10, FAULT_DONE, {.status = 503, .body = "<html>"}},
    {"502", 20, FAULT_DONE, {.status = 502, .body = ENVELOPE}},
    {"500", 10, FAULT_DONE, {.status = 500, .body = ENVELOPE}},
    {"504", 10, FAULT_DONE, {.status = 504}},
    {"522", 5, FAULT_DONE, {.status = 522}},
    {"408", 10, FAULT_DONE, {.status = 408}},
    {"409", 10, FAULT_DONE, {.status = 409, .body = ENVELOPE}},
    {"425", 5, FAULT_DONE, {.status = 425}},
    {"400", 10, 0, {.status = 400, .body = ENVELOPE}},
    {"401", 5, 0, {.status = 401, .body = ENVELOPE}},
    {"404", 10, 0, {.status = 404, .body = ENVELOPE}},
    {"417", 10, 0, {.status = 417}},
    {"redirect", 10, FAULT_DONE, {.status = 307, .headers = "Location: /elsewhere\r\n"}},
    {"garbage", 10, FAULT_DONE, {.kind = FAULT_RAW, .body = "\x15\x03\x01\x02P\r\n\r\n"}},
    {"truncated", 10, FAULT_DONE, {.kind = FAULT_TRUNCATE, .body = "{\"id\":\"x\"}", .cut = 7}},
    {"headers without end", 4, FAULT_DONE, {.kind = FAULT_ENDLESS_HEADERS}},
    {"body without end", 1, FAULT_DONE, {.kind = FAULT_ENDLESS_BODY}},
    {"huge body", 1, FAULT_DONE, {.size = POMEX_MAX_BODY + 1}},
    {"deep body", 5, FAULT_DONE, {.body = deep}},
    {"no JSON", 10, FAULT_DONE, {.body = "<html>welcome"}},
    {"empty", 5, FAULT_DONE, {.body = ""}},
    {"array", 5, FAULT_DONE, {.body = "[{\"id\":\"x\"}]"}},
    {"null", 5, FAULT_DONE, {.body = "null"}},
    {"no id", 10, FAULT_DONE, {.body = "{\"items\":7}"}},
    {"nothing listed", 10, 0, {.body = "{\"object\":\"list\",\"items\":[]}"}},
};

/* Of a thousand connections. */
static const fault connections[] = {
    {"closed at once", 15, FAULT_TLS | FAULT_PLAIN, {.kind = FAULT_CLOSE_AT_ONCE}},
    {"reset at once", 15, FAULT_TLS | FAULT_PLAIN, {.kind = FAULT_RESET_AT_ONCE}},
    {"reset within the handshake", 20, FAULT_TLS, {.kind = FAULT_CUT_AT_ONCE, .cut = 517}},
    {"reset within the head", 10, FAULT_PLAIN, {.kind = FAULT_CUT_AT_ONCE, .cut = 300}},
    {"no TLS", 15, FAULT_TLS, {.kind = FAULT_RAW_AT_ONCE, .body = "HTTP/1.1 400 Bad\r\n\r\n"}},
    {"no handshake", 2, FAULT_TLS, {.kind = FAULT_HANG_AT_ONCE}},
    {"a certificate of nobody's", 5, FAULT_TLS, {.kind = FAULT_STRANGER}},
};

/* Of a thousand CONNECTs. */
static const fault ways[] = {
    {"proxy: 503", 50, 0, {.status = 503, .headers = "Retry-After: 1\r\n"}},
    {"proxy: 407", 50, 0, {.status = 407}},
    {"proxy: close", 50, 0, {.kind = FAULT_CLOSE}},
    {"proxy: silence", 4, 0, {.kind = FAULT_HANG}},
    {"proxy: dead TLS", 50, 0, {.kind = FAULT_RAW, .body = "HTTP/1.1 200 OK\r\n\r\n"}},
};

// clang-format off: its versions disagree
#define TABLE(list)                                                                            \
    {                                                                                          \
        list, sizeof list / sizeof *list                                                       \
    }
// clang-format on
const fault_table fault_requests = TABLE(faults);
const fault_table fault_connections = TABLE(connections);
const fault_table fault_ways = TABLE(ways);
_Static_assert((sizeof faults + sizeof connections + sizeof ways) / sizeof *faults < FAULT_MOST,
               "too many to count");

void fault_init(void)
{
    strcpy(deep, "{\"id\":\"x\",\"h5_link\":\"y\",\"deep\":");
    for (size_t i = strlen(deep), k = 0; k < 2 * (POMEX_MAX_DEPTH + 1); k++)
        deep[i + k] = k <= POMEX_MAX_DEPTH ? '[' : ']';
    strcat(deep, "}");
}

const fault *fault_draw(run_dice *dice, const fault_table *table, unsigned flags)
{
    uint64_t at = dice_roll(dice, 1000);
    for (size_t i = 0; i < table->count; i++) {
        const fault *f = &table->faults[i];
        if (flags && !(f->flags & flags))
            continue;
        if (at < f->weight)
            return f;
        at -= f->weight;
    }
    return NULL;
}

void fault_fill(run_dice *dice, const fault *f, int port, fault_step *step)
{
    *step = f->step;
    step->port = port;
    if (step->cut > 10)
        step->cut = 1 + dice_roll(dice, step->cut);
    if (step->forward_cut)
        step->forward_cut = 1 + dice_roll(dice, step->forward_cut);
    if (step->kind == FAULT_RELAY && step->delay > 0)
        step->delay *= (double)dice_roll(dice, 4);
    step->forward = f->flags & FAULT_AFTER || (f->flags & FAULT_DONE && dice_roll(dice, 2));
}

bool fault_is_polite(const fault_step *step)
{
    return step->kind == FAULT_ANSWER &&
           (step->status == 429 ||
            (step->status == 503 && (step->headers || strcmp(step->body, ENVELOPE) == 0)));
}
