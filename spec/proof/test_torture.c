/* From a session to a saved video while every allocation fails in turn: the core's own, those
 * of jansson, those of libcurl, and of a sum those of libcrypto. Each operation ends, once; what is told of an upload and of
 * a generation is true; a file takes its name only when it is whole. */
#include "cmocka_all.h"

#include "harness.h"
#include "scene.h"
#include "starve.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STEPS    6
#define PATIENCE 20.0

static const char *const lines[] = {
    "POST /v1/video/assets/sessions", "POST /v1/video/assets",
    "GET /v1/video/assets/asset-1",   "POST /v1/video/generations",
    "GET /v1/video/generations/",     "GET /v.mp4"};

/* NULL where there is no memory even for the operation. */
static pomex_operation *begin(scene *s, int step)
{
    static const struct {
        pomex_endpoint_id endpoint;
        const char *payload;
    } posts[STEPS] = {
        [0] = {POMEX_SESSION_CREATE, "{\"callback_url\":\"https://app.example/cb\"}"},
        [1] = {POMEX_ASSET_CREATE, "{\"url\":\"https://cdn.example/a.jpg\",\"asset_type\":"
                                   "\"Image\",\"group_id\":\"group-1\"}"},
        [3] = {POMEX_GENERATION_CREATE,
               "{\"model\":\"byteplus/seedance-2.0\",\"content\":[{\"type\":"
               "\"text\",\"text\":\"a wave\"}]}"},
    };
    pomex_call_options options;
    pomex_call_options_init(&options);
    options.updates = options.progress = true;
    options.timeout = PATIENCE;
    pomex_client *client = s->h.client;
    if (step == 2)
        return pomex_client_wait(client, POMEX_ASSET_GET, "asset-1", 7, &options);
    if (step == 4)
        return pomex_client_wait(client, POMEX_GENERATION_GET, "cgt-1", 5, &options);
    if (step == 5)
        return pomex_client_download(client, "cgt-1", 5, s->link, s->path, &options);
    json_t *payload = json_loads(posts[step].payload, 0, NULL);
    if (!payload)
        return NULL;
    pomex_operation *op =
        pomex_client_call(client, posts[step].endpoint, NULL, 0, payload, &options);
    json_decref(payload);
    return op;
}

/* Steps until the operation has reported its end, on a clock that skips pauses. */
static void drive(harness *h, pomex_operation *op, unsigned whose)
{
    unsigned news, done = 0;
    for (int i = 0; i < 5000 && !done; i++) {
        pomex_client_step(h->client, 0);
        for (pomex_operation *next; (next = pomex_client_next(h->client, &news));)
            done += next == op && (news & POMEX_NEWS_DONE);
        double until = pomex_client_timeout(h->client);
        if (done)
            break;
        if (!inside_is_flying(op) && until > 0)
            harness_advance(h, until);
        else
            pomex_client_poll(h->client, 0.001);
        /* An attempt of which libcurl, without memory, says nothing more; any other may just
         * take its time. */
        if (i > (whose == STARVE_CURL ? 200 : 2000) && starve_has_failed())
            harness_advance(h, PATIENCE + 5);
    }
    assert_int_equal(done, 1);
    assert_true(pomex_operation_done(op));
}

static void is_true(scene *s, const pomex_operation *op, int step, unsigned whose)
{
    const pomex_error *error = op ? pomex_operation_error(op) : NULL;
    size_t sent = fault_server_count(s->h.server, lines[step]);
    /* The caller's request was right. */
    assert_false(error && strcmp(error->type, "invalid_request_error") == 0);
    if (step == 5) {
        assert_int_equal(scene_exists(s->path), op && !error);
        return;
    }
    if (step != 1 && step != 3)
        return;
    if (step == 1)
        sent -= fault_server_count(s->h.server, lines[0]);
    if (!op) {
        assert_int_equal(sent, 0);
    } else if (!error) {
        assert_int_equal(sent, 1);
    } else {
        bool doubt = strcmp(error->type, "ambiguous_error") == 0;
        assert_true(sent <= 1);
        assert_true(doubt || sent == 0);
        assert_int_equal(error->maybe_billed, doubt && step == 3);
        /* Of what libcurl has in hand nobody can say that it did not send it. */
        assert_true(!doubt || sent == 1 || whose == STARVE_CURL);
    }
}

