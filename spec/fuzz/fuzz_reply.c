/* What a server may answer to every call: the whole client, over loopback, on a clock that this
 * program moves. The first byte of an input chooses the call, the rest is what the server
 * sends; a line "%%%%" ends one answer, and the connection, and begins that of the next. */
#include "pomex.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEY       "sk-fuzz-k3y-th4t-no-server-kn0ws"
#define SEPARATOR "%%%%\n"
#define ROUNDS    5000
#define SECOND    INT64_C(1000000000)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int listener = -1;
static int port;
static char path[64];
static int64_t ticks = SECOND;

struct server {
    const char *next; /* what is yet to be sent */
    const char *end;
    int fd; /* -1: nobody is connected */
    char request[4096];
    size_t got;
    int billed;      /* generation POSTs that came */
    bool may_repeat; /* every answer so far said 429 or 503 */
};

static void must(bool held, const char *what)
{
    if (held)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

static int64_t clock_of(void *user, enum pomex_clock_kind kind)
{
    (void)user;
    return kind == POMEX_CLOCK_WALL ? ticks + INT64_C(1790000000) * SECOND : ticks;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    must(bind(listener, (struct sockaddr *)&address, sizeof address) == 0, "bind");
    must(listen(listener, 64) == 0, "listen");
    must(getsockname(listener, (struct sockaddr *)&address, &length) == 0, "getsockname");
    port = ntohs(address.sin_port);
    snprintf(path, sizeof path, "%s/pomex-fuzz-%d.mp4", P_tmpdir, (int)getpid());
    return 0;
}

/* The next answer, up to the separator. */
static const char *next_answer(struct server *s, size_t *length)
{
    const char *begin = s->next;
    const char *end = memmem(begin, (size_t)(s->end - begin), SEPARATOR, sizeof SEPARATOR - 1);
    *length = (size_t)((end ? end : s->end) - begin);
    s->next = end ? end + sizeof SEPARATOR - 1 : s->end;
    return begin;
}

static void answer(struct server *s)
{
    size_t length;
    const char *text = next_answer(s, &length);
    bool refusal = memmem(text, length, " 429", 4) || memmem(text, length, " 503", 4);
    if (strncmp(s->request, "POST /v1/video/generations ", 27) == 0) {
        s->billed++;
        must(s->billed == 1 || s->may_repeat, "a billed request was sent again");
        s->may_repeat = refusal;
    }
    while (length > 0) {
        ssize_t sent = send(s->fd, text, length, MSG_NOSIGNAL);
        if (sent <= 0)
            break;
        text += sent;
        length -= (size_t)sent;
    }
    close(s->fd);
    s->fd = -1;
}

static bool request_is_whole(struct server *s)
{
    s->request[s->got] = '\0';
    const char *body = strstr(s->request, "\r\n\r\n");
    const char *length = strcasestr(s->request, "\r\nContent-Length: ");
    size_t wanted = length ? strtoul(length + 18, NULL, 10) : 0;
    return body && s->got >= (size_t)(body + 4 - s->request) + wanted;
}

/* Whether anything happened. */
static bool serve(struct server *s)
{
    if (s->fd < 0)
        s->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (s->fd < 0)
        return false;
    ssize_t got = recv(s->fd, s->request + s->got, sizeof s->request - 1 - s->got, 0);
    if (got > 0)
        s->got += (size_t)got;
    if (got == 0) {
        close(s->fd);
        s->fd = -1;
        s->got = 0;
    } else if (s->got > 0 && request_is_whole(s)) {
        s->got = 0;
        answer(s);
    }
    return got >= 0;
}

static pomex_operation *begin(pomex_client *client, unsigned which)
{
    static const char asset[] = "{\"url\":\"https://a.example/a.jpg\",\"asset_type\":\"Image\","
                                "\"group_id\":\"g\"}";
    static const char task[] =
        "{\"model\":\"m\",\"content\":[{\"type\":\"text\",\"text\":\"t\"}]}";
    static const char session[] = "{\"callback_url\":\"https://a.example/\",\"lang\":\"en\"}";
    pomex_call_options o;
    pomex_call_options_init(&o);
    o.updates = true;
    o.progress = true;
    json_t *body = NULL;
    pomex_operation *op = NULL;
    char link[64];
    snprintf(link, sizeof link, "http://127.0.0.1:%d/v.mp4", port);
    switch (which % 9) {
    case 0:
        body = json_loads(session, 0, NULL);
        op = pomex_client_call(client, POMEX_SESSION_CREATE, NULL, 0, body, &o);
        break;
    case 1:
        body = json_loads(asset, 0, NULL);
        op = pomex_client_call(client, POMEX_ASSET_CREATE, NULL, 0, body, &o);
        break;
    case 2:
        return pomex_client_call(client, POMEX_ASSET_GET, "a", 1, NULL, &o);
    case 3:
        return pomex_client_call(client, POMEX_ASSET_LIST, NULL, 0, NULL, &o);
    case 4:
        body = json_loads(task, 0, NULL);
        op = pomex_client_call(client, POMEX_GENERATION_CREATE, NULL, 0, body, &o);
        break;
    case 5:
        return pomex_client_wait(client, POMEX_ASSET_GET, "a", 1, &o);
    case 6:
        return pomex_client_wait(client, POMEX_GENERATION_GET, "t", 1, &o);
    case 7:
        return pomex_client_download(client, "t", 1, link, path, &o);
    default:
        return pomex_client_request(client, "GET", "/v1/x", NULL, NULL, NULL, &o);
    }
    json_decref(body);
    return op;
}

static void no_key(const char *text)
{
    must(!text || !strstr(text, KEY), "the key stands in an error");
}

static void judge(const pomex_operation *op, unsigned which)
{
    const pomex_error *error = pomex_operation_error(op);
    bool there = access(path, F_OK) == 0;
    must(pomex_operation_done(op), "an operation that does not end");
    if (error) {
        must(error->type && error->message, "an error that says nothing");
        no_key(error->message);
        no_key(error->hint);
        no_key(error->body);
        no_key(error->object);
    }
    must(!there || (which % 9 == 7 && !error), "a file without a success");
    must(which % 9 != 7 || there == !error, "a success without a file");
}

static void drive(pomex_client *client, struct server *s, const pomex_operation *op)
{
    int ends = 0, quiet = 0;
    for (int round = 0; round < ROUNDS && !ends; round++) {
        unsigned news;
        const pomex_operation *told;
        pomex_client_step(client, 0);
        while ((told = pomex_client_next(client, &news)))
            ends += told == op && (news & POMEX_NEWS_DONE);
        quiet = serve(s) ? 0 : quiet + 1;
        if (quiet > 2) {
            double due = pomex_client_timeout(client);
            ticks += due > 0.001 ? (int64_t)(due * 1e9) + 1 : SECOND / 1000;
        }
    }
    must(ends == 1, "an operation that does not report its end once");
}

/* libcurl 7.88 appends a folded line that begins an answer to a header that it has freed (curl
 * #11101). The service can do that to handles that are used again, and nobody else. */
static bool is_known(const uint8_t *data, size_t size)
{
    return data[0] % 9 != 7 && (memmem(data, size, "\n ", 2) || memmem(data, size, "\n\t", 2));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || is_known(data, size))
        return 0;
    struct server s = {(const char *)data + 1, (const char *)data + size, -1, {0}, 0, 0, false};
    pomex_options options;
    pomex_error *error = NULL;
    char base[64];
    snprintf(base, sizeof base, "http://127.0.0.1:%d", port);
    pomex_options_init(&options);
    options.api_key = KEY;
    options.base_url = base;
    options.clock = clock_of;
    options.events = true;
    memset(options.rate_limits, 0, sizeof options.rate_limits);
    pomex_client *client = pomex_client_new(&options, &error);
    must(client != NULL, "no client");
    unlink(path);
    pomex_operation *op = begin(client, data[0]);
    must(op != NULL, "no operation");
    drive(client, &s, op);
    judge(op, data[0]);
    pomex_operation_release(op);
    pomex_client_free(client);
    if (s.fd >= 0)
        close(s.fd);
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;)
        close(fd);
    char part[80];
    unlink(path);
    snprintf(part, sizeof part, "%s.part", path);
    unlink(part);
    snprintf(part, sizeof part, "%s.part.note", path);
    unlink(part);
    return 0;
}
