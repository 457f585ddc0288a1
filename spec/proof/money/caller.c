/* The client's side of the randomised run: it starts calls, steps, forgets to step, cancels,
 * drops what it holds, closes its client in the middle of everything, and goes on with another.
 * Its clock runs faster than the system's, so that budgets and pauses take little time. */
#include "run.h"

#include "fault_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int64_t fast_clock(void *user, enum pomex_clock_kind kind)
{
    const caller *c = user;
    struct timespec at;
    if (kind == POMEX_CLOCK_WALL) {
        clock_gettime(CLOCK_REALTIME, &at);
        return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
    }
    int64_t passed = (int64_t)((double)(fault_wire_now() - c->base) * c->speed);
    return c->base + passed + c->ahead + (kind == POMEX_CLOCK_BOOTTIME ? c->slept : 0);
}

static char *read_file(const char *path, size_t *length)
{
    char *bytes = malloc(1 << 20);
    FILE *file = fopen(path, "rb");
    *length = file && bytes ? fread(bytes, 1, 1 << 20, file) : 0;
    if (file)
        fclose(file);
    unlink(path);
    return bytes;
}

/* The video of a task, from the service itself. */
static bool fetch_video(caller *c)
{
    char path[96];
    pomex_options options;
    pomex_error *error = NULL;
    pomex_call_options o;
    pomex_options_init(&options);
    pomex_call_options_init(&o);
    snprintf(path, sizeof path, "%s/video.mp4", c->folder);
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d", c->sb->port);
    options.api_key = c->sb->key;
    options.base_url = url;
    pomex_client *client = pomex_client_new(&options, &error);
    pomex_operation *op =
        client ? pomex_client_download(client, c->task, strlen(c->task), NULL, path, &o) : NULL;
    while (op && pomex_client_step(client, 0))
        pomex_client_poll(client, 0.05);
    bool good = op && !pomex_operation_error(op);
    pomex_operation_release(op);
    pomex_client_free(client);
    c->video = good ? read_file(path, &c->video_length) : NULL;
    return c->video_length > 0;
}

static bool take(char *out, size_t size, json_t *root, const char *key)
{
    const json_t *value = json_object_get(root, key);
    if (json_is_array(value))
        value = json_array_get(value, 0);
    const char *text = json_string_value(value);
    snprintf(out, size, "%s", text ? text : "");
    json_decref(root);
    return text != NULL;
}

bool caller_init(caller *c)
{
    char path[128], link[256];
    const network *n = c->network;
    json_t *order = json_pack("{s:[{s:s, s:s}], s:s}", "content", "type", "text", "text",
                              "a video to look at", "model", "byteplus/seedance-2.0-fast");
    c->base = fault_wire_now();
    strcpy(c->folder, "/tmp/pomex-money-XXXXXX");
    bool good = mkdtemp(c->folder) != NULL;
    for (int i = 0; i < 2; i++)
        good = good &&
               take(c->groups[i], ID_SIZE,
                    sandbox_ask(c->sb, "POST", "/_sandbox/people", json_object()), "group_id");
    good = good && take(c->asset, ID_SIZE,
                        sandbox_ask(c->sb, "POST", "/_sandbox/assets", json_object()), "ids");
    good = take(c->task, ID_SIZE, sandbox_ask(c->sb, "POST", "/v1/video/generations", order),
                "id") &&
           good;
    for (int i = 0; i < RECENT; i++)
        memcpy(c->recent[i], c->task, ID_SIZE);
    snprintf(path, sizeof path, "/v1/video/generations/%s", c->task);
    json_t *task = sandbox_ask(c->sb, "GET", path, NULL);
    json_t *content = json_incref(json_object_get(task, "content"));
    json_decref(task);
    good = take(link, sizeof link, content, "video_url") && good;
    const char *rest = good ? strstr(link, "/files/") : NULL;
    snprintf(c->link, sizeof c->link, "http%s://127.0.0.1:%d%s", n->tls ? "s" : "",
             fault_server_port(n->server), rest ? rest : "");
    return rest && fetch_video(c);
}

void caller_free(caller *c)
{
    pomex_client_free(c->client);
    free(c->video);
    rmdir(c->folder);
}

