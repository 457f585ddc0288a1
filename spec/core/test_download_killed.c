/* A process that downloads is killed at random bytes, again and again; so is the connection of
 * one that lives. What comes in the end is the file, byte for byte, and nothing but a whole
 * file ever has its name. POMEX_SEED repeats a run. */
#include "cmocka_all.h"

#include "itself.h"
#include "scene.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SIZE  ((size_t)50 * 1024 * 1024)
#define KILLS 200
#define ETAG  "\"50mb\""

static unsigned short seed[3];
static char *film; /* SIZE random bytes */

static size_t below(size_t bound)
{
    return (size_t)(erand48(seed) * (double)bound);
}

static void nap(long ns)
{
    const struct timespec t = {.tv_nsec = ns};
    nanosleep(&t, NULL);
}

/* ---------------------------------------------------------------------------------- server */

/* Serves the film, from any byte on, and stands still after `limit` bytes of one answer. */
static struct {
    int listener, port;
    pthread_t thread;
    pthread_mutex_t lock;
    size_t limit; /* of this answer */
    size_t sent;  /* of this answer */
    size_t total; /* of all */
    int resumed;  /* answers that were not from the start */
    bool key_came;
} server = {.lock = PTHREAD_MUTEX_INITIALIZER};

static size_t sent(void)
{
    pthread_mutex_lock(&server.lock);
    size_t count = server.sent;
    pthread_mutex_unlock(&server.lock);
    return count;
}

static void begin_answer(size_t limit)
{
    pthread_mutex_lock(&server.lock);
    server.limit = limit;
    server.sent = 0;
    pthread_mutex_unlock(&server.lock);
}

static size_t allowed(size_t left)
{
    pthread_mutex_lock(&server.lock);
    size_t count = server.limit - server.sent;
    pthread_mutex_unlock(&server.lock);
    count = count < left ? count : left;
    return count < 16384 ? count : 16384;
}

static void serve(int fd)
{
    char request[4096], head[256];
    size_t used = 0, at = 0;
    while (used + 1 < sizeof request) {
        ssize_t count = recv(fd, request + used, sizeof request - 1 - used, 0);
        if (count <= 0)
            return;
        used += (size_t)count;
        request[used] = '\0';
        if (strstr(request, "\r\n\r\n"))
            break;
    }
    const char *range = strstr(request, "Range: bytes=");
    if (range && strstr(request, "If-Range: " ETAG "\r\n"))
        at = strtoul(range + strlen("Range: bytes="), NULL, 10);
    pthread_mutex_lock(&server.lock);
    server.resumed += at > 0;
    server.key_came = server.key_came || strstr(request, "sk-test") != NULL;
    pthread_mutex_unlock(&server.lock);
    int length = snprintf(head, sizeof head,
                          "HTTP/1.1 %d Film\r\nContent-Length: %zu\r\nETag: " ETAG
                          "\r\nContent-Range: bytes %zu-%zu/%zu\r\n\r\n",
                          at ? 206 : 200, SIZE - at, at, SIZE - 1, SIZE);
    if (send(fd, head, (size_t)length, MSG_NOSIGNAL) != length)
        return;
    while (at < SIZE) {
        size_t wanted = allowed(SIZE - at);
        char byte;
        if (wanted == 0) { /* until whoever asked is dead */
            recv(fd, &byte, 1, 0);
            return;
        }
        ssize_t count = send(fd, film + at, wanted, MSG_NOSIGNAL);
        if (count <= 0)
            return;
        at += (size_t)count;
        pthread_mutex_lock(&server.lock);
        server.sent += (size_t)count;
        server.total += (size_t)count;
        pthread_mutex_unlock(&server.lock);
    }
}

static void *accept_all(void *unused)
{
    for (int fd; (fd = accept(server.listener, NULL, NULL)) >= 0; close(fd))
        serve(fd);
    return unused;
}

static bool start_server(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t length = sizeof at;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool up = bind(server.listener, (struct sockaddr *)&at, sizeof at) == 0 &&
              listen(server.listener, 16) == 0 &&
              getsockname(server.listener, (struct sockaddr *)&at, &length) == 0;
    server.port = ntohs(at.sin_port);
    return up && pthread_create(&server.thread, NULL, accept_all, NULL) == 0;
}

/* -------------------------------------------------------------------------------- download */

/* What the killed process does: downloads `link` to `path`; the exit status. */
static int download(const char *base_url, const char *path)
{
    char link[96];
    pomex_options options;
    pomex_call_options call;
    pomex_error *error = NULL;
    unsigned news;
    snprintf(link, sizeof link, "%s/v.mp4", base_url);
    pomex_options_init(&options);
    options.api_key = "sk-test-key";
    options.base_url = base_url;
    options.proxy = "";
    pomex_client *client = pomex_client_new(&options, &error);
    if (!client)
        return 2;
    pomex_call_options_init(&call);
    pomex_operation *op = pomex_client_download(client, "cgt-1", 5, link, path, &call);
    while (op && !pomex_operation_done(op)) {
        pomex_client_step(client, 0);
        while (pomex_client_next(client, &news))
            ;
        pomex_client_poll(client, 1);
    }
    const pomex_error *failed = op ? pomex_operation_error(op) : NULL;
    if (failed)
        fprintf(stderr, "%s: %s\n", failed->type, failed->message);
    int status = op && !failed ? 0 : 1;
    pomex_operation_release(op);
    pomex_client_free(client);
    return status;
}

static pid_t begin_download(const char *path)
{
    char base_url[64];
    snprintf(base_url, sizeof base_url, "http://127.0.0.1:%d", server.port);
    pid_t child = fork();
    if (child == 0) {
        itself_become((const char *const[]){"download", base_url, path, NULL});
        _exit(3);
    }
    assert_true(child > 0);
    return child;
}

