/* Generations whose answer was lost, on the account's list of tasks: at random, with other creates of
 * the same account beside them; and what a second client of the account can do to one. */
#include "cmocka_all.h"

#include "dice.h"
#include "service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POST "POST /v1/video/generations"
#define LIST "GET /v1/video/generations?"

#define ROUNDS 60
#define MOST   3 /* creates of a round */

/* After this long what an earlier create left in doubt is over: on the client's clock, and on the
 * service's. */
#define FORGOTTEN 301

typedef struct create {
    pomex_operation *op;
    char nonce[32];
    bool raw;    /* by pomex_client_request */
    bool single; /* adopt = "single" */
} create;

static json_t *body_of(const char *nonce)
{
    return json_pack("{s:[{s:s, s:s}], s:s}", "content", "type", "text", "text", nonce, "model",
                     "byteplus/seedance-2.0-fast");
}

static void start(pomex_client *client, create *c, bool raw, bool single)
{
    static unsigned count;
    pomex_call_options options;
    pomex_call_options_init(&options);
    options.max_retries = 1;
    options.adopt = single ? POMEX_ADOPT_SINGLE : POMEX_ADOPT_NONE;
    *c = (create){.raw = raw, .single = single};
    snprintf(c->nonce, sizeof c->nonce, "adopt-%u-", ++count);
    json_t *body = body_of(c->nonce);
    c->op = raw ? pomex_client_request(client, "POST", "/v1/video/generations", NULL, body,
                                       NULL, &options)
                : pomex_client_call(client, POMEX_GENERATION_CREATE, NULL, 0, body, &options);
    json_decref(body);
    assert_non_null(c->op);
}

static void forget(service *s)
{
    json_decref(sandbox_ask(&s->sb, "POST", "/_sandbox/clock",
                            json_pack("{s:i}", "advance", FORGOTTEN)));
    harness_advance(&s->h, FORGOTTEN);
}

/* Steps the clients until all are over. Where all of them only rest, time goes on. */
static void finish(service *s, pomex_client *clients[2], create *all, size_t count)
{
    double end = harness_now() + 30;
    for (;;) {
        unsigned news;
        bool done = true, rests = true;
        double next = 1e9;
        for (int i = 0; i < 2; i++) {
            pomex_client_step(clients[i], 0);
            while (pomex_client_next(clients[i], &news))
                ;
            double until = pomex_client_timeout(clients[i]);
            next = until >= 0 && until < next ? until : next;
        }
        for (size_t i = 0; i < count; i++) {
            done = done && pomex_operation_done(all[i].op);
            rests = rests && (pomex_operation_done(all[i].op) || inside_is_paused(all[i].op));
        }
        if (done)
            return;
        if (rests && next > 0 && next < 1e9)
            harness_advance(&s->h, next);
        else
            pomex_client_poll(clients[0], 0.001);
        assert_true(harness_now() < end);
    }
}

/* The ids of the tasks that the service made of a create; how many there are. */
static size_t made(const service *s, const char *nonce, char ids[2][64])
{
    json_t *all = sandbox_ask(&s->sb, "GET", "/_sandbox/ledger", NULL), *entry;
    size_t i, count = 0;
    json_array_foreach(json_object_get(all, "entries"), i, entry)
    {
        if (!strstr(json_string_value(json_object_get(entry, "prompt")), nonce))
            continue;
        assert_true(count < 2);
        snprintf(ids[count++], 64, "%s", json_string_value(json_object_get(entry, "id")));
    }
    json_decref(all);
    return count;
}

static const char *given(const create *c)
{
    static char id[64];
    json_t *task = json_loads(pomex_operation_body(c->op, NULL), 0, NULL);
    snprintf(id, sizeof id, "%s", json_string_value(json_object_get(task, "id")));
    json_decref(task);
    return id;
}

/* What becomes of one POST: it is answered; carried out, and the answer is lost; refused though it
 * was carried out; lost before the service sees it. */
static fault_step any_fate(run_dice *dice)
{
    static const fault_step fates[] = {
        {.kind = FAULT_RELAY, .match = POST, .times = 1},
        {.kind = FAULT_CLOSE, .match = POST, .times = 1, .forward = true},
        {.kind = FAULT_RESET, .match = POST, .times = 1, .forward = true},
        {.kind = FAULT_ANSWER, .match = POST, .times = 1, .status = 429, .forward = true},
        {.kind = FAULT_ANSWER, .match = POST, .times = 1, .status = 502, .forward = true},
        {.kind = FAULT_CLOSE, .match = POST, .times = 1},
    };
    return fates[dice_roll(dice, sizeof fates / sizeof *fates)];
}