static void new_client(caller *c)
{
    static const double budgets[] = {60, 30, 10};
    static const double attempts[] = {30, 10, 5};
    char url[64], proxy[64];
    pomex_error *error = NULL;
    pomex_options o;
    const network *n = c->network;
    pomex_options_init(&o);
    snprintf(url, sizeof url, "http%s://127.0.0.1:%d", n->tls ? "s" : "",
             fault_server_port(n->server));
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", fault_server_port(n->proxy));
    o.api_key = c->sb->key;
    o.base_url = url;
    o.ca_file = n->tls ? n->ca_file : NULL;
    o.proxy = n->tls && dice_chance(&c->dice, 0.3) ? proxy : "";
    o.connect_timeout = 0.25; /* libcurl's own, of the system's clock */
    o.budget = budgets[dice_roll(&c->dice, 3)];
    o.request_timeout = attempts[dice_roll(&c->dice, 3)];
    o.max_retries = (int)dice_roll(&c->dice, 4);
    o.max_in_flight = 32 << dice_roll(&c->dice, 4);
    o.billed_retry_unsent = c->unsent_only = dice_chance(&c->dice, 0.33);
    if (dice_chance(&c->dice, 0.9))
        memset(o.rate_limits, 0, sizeof o.rate_limits);
    o.events = true;
    o.clock = fast_clock;
    o.clock_user = c;
    c->client = pomex_client_new(&o, &error);
    if (!c->client) {
        fprintf(stderr, "%s\n", error->message);
        exit(2);
    }
    c->round = c->started;
    c->last_name[0] = '\0'; /* what another client uploads, this one cannot know of */
}

/* The operations of a client are numbered as they were started. */
static run_call *call_of(caller *c, uint64_t operation)
{
    size_t number = c->round + (size_t)operation - 1;
    if (operation > 0 && number < c->started)
        return &c->calls[number];
    c->strays++;
    return NULL;
}

static void take_events(caller *c)
{
    pomex_event e;
    while (pomex_client_next_event(c->client, &e)) {
        run_call *call = e.operation ? call_of(c, e.operation) : NULL;
        if (strcmp(e.name, "dropped") == 0)
            c->lost_events++;
        if (!call)
            continue;
        bool post = call->kind == RAW || (e.endpoint && strstr(e.endpoint, ".create"));
        if (strcmp(e.name, "done") == 0) {
            call->done_events++;
        } else if (post && strcmp(e.name, "request") == 0) {
            call->posts++;
        } else if (post && strcmp(e.name, "response") == 0) {
            call->status = e.status;
            call->answered += e.status > 0;
            call->ended_at = c->looked_at;
        }
    }
}

static void take_news(caller *c)
{
    pomex_operation *op;
    unsigned news;
    while ((op = pomex_client_next(c->client, &news))) {
        run_call *call = news & POMEX_NEWS_DONE ? call_of(c, pomex_operation_id(op)) : NULL;
        if (!call)
            continue;
        calls_note(c, call, op);
        c->ended++;
        pomex_operation_release(call->op);
        call->op = NULL;
    }
    take_events(c);
}

static void step(caller *c)
{
    static const double budgets[] = {0.005, 0.005, 0.005, 0.001, 1e-9};
    /* What an earlier step found and had no time for, this one goes on with: then it is as of
     * that one that it knows what has come. */
    if (!inside_goes_on(c->client))
        c->looked_at = fault_wire_now();
    pomex_client_step(c->client, budgets[dice_roll(&c->dice, 5)] * c->speed);
    take_news(c);
}

static void start_some(caller *c, size_t until)
{
    while (c->started < until && c->started - c->ended < c->most) {
        run_call *call = &c->calls[c->started++];
        call->op = calls_start(c, call);
        if (!call->op) {
            fprintf(stderr, "a call could not be started\n");
            exit(2);
        }
        call->operation = pomex_operation_id(call->op);
        if (dice_chance(&c->dice, 0.05)) {
            pomex_operation_release(call->op);
            call->op = NULL;
            c->dropped++;
        }
    }
}

static void cancel_one(caller *c)
{
    size_t count = c->started - c->round;
    run_call *call = &c->calls[c->round + dice_roll(&c->dice, count ? count : 1)];
    size_t back = dice_roll(&c->dice, c->most);
    if (count > back) /* one of the latest, most likely */
        call = &c->calls[c->started - 1 - back];
    if (!call->op || call->told != PENDING)
        return;
    call->stopped = true;
    pomex_operation_cancel(call->op);
    c->cancels++;
}

