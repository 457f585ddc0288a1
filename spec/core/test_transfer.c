/* What goes onto the wire, on which connection, and what never does. */
#include "cmocka_all.h"

#include "harness.h"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void good(harness *h, enum pomex_effect effect, fault_request *request)
{
    const fault_step step = {.body = harness_reply(effect)};
    harness_script(h, &step, 1);
    pomex_operation *op = harness_call(h, effect);
    harness_finish(h, op);
    assert_null(pomex_operation_error(op));
    assert_true(fault_server_request(h->server, harness_line(effect), 0, request));
    pomex_operation_release(op);
}

static bool has(const fault_request *request, const char *line)
{
    return strstr(request->headers, line) != NULL;
}

TEST_CASE(each_request_has_its_headers)
{
    fault_request r;
    harness h;
    harness_start(&h, NULL, 0, false);
    harness_client(&h);
    for (int effect = 0; effect < 4; effect++) {
        good(&h, (enum pomex_effect)effect, &r);
        assert_true(has(&r, "Authorization: Bearer sk-test-key"));
        const char *agent = strstr(r.headers, "User-Agent: pomex/");
        assert_non_null(agent);
        assert_null(strstr(agent + 1, "User-Agent:"));
        assert_int_equal(has(&r, "Content-Type: application/json"), effect != 0);
        assert_false(has(&r, "Expect:"));
        if (effect != 0) {
            json_t *body = json_loads(r.body, 0, NULL);
            assert_true(json_is_object(body));
            json_decref(body);
        }
    }
    harness_stop(&h);
}

/* A cache on the way must not tell a wait what it told the last one; whatever handle of
 * libcurl's is at hand. */
TEST_CASE(looks_are_answered_by_no_cache)
{
    static const fault_step active = {.body = "{\"status\":\"active\"}"};
    pomex_call_options options;
    fault_request r;
    harness h;
    harness_start(&h, NULL, 0, false);
    harness_client(&h);
    pomex_call_options_init(&options);
    for (int i = 0; i < 3; i++) {
        good(&h, POMEX_EFFECT_NONE, &r);
        assert_false(has(&r, "Cache-Control"));
        harness_script(&h, &active, 1);
        pomex_operation *op =
            pomex_client_wait(h.client, POMEX_ASSET_GET, "asset-1", 7, &options);
        harness_finish(&h, op);
        assert_null(pomex_operation_error(op));
        assert_true(fault_server_request(h.server, NULL, 0, &r));
        assert_true(has(&r, "Cache-Control: no-store"));
        assert_true(has(&r, "Authorization: Bearer sk-test-key"));
        pomex_operation_release(op);
        good(&h, (enum pomex_effect)(1 + i), &r);
    }
    harness_stop(&h);
}

/* What leaves a trace has a connection of its own, before it and after it. */
TEST_CASE(costly_posts_go_alone)
{
    fault_request get, post, again;
    harness h;
    harness_start(&h, NULL, 0, false);
    harness_client(&h);
    good(&h, POMEX_EFFECT_NONE, &get);
    good(&h, POMEX_EFFECT_SPARE, &post);
    assert_int_equal(post.connection, get.connection);
    good(&h, POMEX_EFFECT_ASSET, &post);
    assert_int_not_equal(post.connection, get.connection);
    good(&h, POMEX_EFFECT_BILLED, &again);
    assert_int_not_equal(again.connection, get.connection);
    assert_int_not_equal(again.connection, post.connection);
    good(&h, POMEX_EFFECT_NONE, &again);
    assert_int_equal(again.connection, get.connection);
    assert_int_equal(fault_server_connections(h.server), 3);
    harness_stop(&h);
    for (int effect = POMEX_EFFECT_ASSET; effect <= POMEX_EFFECT_BILLED; effect++) {
        harness_start(&h, NULL, 0, false);
        harness_client(&h);
        good(&h, (enum pomex_effect)effect, &post);
        good(&h, POMEX_EFFECT_NONE, &get);
        assert_int_not_equal(get.connection, post.connection);
        harness_stop(&h);
    }
}

