/* A proxy that turns us away, or whose address cannot be read, is asked once: accounts are locked
 * after a few wrong passwords. What a proxy says of the service behind it is tried again. */
#include "cmocka_all.h"

#include "harness.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PASSWORD "pa55word"
#define REALM    "Proxy-Authenticate: Basic realm=\"x\"\r\n"

enum asking { GET, SESSION, UPLOAD, GENERATION, OWN_GET, OWN_POST, WAIT, DOWNLOAD, ASKINGS };

static pomex_operation *ask(harness *h, enum asking asking)
{
    static const enum pomex_effect effects[] = {
        [GET] = POMEX_EFFECT_NONE,
        [SESSION] = POMEX_EFFECT_SPARE,
        [UPLOAD] = POMEX_EFFECT_ASSET,
        [GENERATION] = POMEX_EFFECT_BILLED,
    };
    char path[64]; /* of this process alone: others run the same test */
    pomex_call_options options;
    pomex_call_options_init(&options);
    switch (asking) {
    case OWN_GET:
    case OWN_POST:
        return pomex_client_request(h->client, asking == OWN_GET ? "GET" : "POST", "/v1/own",
                                    NULL, NULL, NULL, &options);
    case WAIT:
        return pomex_client_wait(h->client, POMEX_ASSET_GET, "asset-1", 7, &options);
    case DOWNLOAD:
        snprintf(path, sizeof path, "/tmp/pomex-kinds-15-%d.mp4", (int)getpid());
        return pomex_client_download(h->client, "cgt-1", 5, "https://127.0.0.1:1/v.mp4", path,
                                     &options);
    default:
        return harness_call(h, effects[asking]);
    }
}

/* What is asked must fail by the proxy. */
static void is_refused(harness *h, enum asking asking, const char *name)
{
    pomex_operation *op = ask(h, asking);
    harness_finish(h, op);
    const pomex_error *error = pomex_operation_error(op);
    if (!error || strcmp(error->type, "connection_error") != 0 || !error->proxy)
        fail_msg("%s: %s", name, error ? error->message : "no error");
    if (error->retryable || error->attempts != 1)
        fail_msg("%s is tried again: %s", name, error->message);
    /* The task of a download was paid for before. */
    assert_int_equal(error->billed, asking == DOWNLOAD ? POMEX_BILLED_YES : POMEX_BILLED_NO);
    assert_int_equal(error->attempts, 1);
    assert_non_null(error->hint);
    assert_null(strstr(error->message, PASSWORD));
    assert_null(strstr(error->hint, PASSWORD));
    pomex_operation_release(op);
}

static const struct {
    const char *name;
    fault_step step;
} refusals[] = {
    {"407", {.status = 407, .headers = REALM}},
    {"407 of a scheme that nobody knows",
     {.status = 407, .headers = "Proxy-Authenticate: Odd\r\n"}},
    {"403", {.status = 403, .body = "<html>no</html>"}},
    {"401", {.status = 401}},
    {"405", {.status = 405}},
};

TEST_CASE(one_that_turns_us_away_is_asked_once)
{
    char url[96];
    harness h;
    harness_start(&h, NULL, 0, true);
    h.options.proxy = url;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        for (int asking = 0; asking < ASKINGS; asking++) {
            fault_server *proxy = fault_server_start(&refusals[i].step, 1, NULL);
            snprintf(url, sizeof url, "http://someone:" PASSWORD "@127.0.0.1:%d",
                     fault_server_port(proxy));
            harness_client(&h);
            is_refused(&h, (enum asking)asking, refusals[i].name);
            assert_int_equal(fault_server_connections(proxy), 1);
            pomex_client_free(h.client);
            h.client = NULL;
            fault_server_stop(proxy);
        }
    }
    assert_int_equal(fault_server_count(h.server, NULL), 0);
    harness_stop(&h);
}

/* A proxy that speaks SOCKS: it answers each message of a connection by the next of the row. */
typedef struct socks {
    int listener, port, connections;
    const char *const *answers; /* each behind its length; NULL ends them */
    pthread_t thread;
} socks;

static void *serve_socks(void *argument)
{
    socks *s = argument;
    for (int fd; (fd = accept(s->listener, NULL, NULL)) >= 0; close(fd)) {
        char bytes[512];
        s->connections++;
        for (const char *const *a = s->answers; *a && recv(fd, bytes, sizeof bytes, 0) > 0; a++)
            if (send(fd, *a + 1, (size_t)(*a)[0], MSG_NOSIGNAL) < 0)
                break;
        while (recv(fd, bytes, sizeof bytes, 0) > 0) {
        }
    }
    return NULL;
}

static void socks_start(socks *s, const char *const *answers)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    *s = (socks){.listener = socket(AF_INET, SOCK_STREAM, 0), .answers = answers};
    assert_int_equal(bind(s->listener, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(s->listener, 16), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &length), 0);
    s->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve_socks, s), 0);
}

/* How many connections it had. */
static int socks_stop(socks *s)
{
    shutdown(s->listener, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->listener);
    return s->connections;
}

TEST_CASE(a_socks_proxy_that_turns_us_away_is_asked_once)
{
    static const char *const rows[][4] = {
        {"a wrong password", "\x02\x05\x02", "\x02\x01\x01", NULL},
        {"no method that we have", "\x02\x05\xff", NULL},
        {"not allowed by its rules", "\x02\x05\x00", "\x0a\x05\x02\0\x01\0\0\0\0\0\0", NULL},
    };
    static const char *const schemes[] = {"socks5", "socks5h"};
    char url[96];
    harness h;
    harness_start(&h, NULL, 0, true);
    h.options.proxy = url;
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        for (int asking = 0; asking < ASKINGS; asking++) {
            socks proxy;
            socks_start(&proxy, rows[i / 2] + 1);
            snprintf(url, sizeof url, "%s://someone:" PASSWORD "@127.0.0.1:%d", schemes[i % 2],
                     proxy.port);
            harness_client(&h);
            is_refused(&h, (enum asking)asking, rows[i / 2][0]);
            pomex_client_free(h.client);
            h.client = NULL;
            assert_int_equal(socks_stop(&proxy), 1);
        }
    }
    harness_stop(&h);
}