/* Nobody steps for a while, in which answers come; by the client's clock it was longer still,
 * or the machine slept. Sometimes it is long enough for verdict.c to be sure that they had come. */
static void forget_to_step(caller *c)
{
    useconds_t most = dice_chance(&c->dice, 0.2) ? 3500000 : 0;
    usleep((useconds_t)(150000 + dice_roll(&c->dice, 150000)) + most);
    int64_t seconds = (int64_t)dice_roll(&c->dice, 2000) * 1000000000;
    if (dice_chance(&c->dice, 0.2))
        c->slept += seconds;
    else
        c->ahead += seconds;
    c->pauses++;
}

/* A notice comes: of a task that somebody waits for or not, or forged. It tells nothing but when to
 * look, so that whatever it names, no promise may fall. */
static void notice(caller *c)
{
    bool forged = dice_chance(&c->dice, 0.2);
    pomex_client_nudge(c->client,
                       forged ? "cgt-forged" : c->recent[dice_roll(&c->dice, RECENT)]);
    c->notices++;
}

/* What the sandbox itself does wrong, now and then. */
static void spoil_service(caller *c)
{
    static const char *const endpoints[] = {"generations.create", "assets.create", "assets.get",
                                            "assets.list", "*"};
    static const char *const breaks[] = {"drop", "truncate", "garbage", "hang"};
    json_t *spoilt = json_pack("{s:s, s:i}", "endpoint", endpoints[dice_roll(&c->dice, 5)],
                               "skip", (int)dice_roll(&c->dice, 50));
    switch (dice_roll(&c->dice, 4)) {
    case 0:
        json_object_set_new(spoilt, "before_accept", json_string("drop"));
        break;
    case 1:
        json_object_set_new(spoilt, "status", json_integer(503));
        json_object_set_new(spoilt, "retry_after", json_integer(1));
        break;
    case 2:
        json_object_set_new(spoilt, "delay", json_real(0.02));
        break;
    default:
        json_object_set_new(spoilt, "after_accept",
                            json_string(breaks[dice_roll(&c->dice, 4)]));
    }
    json_decref(sandbox_ask(c->sb, "POST", "/_sandbox/faults", spoilt));
}

static void crash_service(caller *c)
{
    sandbox_kill(c->sb);
    for (int i = 0; i < 5; i++) {
        usleep(2000);
        step(c);
    }
    if (!sandbox_restart(c->sb)) {
        fprintf(stderr, "the sandbox did not come back\n");
        exit(2);
    }
    c->restarts++;
}

/* What else happens, each at its own share of the calls. */
static void stir(caller *c, size_t before)
{
    size_t now = c->started;
    for (size_t i = before; i < now; i++) {
        if (dice_chance(&c->dice, 0.03))
            cancel_one(c);
        if (dice_chance(&c->dice, 0.05))
            notice(c);
        if (dice_chance(&c->dice, 0.0004))
            forget_to_step(c);
        if (dice_chance(&c->dice, 0.001))
            network_outage(c->network);
        if (dice_chance(&c->dice, 0.02))
            spoil_service(c);
        if (dice_chance(&c->dice, 0.0001))
            crash_service(c);
    }
}

static void close_client(caller *c)
{
    for (size_t i = c->round; i < c->started; i++)
        c->calls[i].stopped |= c->calls[i].told == PENDING;
    c->closes += c->ended < c->started;
    pomex_client_close(c->client);
    take_news(c);
    pomex_client_free(c->client);
    c->client = NULL;
}

void caller_run(caller *c)
{
    size_t most = c->total / 8 < 3000 ? c->total / 8 + 1 : 3000; /* a few clients at least */
    while (c->started < c->total) {
        size_t until = c->started + 200 + dice_roll(&c->dice, most);
        bool drains = dice_chance(&c->dice, 0.5);
        until = until < c->total ? until : c->total;
        new_client(c);
        while (c->started < until || (drains && c->ended < c->started)) {
            size_t before = c->started;
            start_some(c, until);
            step(c);
            stir(c, before);
            pomex_client_poll(c->client, 0.001);
            if (c->started == until && c->started - c->ended < c->most / 4)
                c->ahead += 100000000; /* what is left hangs, mostly */
        }
        close_client(c);
    }
}