TEST_CASE(a_large_body_waits_for_no_leave)
{
    static const fault_step step = {.body = "{\"id\":\"cgt-1\"}"};
    const size_t size = 2000000;
    pomex_call_options options;
    fault_request r;
    harness h;
    harness_start(&h, &step, 1, false);
    harness_client(&h);
    pomex_call_options_init(&options);
    char *text = malloc(size + 1);
    assert_non_null(text);
    memset(text, 'a', size);
    text[size] = '\0';
    json_t *payload = json_pack("{s:s, s:[{s:s, s:s}]}", "model", "m", "content", "type",
                                "text", "text", text);
    pomex_operation *op =
        pomex_client_call(h.client, POMEX_GENERATION_CREATE, NULL, 0, payload, &options);
    harness_finish(&h, op);
    assert_null(pomex_operation_error(op));
    assert_true(fault_server_request(h.server, NULL, 0, &r));
    assert_true(r.body_length > size);
    assert_false(has(&r, "Expect"));
    pomex_operation_release(op);
    json_decref(payload);
    free(text);
    harness_stop(&h);
}

static void get(harness *h, pomex_endpoint_id endpoint, const char *id, json_t *query,
                const char *line)
{
    static const fault_step step = {.body = "{}"};
    pomex_call_options options;
    fault_request r;
    harness_script(h, &step, 1);
    pomex_call_options_init(&options);
    pomex_operation *op =
        pomex_client_call(h->client, endpoint, id, id ? strlen(id) : 0, query, &options);
    harness_finish(h, op);
    assert_null(pomex_operation_error(op));
    assert_true(fault_server_request(h->server, NULL, 0, &r));
    assert_string_equal(r.line, line);
    pomex_operation_release(op);
    json_decref(query);
}

TEST_CASE(ids_and_queries_are_encoded)
{
    char url[96];
    harness h;
    harness_start(&h, NULL, 0, false);
    snprintf(url, sizeof url, "%s/some/prefix/", h.base_url);
    h.options.base_url = url;
    harness_client(&h);
    get(&h, POMEX_ASSET_GET, "a b?#é", NULL,
        "GET /some/prefix/v1/video/assets/a%20b%3F%23%C3%A9");
    get(&h, POMEX_GENERATION_GET, "...", NULL, "GET /some/prefix/v1/video/generations/...");
    get(&h, POMEX_ASSET_LIST, NULL,
        json_pack("{s:s, s:[s,s], s:i, s:f, s:n}", "name", "a&b=c", "status", "active",
                  "failed", "page", 2, "limit", 100.0, "sort_by"),
        "GET /some/prefix/v1/video/assets?name=a%26b%3Dc&status=active%2Cfailed&page=2&"
        "limit=100");
    /* The same handle, after texts and after parts. */
    get(&h, POMEX_ASSET_LIST, NULL, json_pack("{s:i}", "page", 3),
        "GET /some/prefix/v1/video/assets?page=3");
    get(&h, POMEX_ASSET_GET, "asset-2", NULL, "GET /some/prefix/v1/video/assets/asset-2");
    get(&h, POMEX_ASSET_GET, "É", NULL, "GET /some/prefix/v1/video/assets/%C3%89");
    get(&h, POMEX_ASSET_GET, "asset-3", NULL, "GET /some/prefix/v1/video/assets/asset-3");
    harness_stop(&h);
}

/* A base URL in which libcurl would change something: what is sent is what was given. */
TEST_CASE(a_base_url_is_sent_as_it_is)
{
    static const char *const paths[] = {"", "/", "/a/../b", "/%C3%89/", "/./", "/a//b"};
    char url[96], line[96];
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        harness h;
        harness_start(&h, NULL, 0, false);
        snprintf(url, sizeof url, "%s%s", h.base_url, paths[i]);
        h.options.base_url = url;
        harness_client(&h);
        size_t length = strlen(paths[i]);
        length -= length && paths[i][length - 1] == '/';
        for (int n = 1; n < 3; n++) {
            char id[16];
            snprintf(id, sizeof id, "asset-%d", n);
            snprintf(line, sizeof line, "GET %.*s/v1/video/assets/%s", (int)length, paths[i],
                     id);
            get(&h, POMEX_ASSET_GET, id, NULL, line);
        }
        harness_stop(&h);
    }
}