/* Checks a round; how many were found again after their answer was lost. */
static size_t judge(const service *s, create *all, size_t count)
{
    size_t adopted = 0;
    char ids[2][64];
    for (size_t i = 0; i < count; i++) {
        const pomex_error *error = pomex_operation_error(all[i].op);
        size_t tasks = made(s, all[i].nonce, ids);
        if (!error) {
            const char *id = given(&all[i]);
            bool own = (tasks > 0 && strcmp(id, ids[0]) == 0) ||
                       (tasks > 1 && strcmp(id, ids[1]) == 0);
            if (!own)
                fail_msg("%s was given %s, which is another's", all[i].nonce, id);
            const char *listed = inside_endpoint(all[i].op)->name;
            adopted += pomex_operation_status(all[i].op) == 200 && all[i].single &&
                       strcmp(listed, "generations.create") == 0;
        } else if (strcmp(error->type, "ambiguous_error") == 0 && !all[i].raw && count == 1 &&
                   tasks == 1) {
            /* Alone, it is at least named; the service can have refused an earlier attempt. */
            size_t n;
            json_t *one;
            bool named = false;
            json_array_foreach(error->candidates, n, one) named =
                named || strcmp(json_string_value(one), ids[0]) == 0;
            if (!named)
                fail_msg("%s is not named", all[i].nonce);
        }
        pomex_operation_release(all[i].op);
    }
    return adopted;
}

TEST_CASE(no_create_is_given_anothers_task)
{
    const char *seed = getenv("POMEX_SEED");
    run_dice dice = {seed ? strtoull(seed, NULL, 10) : 1};
    size_t found = 0, alone = 0;
    service s;
    service_start(&s, false);
    service_client(&s);
    pomex_client *clients[2] = {s.h.client, pomex_client_new(&s.h.options, NULL)};
    assert_non_null(clients[1]);
    for (int round = 0; round < ROUNDS; round++) {
        create all[MOST];
        fault_step steps[SERVICE_STEPS - 1];
        size_t count = dice_chance(&dice, 0.6) ? 1 : 1 + dice_roll(&dice, MOST), fates = 0;
        while (fates < 5)
            steps[fates++] = any_fate(&dice);
        if (dice_chance(&dice, 0.2))
            steps[fates++] = (fault_step){.match = LIST, .kind = FAULT_CLOSE, .times = 1};
        json_decref(sandbox_ask(
            &s.sb, "POST", "/_sandbox/config",
            json_pack("{s:b, s:b, s:b}", "task_fields", dice_chance(&dice, 0.5), "list_as_data",
                      dice_chance(&dice, 0.5), "list_totals", dice_chance(&dice, 0.5))));
        service_network(&s, steps, fates);
        for (size_t i = 0; i < count; i++) {
            bool raw = dice_chance(&dice, 0.2), single = dice_chance(&dice, 0.8);
            start(clients[dice_roll(&dice, 2)], &all[i], raw, single);
        }
        finish(&s, clients, all, count);
        bool was_lost = count == 1 && !all[0].raw && all[0].single &&
                        (steps[0].kind == FAULT_CLOSE || steps[0].kind == FAULT_RESET) &&
                        steps[0].forward;
        size_t adopted = judge(&s, all, count);
        alone += was_lost;
        found += was_lost ? adopted : 0;
        forget(&s);
    }
    printf("%zu of %zu lone creates whose answer was lost were found again (POMEX_SEED %s)\n",
           found, alone, seed ? seed : "1");
    assert_true(alone > 3);
    assert_int_equal(found, alone);
    pomex_client_free(clients[1]);
    service_stop(&s);
}

/* Nothing that the service says tells whose a task is: another program's, made by the same account in
 * the same seconds, looks like a lost one. It is named, and with "single" it is taken. */
TEST_CASE(a_second_client_of_the_account_can_be_mistaken)
{
    static const fault_step lost = {.match = POST, .kind = FAULT_CLOSE};
    for (int single = 0; single < 2; single++) {
        service s;
        create mine;
        char ids[2][64];
        service_start(&s, false);
        service_network(&s, &lost, 1);
        service_client(&s);
        pomex_client *clients[2] = {s.h.client, s.h.client};
        json_decref(sandbox_ask(&s.sb, "POST", "/v1/video/generations", body_of("a stranger")));
        start(s.h.client, &mine, false, single);
        finish(&s, clients, &mine, 1);
        assert_int_equal(made(&s, mine.nonce, ids), 0);
        assert_int_equal(made(&s, "a stranger", ids), 1);
        const pomex_error *error = pomex_operation_error(mine.op);
        if (single) {
            assert_null(error);
            assert_string_equal(given(&mine), ids[0]);
        } else {
            assert_string_equal(error->type, "ambiguous_error");
            assert_int_equal(json_array_size(error->candidates), 1);
            assert_string_equal(json_string_value(json_array_get(error->candidates, 0)),
                                ids[0]);
        }
        pomex_operation_release(mine.op);
        service_stop(&s);
    }
}