static bool is_whole(const char *path)
{
    FILE *file = fopen(path, "r");
    char *bytes = malloc(SIZE + 1);
    assert_non_null(file);
    assert_non_null(bytes);
    size_t count = fread(bytes, 1, SIZE + 1, file);
    fclose(file);
    bool same = count == SIZE && memcmp(bytes, film, SIZE) == 0;
    free(bytes);
    return same;
}

/* Kills the download when the server has sent that many bytes, or a little later; whether it
 * had ended before. */
static bool kill_at(const char *path, size_t bytes)
{
    int status = 0;
    begin_answer(bytes);
    pid_t child = begin_download(path);
    bool ended = false;
    for (int i = 0; i < 20000 && sent() < bytes && !ended; i++) {
        nap(500000);
        ended = waitpid(child, &status, WNOHANG) == child;
    }
    nap((long)below(3000000));
    if (!ended) {
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
    }
    if (WIFEXITED(status)) {
        assert_int_equal(WEXITSTATUS(status), 0);
        return true;
    }
    return false;
}

TEST_CASE(a_process_killed_at_random_bytes)
{
    char folder[] = "/tmp/pomex-kill-XXXXXX", path[64], part[72], note[80];
    int status = 1;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/out.mp4", folder);
    snprintf(part, sizeof part, "%s.part", path);
    snprintf(note, sizeof note, "%s.note", part);
    for (int i = 0; i < KILLS; i++) {
        assert_false(kill_at(path, below(SIZE / KILLS * 2 * 8 / 10)));
        assert_false(scene_exists(path));
    }
    struct stat half;
    assert_int_equal(stat(part, &half), 0);
    print_message("%d kills: %d answers went on, %zu of %zu MB sent, %zu kept\n", KILLS,
                  server.resumed, server.total >> 20, SIZE >> 20, (size_t)half.st_size >> 20);
    assert_true(server.resumed > KILLS * 3 / 4);
    begin_answer(SIZE);
    pid_t last = begin_download(path);
    assert_int_equal(waitpid(last, &status, 0), last);
    assert_int_equal(status, 0);
    assert_true(is_whole(path));
    assert_false(scene_exists(part));
    assert_false(scene_exists(note));
    assert_true(server.total <= 2 * SIZE);
    /* Around the very end it is there whole, or not at all. */
    for (int i = 0; i < 8; i++) {
        unlink(path);
        for (int tries = 0; !scene_exists(path); tries++) {
            kill_at(path, SIZE - below(2) * 1000);
            assert_true(tries < 20);
            if (tries > 10)
                kill_at(path, SIZE + 1);
        }
        assert_true(is_whole(path));
    }
    assert_false(server.key_came);
    unlink(path);
    unlink(part);
    unlink(note);
    assert_int_equal(rmdir(folder), 0);
}

/* The connection breaks at random bytes, often too soon to be called progress: the download is
 * then begun again by its caller. */
TEST_CASE(a_connection_cut_at_random_bytes)
{
    static fault_step steps[KILLS + 1];
    static char headers[KILLS + 1][128];
    const size_t size = 4 * 1024 * 1024;
    size_t at = 0;
    int begun = 0;
    scene s;
    for (int i = 0; i <= KILLS; i++) {
        size_t cut = i == KILLS ? size - at : below(2 * (size - at) / (size_t)(KILLS + 1 - i));
        snprintf(headers[i], sizeof headers[i],
                 "ETag: " ETAG "\r\nContent-Range: bytes %zu-%zu/%zu\r\n", at, size - 1, size);
        steps[i] = (fault_step){.times = 1,
                                .kind = i == KILLS ? FAULT_ANSWER : FAULT_TRUNCATE,
                                .status = at ? 206 : 200,
                                .headers = headers[i],
                                .body = film + at,
                                .size = size - at,
                                .cut = cut};
        at += cut;
    }
    scene_start(&s, steps, KILLS + 1);
    for (bool saved = false; !saved; begun++) {
        assert_true(begun <= KILLS);
        pomex_operation *op = scene_download(&s, s.link);
        harness_finish(&s.h, op);
        const pomex_error *error = pomex_operation_error(op);
        saved = !error;
        assert_int_equal(scene_exists(s.path), saved);
        if (error)
            assert_string_equal(error->type, "connection_error");
        pomex_operation_release(op);
    }
    assert_int_equal(fault_server_count(s.h.server, NULL), KILLS + 1);
    print_message("%d cuts, %d downloads\n", KILLS, begun);
    char *bytes = malloc(size + 1);
    FILE *file = fopen(s.path, "r");
    assert_non_null(bytes);
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, size + 1, file), size);
    fclose(file);
    assert_memory_equal(bytes, film, size);
    free(bytes);
    scene_stop(&s);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "download") == 0)
        return download(argv[2], argv[3]);
    const char *given = getenv("POMEX_SEED");
    long number = given ? atol(given) : (long)time(NULL);
    memcpy(seed, &number, sizeof seed);
    printf("POMEX_SEED=%ld\n", number);
    film = malloc(SIZE);
    if (!film || !start_server())
        return 1;
    for (size_t i = 0; i + 4 <= SIZE; i += 4) {
        uint32_t bits = (uint32_t)jrand48(seed);
        memcpy(film + i, &bits, 4);
    }
    int failed = tests_run(NULL, NULL);
    shutdown(server.listener, SHUT_RDWR);
    pthread_join(server.thread, NULL);
    close(server.listener);
    free(film);
    return failed;
}