/* These may be about the service, or pass. */
TEST_CASE(what_may_pass_is_tried_again)
{
    static const fault_step passing[] = {{.status = 502}, {.status = 503}, {.status = 504},
                                         {.status = 429}, {.status = 404}, {.status = 408}};
    char url[64];
    harness h;
    harness_start(&h, NULL, 0, true);
    h.options.proxy = url;
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++) {
        fault_server *proxy = fault_server_start(&passing[i], 1, NULL);
        snprintf(url, sizeof url, "http://127.0.0.1:%d", fault_server_port(proxy));
        harness_client(&h);
        pomex_operation *op = ask(&h, GET);
        harness_finish(&h, op);
        const pomex_error *error = pomex_operation_error(op);
        assert_string_equal(error->type, "connection_error");
        assert_true(error->proxy);
        assert_true(error->retryable);
        assert_int_equal(error->attempts, 3);
        pomex_operation_release(op);
        pomex_client_free(h.client);
        h.client = NULL;
        fault_server_stop(proxy);
    }
    harness_stop(&h);
}

/* Those of the environment are read by libcurl alone, when it needs them. */
TEST_CASE(an_address_that_cannot_be_read)
{
    static const char *const malformed[] = {"http://user:" PASSWORD "@proxy.example:99999x",
                                            "sock5://user:" PASSWORD "@127.0.0.1:1",
                                            "http://us er:" PASSWORD "@127.0.0.1:1"};
    unsetenv("no_proxy");
    unsetenv("NO_PROXY");
    harness h;
    harness_start(&h, NULL, 0, true);
    h.options.proxy = NULL;
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        assert_int_equal(setenv("https_proxy", malformed[i], 1), 0);
        harness_client(&h);
        for (int asking = 0; asking < ASKINGS; asking++)
            is_refused(&h, (enum asking)asking, malformed[i]);
        pomex_client_free(h.client);
        h.client = NULL;
    }
    unsetenv("https_proxy");
    assert_int_equal(fault_server_count(h.server, NULL), 0);
    harness_stop(&h);
}

/* Over http a proxy answers the request itself. */
TEST_CASE(a_407_over_http)
{
    static const fault_step refusal = {.status = 407, .headers = REALM};
    char url[64];
    harness h;
    harness_start(&h, &refusal, 1, false);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", fault_server_port(h.server));
    h.options.base_url = "http://service.example";
    h.options.allow_http = true;
    h.options.proxy = url;
    harness_client(&h);
    for (int asking = 0; asking < DOWNLOAD; asking++) {
        is_refused(&h, (enum asking)asking, "407 over http");
        assert_int_equal(fault_server_count(h.server, NULL), asking + 1);
    }
    harness_stop(&h);
}

/* The service itself may say what it likes. */
TEST_CASE(a_407_of_the_service)
{
    static const fault_step odd = {.status = 407, .headers = REALM};
    harness h;
    harness_start(&h, &odd, 1, true);
    harness_client(&h);
    pomex_operation *op = ask(&h, WAIT);
    harness_finish(&h, op);
    assert_string_equal(pomex_operation_error(op)->type, "api_error");
    assert_false(pomex_operation_error(op)->proxy);
    pomex_operation_release(op);
    harness_stop(&h);
}

TEST_CASE(a_certificate_of_the_proxy)
{
    char url[64], other[] = "/tmp/pomex-ca-XXXXXX";
    int fd = mkstemp(other);
    assert_true(fd >= 0);
    close(fd);
    harness h;
    harness_start(&h, NULL, 0, true);
    fault_server *proxy = fault_server_start(NULL, 0, other);
    snprintf(url, sizeof url, "https://127.0.0.1:%d", fault_server_port(proxy));
    h.options.proxy = url;
    harness_client(&h);
    pomex_operation *op = ask(&h, WAIT);
    harness_finish(&h, op);
    const pomex_error *error = pomex_operation_error(op);
    assert_string_equal(error->type, "connection_error");
    assert_true(error->proxy);
    assert_non_null(strstr(error->message, "the proxy's certificate"));
    pomex_operation_release(op);
    fault_server_stop(proxy);
    unlink(other);
    harness_stop(&h);
}

/* The looks for an upload in doubt go through the same proxy. */
TEST_CASE(an_upload_in_doubt)
{
    char url[64];
    harness h;
    harness_start(&h, NULL, 0, true);
    const fault_step lost = {.kind = FAULT_CLOSE};
    const fault_step way[] = {
        {.kind = FAULT_TUNNEL, .times = 1, .port = fault_server_port(h.server)},
        {.status = 407, .headers = REALM},
    };
    harness_script(&h, &lost, 1);
    fault_server *proxy = fault_server_start(way, 2, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", fault_server_port(proxy));
    h.options.proxy = url;
    harness_client(&h);
    pomex_operation *op = ask(&h, UPLOAD);
    harness_finish(&h, op);
    assert_string_equal(pomex_operation_error(op)->type, "ambiguous_error");
    assert_int_equal(fault_server_count(proxy, "CONNECT"), 2);
    pomex_operation_release(op);
    fault_server_stop(proxy);
    harness_stop(&h);
}