/* libcurl sends a GET again whose connection had died; it asks for what that GET asked for. */
TEST_CASE(a_get_that_libcurl_repeats)
{
    static const char line[] = "GET /v1/video/assets/asset-2";
    const fault_step steps[] = {{.kind = FAULT_CLOSE, .match = line, .times = 1},
                                {.body = "{}"}};
    pomex_call_options options;
    fault_request r;
    harness h;
    harness_start(&h, NULL, 0, false);
    harness_client(&h);
    pomex_call_options_init(&options);
    get(&h, POMEX_ASSET_GET, "asset-1", NULL, "GET /v1/video/assets/asset-1");
    harness_script(&h, steps, 2);
    pomex_operation *op =
        pomex_client_call(h.client, POMEX_ASSET_GET, "asset-2", 7, NULL, &options);
    harness_finish(&h, op);
    assert_null(pomex_operation_error(op));
    assert_int_equal(pomex_operation_attempts(op), 1);
    assert_int_equal(fault_server_count(h.server, NULL), 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(fault_server_request(h.server, NULL, i, &r));
        assert_string_equal(r.line, line);
    }
    pomex_operation_release(op);
    harness_stop(&h);
}

/* Whoever an answer points to gets neither the key nor a request. */
TEST_CASE(a_redirect_is_not_followed)
{
    char headers[128];
    harness h;
    harness_start(&h, NULL, 0, false);
    harness_client(&h);
    fault_server *other = fault_server_start(NULL, 0, NULL);
    for (int i = 0; i < 4; i++) {
        enum pomex_effect effect = (enum pomex_effect)i;
        snprintf(headers, sizeof headers, "Location: http://127.0.0.1:%d/\r\n",
                 fault_server_port(other));
        const fault_step steps[] = {
            {.match = "GET /v1/video/assets?", .status = 404},
            {.status = 307, .headers = headers},
        };
        harness_script(&h, steps, 2);
        pomex_operation *op = harness_call(&h, effect);
        harness_finish(&h, op);
        assert_non_null(strstr(pomex_operation_error(op)->message, "redirect"));
        pomex_operation_release(op);
    }
    assert_int_equal(fault_server_count(other, NULL), 0);
    assert_int_equal(fault_server_connections(other), 0);
    fault_server_stop(other);
    harness_stop(&h);
}

/* Whoever pauses for longer than any deadline still gets the answer that came meanwhile. */
TEST_CASE(an_answer_that_waited_for_us)
{
    harness h;
    harness_start(&h, NULL, 0, false);
    harness_client(&h);
    for (int i = 0; i < 4; i++) {
        enum pomex_effect effect = (enum pomex_effect)i;
        const fault_step step = {.body = harness_reply(effect)};
        harness_script(&h, &step, 1);
        pomex_operation *op = harness_call(&h, effect);
        harness_arrived(&h, harness_line(effect), 1);
        harness_answered(&h, harness_line(effect), 1);
        harness_advance(&h, 1000);
        harness_finish(&h, op);
        if (pomex_operation_error(op))
            fail_msg("%s: %s", harness_line(effect), pomex_operation_error(op)->type);
        assert_int_equal(fault_server_count(h.server, NULL), 1);
        pomex_operation_release(op);
    }
    harness_stop(&h);
}

/* The same where each step ends before it has read what is there: no deadline rings for an
 * attempt whose answer lies in its socket. */