/* Goes as far as there is memory; whether an allocation number `n` was there to fail. */
static bool run(long n, bool lasting, unsigned whose)
{
    scene s;
    pomex_error *error = NULL;
    const fault_step steps[] = {
        {.match = lines[0], .body = harness_reply(POMEX_EFFECT_SPARE)},
        {.match = lines[1], .body = harness_reply(POMEX_EFFECT_ASSET)},
        {.match = lines[2],
         .times = 1,
         .body = "{\"id\":\"asset-1\",\"status\":\"processing\"}"},
        {.match = lines[2], .body = "{\"id\":\"asset-1\",\"status\":\"active\"}"},
        {.match = lines[3], .body = harness_reply(POMEX_EFFECT_BILLED)},
        {.match = lines[4], .body = "{\"id\":\"cgt-1\",\"status\":\"succeeded\"}"},
        {.match = "GET /v1/video/assets?", .body = "{\"items\":[],\"total_count\":0}"},
        SCENE_WHOLE};
    scene_start(&s, NULL, 0);
    harness_script(&s.h, steps, sizeof steps / sizeof *steps);
    pomex_client_free(s.h.client);
    s.h.options.events = true;
    starve_begin(n, lasting, whose);
    s.h.client = pomex_client_new(&s.h.options, &error);
    bool going = s.h.client != NULL;
    for (int step = 0; step < STEPS && going; step++) {
        pomex_operation *op = begin(&s, step);
        if (op)
            drive(&s.h, op, whose);
        is_true(&s, op, step, whose);
        going = op && !pomex_operation_error(op);
        pomex_operation_release(op);
    }
    pomex_client_free(s.h.client);
    s.h.client = NULL;
    bool failed = starve_end();
    assert_true(going || failed); /* nothing but want of memory stops it */
    pomex_error_free(error);
    unlink(s.path);
    unlink(s.part);
    unlink(s.note);
    scene_stop(&s);
    assert_int_equal(starve_mappings(), 0);
    return failed;
}

static void all_fail_in_turn(unsigned whose, bool lasting)
{
    long n = 1;
    while (run(n, lasting, whose))
        n++;
    print_message("%ld allocations failed in turn\n", n - 1);
    assert_true(n > 30);
}

TEST_CASE(of_our_own)
{
    all_fail_in_turn(STARVE_OWN, false);
    all_fail_in_turn(STARVE_OWN, true);
}

TEST_CASE(of_jansson)
{
    all_fail_in_turn(STARVE_JANSSON, false);
    all_fail_in_turn(STARVE_JANSSON, true);
}

TEST_CASE(of_libcurl)
{
    all_fail_in_turn(STARVE_CURL, false);
    all_fail_in_turn(STARVE_CURL, true);
}

/* Whether the part is held with the sum that it has; else the error says that there is none. */
static bool is_held(scene *s, const char *sum)
{
    pomex_call_options options;
    pomex_call_options_init(&options);
    options.hold = true;
    pomex_operation *op =
        pomex_client_download(s->h.client, "cgt-1", 5, s->link, s->path, &options);
    assert_non_null(op);
    drive(&s->h, op, STARVE_CRYPTO);
    const pomex_error *error = pomex_operation_error(op);
    bool held = !error;
    if (held)
        assert_string_equal(pomex_operation_sum(op), sum);
    else if (strcmp(error->type, "file_error") != 0 || !strstr(error->message, "summed"))
        fail_msg("%s: %s", error->type, error->message);
    assert_true(scene_exists(s->part)); /* its bytes are not lost either way */
    assert_false(scene_exists(s->path));
    pomex_operation_release(op);
    return held;
}

/* Whether the file has its sum; else there is no memory, and nothing is said of the file. */
static bool is_summed(const char *path, const char *sum)
{
    char got[POMEX_SUM_SIZE];
    int64_t length;
    pomex_error *error = pomex_saving_sum(path, &length, got);
    assert_string_equal(error ? error->type : got, error ? "memory_error" : sum);
    pomex_error_free(error);
    return !error;
}

/* What is not written down in the end has no sum, and no mark of a key is half one. */
TEST_CASE(of_libcrypto)
{
    static const fault_step step = SCENE_WHOLE;
    static const char sum[] = /* sha256sum's */
        "6bc14bdc4517a7a682c6910de2e2946eb8e1ecd04090728fef6d092a7ceb62c5";
    int failures[3] = {0};
    for (int lasting = 0; lasting < 2; lasting++) {
        bool failed = true;
        for (long n = 1; failed; n++) {
            char mark[POMEX_SUM_SIZE];
            scene s;
            scene_start(&s, &step, 1);
            starve_begin(n, lasting, STARVE_CRYPTO);
            failures[0] += !is_held(&s, sum);
            failed = starve_end();
            assert_null(pomex_saving_finish(s.path, "cgt-1", strlen(SCENE_VIDEO)));
            starve_begin(n, lasting, STARVE_CRYPTO);
            failures[1] += !is_summed(s.path, sum);
            failed = starve_end() || failed;
            starve_begin(n, lasting, STARVE_CRYPTO);
            failures[2] += !pomex_client_key_mark(s.h.client, "salt", mark);
            failed = starve_end() || failed;
            scene_stop(&s);
        }
    }
    for (int i = 0; i < 3; i++)
        assert_true(failures[i] > 0);
}

int main(void)
{
    if (!starve_install())
        return 1;
    return tests_run(NULL, NULL);
}
