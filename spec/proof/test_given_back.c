/* No block that the core gives back to the allocator holds the API key or a proxy's password,
 * nor does a page when it is unmapped: looked at the moment before, all the way of every kind
 * of call. The linker puts the functions below in the place of the allocator's. */
#include "cmocka_all.h"

#include "scene.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define KEY      "sk-test-k3y-0f-m4ny-w0rds"
#define PASSWORD "p4ssw0rd-0f-the-pr0xy"

/* Of this thread alone: the server has threads of its own, which hold what came. Volatile,
 * since compilers know that free() changes no variable. */
static _Thread_local volatile size_t blocks, mappings; /* looked at */
static _Thread_local volatile size_t found;            /* secrets in them */

static size_t secrets_in(const void *bytes, size_t size)
{
    bool key = memmem(bytes, size, KEY, sizeof KEY - 1);
    bool password = memmem(bytes, size, PASSWORD, sizeof PASSWORD - 1);
    return (size_t)key + password;
}

void *__real_malloc(size_t size);
void __real_free(void *block);
int __real_munmap(void *address, size_t size);
int __real_vasprintf(char **text, const char *format, va_list arguments);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *block);
int __wrap_munmap(void *address, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t length);
int __wrap_vasprintf(char **text, const char *format, va_list arguments);
int __wrap_asprintf(char **text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Emptied, since libcurl wipes none of what it gives back, and that may come to us. */
void *__wrap_malloc(size_t size)
{
    void *block = __real_malloc(size);
    return block ? memset(block, 0, malloc_usable_size(block)) : NULL;
}

void __wrap_free(void *block)
{
    blocks++;
    found += block ? secrets_in(block, malloc_usable_size(block)) : 0;
    __real_free(block);
}

void *__wrap_realloc(void *old, size_t size)
{
    void *grown = __wrap_malloc(size);
    size_t had = old ? malloc_usable_size(old) : 0;
    if (!grown)
        return NULL;
    if (had)
        memcpy(grown, old, had < size ? had : size);
    __wrap_free(old);
    return grown;
}

int __wrap_munmap(void *address, size_t size)
{
    mappings++;
    found += secrets_in(address, size);
    return __real_munmap(address, size);
}

char *__wrap_strndup(const char *text, size_t length)
{
    size_t count = strnlen(text, length);
    char *copy = __wrap_malloc(count + 1);
    return copy ? memcpy(copy, text, count) : NULL;
}

char *__wrap_strdup(const char *text)
{
    return __wrap_strndup(text, strlen(text));
}

int __wrap_vasprintf(char **text, const char *format, va_list arguments)
{
    char *made;
    int length = __real_vasprintf(&made, format, arguments);
    if (length < 0)
        return length;
    *text = __wrap_strdup(made);
    __real_free(made);
    return *text ? length : -1;
}

int __wrap_asprintf(char **text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = __wrap_vasprintf(text, format, arguments);
    va_end(arguments);
    return length;
}

static void start(scene *s, const fault_step *steps, size_t count, bool tls)
{
    scene_prepare(s, steps, count, tls);
    s->h.options.api_key = KEY;
    s->h.options.events = true;
}

/* Begins to look, and makes the client. */
static void watch(scene *s)
{
    blocks = mappings = found = 0;
    harness_client(&s->h);
}

/* Frees the client, looks no longer, and says whether the service had been sent the key. */
static void is_clean(scene *s, const char *match)
{
    fault_request r;
    pomex_client_free(s->h.client);
    s->h.client = NULL;
    assert_int_equal(found, 0);
    assert_true(blocks > 5 && mappings > 0);
    assert_true(fault_server_request(s->h.server, match, 0, &r));
    assert_non_null(strstr(r.headers, "Authorization: Bearer " KEY "\r\n"));
    scene_stop(s);
}

/* Ends the operation; NULL: well. */
static void ends(scene *s, pomex_operation *op, const char *type)
{
    harness_finish(&s->h, op);
    const pomex_error *error = pomex_operation_error(op);
    assert_string_equal(error ? error->type : "", type ? type : "");
    pomex_operation_release(op);
}

/* The watch sees what it is for. */
TEST_CASE(what_holds_a_secret_is_seen)
{
    static const char *const secrets[] = {KEY, PASSWORD};
    for (int i = 0; i < 2; i++) {
        found = 0;
        char *volatile copy = strdup(secrets[i]);
        free(copy);
        assert_int_equal(found, 1);
        char *grown = realloc(strdup(secrets[i]), 10000);
        assert_non_null(grown);
        assert_int_equal(found, 2);
        explicit_bzero(grown, 10000);
        free(grown);
        assert_int_equal(found, 2);
        char *page =
            mmap(NULL, 100, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_ptr_not_equal(page, MAP_FAILED);
        strcpy(page + 50, secrets[i]);
        munmap(page, 100);
        assert_int_equal(found, 3);
    }
}

/* Each effect, refused here and broken there; the key from a file the second time. */
TEST_CASE(calls_of_every_kind)
{
    static const fault_step steps[] = {
        {.match = "POST /v1/video/generations", .kind = FAULT_TRUNCATE, .body = "{}", .cut = 1},
        {.match = "POST", .status = 401, .body = "{\"error\":{\"message\":\"no\"}}"},
        {.match = "GET /v1/video/assets/", .status = 502, .times = 1},
        {.body = "{\"id\":\"asset-1\",\"object\":\"video.asset\",\"status\":\"active\"}"}};
    static const char *const types[] = {NULL, "authentication_error", "authentication_error",
                                        "ambiguous_error"};
    for (int from_file = 0; from_file < 2; from_file++) {
        scene s;
        start(&s, steps, 4, false);
        if (from_file) {
            FILE *file = fopen(s.path, "w");
            assert_non_null(file);
            assert_int_equal(fprintf(file, "%s\n", KEY), sizeof KEY);
            fclose(file);
            s.h.options.api_key = NULL;
            s.h.options.api_key_file = s.path;
        }
        watch(&s);
        for (int effect = POMEX_EFFECT_NONE; effect <= POMEX_EFFECT_BILLED; effect++)
            ends(&s, harness_call(&s.h, (enum pomex_effect)effect), types[effect]);
        is_clean(&s, "POST");
    }
}

TEST_CASE(a_download)
{
    scene s;
    start(&s, NULL, 0, false);
    const fault_step steps[] = {{.match = "GET /v1/video/generations/cgt-1", .body = s.task},
                                {.match = "GET /v.mp4",
                                 .times = 1,
                                 .kind = FAULT_TRUNCATE,
                                 .headers = SCENE_ETAG,
                                 .body = SCENE_VIDEO,
                                 .cut = 10},
                                {.status = 206,
                                 .headers = SCENE_ETAG "Content-Range: bytes 10-19/20\r\n",
                                 .body = &SCENE_VIDEO[10]}};
    harness_script(&s.h, steps, 3);
    watch(&s);
    scene_is_saved(&s, scene_download(&s, NULL));
    is_clean(&s, "GET /v1");
}

/* Its answer is lost, and the list that is looked at afterwards shows nothing; then a list. */
TEST_CASE(an_upload_in_doubt)
{
    static const fault_step steps[] = {
        {.match = "POST", .kind = FAULT_CLOSE},
        {.match = "GET /v1/video/assets?", .body = "{\"object\":\"list\",\"items\":[]}"}};
    pomex_call_options options;
    pomex_call_options_init(&options);
    scene s;
    start(&s, steps, 2, false);
    watch(&s);
    ends(&s, harness_call(&s.h, POMEX_EFFECT_ASSET), "ambiguous_error");
    assert_true(fault_server_count(s.h.server, "GET /v1/video/assets?") > 0);
    json_t *query = json_pack("{s:s, s:i}", "group_id", "group-1", "limit", 10);
    ends(&s, pomex_client_call(s.h.client, POMEX_ASSET_LIST, NULL, 0, query, &options), NULL);
    json_decref(query);
    is_clean(&s, "GET /v1/video/assets?");
}

TEST_CASE(a_redirect)
{
    static const fault_step step = {.status = 302, .headers = "Location: /elsewhere\r\n"};
    scene s;
    start(&s, &step, 1, false);
    watch(&s);
    ends(&s, harness_call(&s.h, POMEX_EFFECT_NONE), "api_error");
    ends(&s, scene_download(&s, NULL), "api_error");
    assert_int_equal(fault_server_count(s.h.server, "GET /elsewhere"), 0);
    is_clean(&s, "GET /v1");
}

TEST_CASE(a_proxy_with_a_password)
{
    fault_request r;
    char url[96];
    scene s;
    start(&s, NULL, 0, true);
    const fault_step good = {.body = harness_reply(POMEX_EFFECT_NONE)};
    fault_step way[] = {{.times = 1, .status = 503}, {.kind = FAULT_TUNNEL}};
    way[1].port = fault_server_port(s.h.server);
    harness_script(&s.h, &good, 1);
    fault_server *proxy = fault_server_start(way, 2, NULL);
    assert_non_null(proxy);
    snprintf(url, sizeof url, "http://someone:" PASSWORD "@127.0.0.1:%d",
             fault_server_port(proxy));
    s.h.options.proxy = url;
    watch(&s);
    ends(&s, harness_call(&s.h, POMEX_EFFECT_NONE), NULL);
    assert_true(fault_server_request(proxy, "CONNECT", 1, &r));
    assert_non_null(strstr(r.headers, "Proxy-Authorization: Basic "));
    is_clean(&s, "GET /v1");
    fault_server_stop(proxy);
}

/* What the service shows us of our key goes the way of the key; long, so that buffers grow. */
TEST_CASE(an_error_that_echoes_the_key)
{
    char page[6000];
    memset(page, 'x', sizeof page);
    for (size_t i = 0; i + 600 < sizeof page; i += 500)
        memcpy(page + i, KEY, sizeof KEY - 1);
    page[sizeof page - 1] = '\0';
    const fault_step steps[] = {
        {.times = 1, .status = 400, .headers = "X-Request-Id: r-" KEY "\r\n", .body = page},
        {.times = 1, .status = 400, .body = "{\"error\":{\"message\":\"bad key " KEY "\"}}"},
        {.times = 2, .body = "{\"id\":\"a\",\"status\":\"failed\",\"error\":\"for " KEY "\"}"},
        {.kind = FAULT_TRUNCATE, .body = page, .cut = 5000}};
    pomex_call_options options;
    pomex_call_options_init(&options);
    scene s;
    start(&s, steps, 4, false);
    watch(&s);
    ends(&s, harness_call(&s.h, POMEX_EFFECT_NONE), "invalid_request_error");
    ends(&s, harness_call(&s.h, POMEX_EFFECT_NONE), "invalid_request_error");
    ends(&s, pomex_client_wait(s.h.client, POMEX_ASSET_GET, "a", 1, &options), "asset_failed");
    ends(&s, scene_download(&s, NULL), "generation_failed");
    ends(&s, harness_call(&s.h, POMEX_EFFECT_BILLED), "ambiguous_error");
    is_clean(&s, "GET /v1");
}

/* Waiting for an answer, for its turn and for the next look, and one that nobody holds. */
TEST_CASE(closing_under_way)
{
    static const fault_step steps[] = {
        {.match = "GET /v1/video/assets/b", .body = "{\"status\":\"processing\"}"},
        {.kind = FAULT_HANG}};
    pomex_call_options options;
    pomex_call_options_init(&options);
    scene s;
    start(&s, steps, 2, false);
    s.h.options.max_in_flight = 3;
    watch(&s);
    pomex_operation *ops[6];
    ops[0] = pomex_client_wait(s.h.client, POMEX_ASSET_GET, "b", 1, &options);
    harness_arrived(&s.h, "GET /v1/video/assets/b", 1);
    for (int i = 1; i < 6; i++)
        ops[i] = i == 2 ? scene_download(&s, NULL)
                        : harness_call(&s.h, i % 2 ? POMEX_EFFECT_BILLED : POMEX_EFFECT_NONE);
    harness_arrived(&s.h, NULL, 4);
    for (int i = 0; i < 6; i++)
        pomex_operation_release(ops[i]);
    is_clean(&s, "POST");
}

int main(void)
{
    json_set_alloc_funcs(__wrap_malloc, __real_free);
    return tests_run(NULL, NULL);
}