TEST_CASE(answers_that_short_steps_have_not_read)
{
    enum { MANY = 150 }; /* more than one look at the epoll set tells of */
    static const fault_step late = {.body = "{\"id\":\"asset-1\"}", .delay = 1};
    pomex_operation *ops[MANY];
    harness h;
    harness_start(&h, &late, 1, false);
    h.options.max_retries = 0;
    h.options.max_in_flight = MANY;
    harness_client(&h);
    for (size_t i = 0; i < MANY; i++)
        ops[i] = harness_call(&h, POMEX_EFFECT_NONE);
    harness_arrived(&h, NULL, MANY);
    harness_rest(&h, 0.25); /* libcurl's own timers, which would look at each, run out */
    harness_answered(&h, NULL, MANY);
    harness_advance(&h, 31);
    double end = harness_now() + 60;
    for (size_t i = 0; i < MANY; i++) {
        while (!pomex_operation_done(ops[i]) && harness_now() < end)
            pomex_client_step(h.client, 1e-9);
        const pomex_error *error = pomex_operation_error(ops[i]);
        if (error)
            fail_msg("call %zu: %s: %s", i, error->type, error->message);
        assert_true(pomex_operation_done(ops[i]));
        pomex_operation_release(ops[i]);
    }
    harness_stop(&h);
}

TEST_CASE(own_requests_are_sent_once)
{
    static const struct {
        const char *method;
        int sent;
    } rows[] = {{"GET", 3}, {"HEAD", 3}, {"POST", 1}, {"PUT", 1}, {"DELETE", 1}, {"PATCH", 1}};
    static const fault_step busy = {.status = 503, .headers = "Retry-After: 0\r\n"};
    pomex_call_options options;
    harness h;
    harness_start(&h, NULL, 0, false);
    harness_client(&h);
    pomex_call_options_init(&options);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        harness_script(&h, &busy, 1);
        pomex_operation *op = pomex_client_request(h.client, rows[i].method, "/v2/new?a=b",
                                                   NULL, NULL, NULL, &options);
        harness_finish(&h, op);
        assert_string_equal(pomex_operation_error(op)->type, "unavailable_error");
        assert_int_equal(fault_server_count(h.server, rows[i].method), rows[i].sent);
        pomex_operation_release(op);
    }
    harness_stop(&h);
}

/* A folder of certificates named by their hashes, as the system's is. */
TEST_CASE(a_folder_of_authorities)
{
    char folder[] = "/tmp/pomex-capath-XXXXXX", name[64];
    fault_request r;
    harness h;
    harness_start(&h, NULL, 0, true);
    assert_non_null(mkdtemp(folder));
    FILE *file = fopen(h.ca_file, "r");
    X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);
    assert_non_null(certificate);
    fclose(file);
    snprintf(name, sizeof name, "%s/%08lx.0", folder, X509_subject_name_hash(certificate));
    X509_free(certificate);
    assert_int_equal(symlink(h.ca_file, name), 0);
    h.options.ca_file = NULL;
    h.options.ca_path = folder;
    harness_client(&h);
    good(&h, POMEX_EFFECT_NONE, &r);
    good(&h, POMEX_EFFECT_BILLED, &r);
    unlink(name);
    rmdir(folder);
    harness_stop(&h);
}

/* libcurl's own wake-up pair: it gives no way to reach it, and it is in no epoll set. */
static bool is_wakeup_pair(int fd)
{
    int domain = 0;
    socklen_t size = sizeof domain;
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX;
}

static int open_descriptors(bool inherited_only)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;
    int count = 0;
    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] != '.' && fd != dirfd(dir) &&
            !(inherited_only && (fcntl(fd, F_GETFD) & FD_CLOEXEC || is_wakeup_pair(fd))))
            count++;
    }
    closedir(dir);
    return count;
}

/* A copy in a child would keep a closed connection in the epoll set for ever. */
TEST_CASE(no_descriptor_is_inherited_or_left)
{
    fault_request r;
    harness h;
    int inherited = open_descriptors(true), all = open_descriptors(false);
    harness_start(&h, NULL, 0, false);
    int before = open_descriptors(false);
    harness_client(&h);
    assert_int_equal(open_descriptors(false), before); /* nothing before its first use */
    for (int effect = 0; effect < 4; effect++)
        good(&h, (enum pomex_effect)effect, &r);
    assert_true(open_descriptors(false) > before);
    assert_int_equal(open_descriptors(true), inherited);
    harness_stop(&h);
    assert_int_equal(open_descriptors(false), all);
}
