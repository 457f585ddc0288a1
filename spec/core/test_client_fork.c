/* A client and the children of its process. */
#include "cmocka_all.h"

#include "harness.h"

#include <curl/curl.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define GOOD "{\"id\":\"asset-1\",\"status\":\"active\"}"

#define FIRST  "GET /v1/video/assets/asset-1"
#define SECOND "GET /v1/video/assets/asset-2"

static void child_said(pid_t child, int expected)
{
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), expected);
}

/* One call from begin to end, in a process that must not fail a test of its parent's. */
static bool calls_well(harness *h)
{
    pomex_operation *op = harness_call(h, POMEX_EFFECT_NONE);
    double end = harness_now() + 20;
    while (op && !pomex_operation_done(op) && harness_now() < end)
        harness_rest(h, 0.002);
    bool well = op && pomex_operation_done(op) && !pomex_operation_error(op);
    pomex_operation_release(op);
    return well;
}

TEST_CASE(one_made_before_works_in_every_child)
{
    static const fault_step step = {.body = GOOD};
    pid_t children[3];
    int gate[2];
    char byte;
    harness h;
    harness_start(&h, &step, 1, false);
    harness_client(&h);
    assert_int_equal(pipe(gate), 0);
    for (int i = 0; i < 3; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            close(gate[1]);
            bool well = read(gate[0], &byte, 1) == 0 && calls_well(&h);
            pomex_client_free(h.client);
            harness_leave(well);
        }
    }
    /* Not before the last fork: a thread of the server's that is busy might hold a lock of the
     * allocator's, which nobody would give back in the child. */
    close(gate[1]);
    close(gate[0]);
    assert_true(calls_well(&h));
    for (int i = 0; i < 3; i++)
        child_said(children[i], HARNESS_WELL);
    assert_int_equal(fault_server_count(h.server, NULL), 4);
    harness_stop(&h);
}

static bool refuses(pomex_client *client)
{
    pomex_call_options options;
    pomex_call_options_init(&options);
    const char *why = pomex_client_unusable(client);
    return why && strcmp(why, "used in another process") == 0 &&
           !pomex_client_call(client, POMEX_ASSET_GET, "a", 1, NULL, &options) &&
           !pomex_client_wait(client, POMEX_ASSET_GET, "a", 1, &options) &&
           !pomex_client_request(client, "GET", "/", NULL, NULL, NULL, &options) &&
           !pomex_client_download(client, "a", 1, NULL, "/tmp/never", &options) &&
           pomex_client_pollfd(client) == -1;
}

static int sockets_and_sets(void)
{
    char target[64], path[300];
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *entry;
    int count = 0;
    while (dir && (entry = readdir(dir))) {
        snprintf(path, sizeof path, "/proc/self/fd/%s", entry->d_name);
        ssize_t length = readlink(path, target, sizeof target - 1);
        target[length > 0 ? length : 0] = '\0';
        count += strstr(target, "eventpoll") != NULL || strstr(target, "timerfd") != NULL ||
                 strstr(target, "eventfd") != NULL;
    }
    closedir(dir);
    return count;
}

/* The child of a used client may ask, close, and free; its parent's calls go on as before,
 * since nothing of what they share is unregistered. */
TEST_CASE(a_used_one_refuses_in_a_child)
{
    static const fault_step steps[] = {{.match = FIRST, .times = 1, .body = GOOD},
                                       {.match = FIRST, .times = 1, .body = GOOD, .delay = 1.0},
                                       {.body = GOOD}};
    /* What libcurl itself wakes its multi handle with (newer ones: an eventfd) is not ours to close
     * in a child. */
    int none = sockets_and_sets();
    CURLM *multi = curl_multi_init();
    assert_non_null(multi);
    int libcurls = sockets_and_sets() - none;
    curl_multi_cleanup(multi);
    for (int way = 0; way < 3; way++) {
        harness h;
        harness_start(&h, steps, 3, false);
        harness_client(&h);
        int before = sockets_and_sets() + libcurls;
        assert_true(calls_well(&h)); /* leaves a kept-alive connection */
        pomex_operation *op = harness_call(&h, POMEX_EFFECT_NONE);
        pomex_operation *wait = NULL;
        pomex_call_options options;
        pomex_call_options_init(&options);
        wait = pomex_client_wait(h.client, POMEX_ASSET_GET, "asset-2", 7, &options);
        /* The server's threads wait: one that is busy might hold a lock of the allocator's. */
        harness_arrived(&h, NULL, 3);
        harness_answered(&h, SECOND, 1);
        pid_t child = fork();
        if (child == 0) {
            bool well = refuses(h.client) && pomex_client_step(h.client, 0) > 0;
            if (way == 0)
                pomex_client_close(h.client);
            if (way == 0 || way == 1)
                pomex_client_free(h.client);
            if (way < 2) {
                well = well && pomex_operation_done(op) && pomex_operation_error(op);
                well = well && sockets_and_sets() == before;
            }
            pomex_operation_release(op);
            pomex_operation_release(wait);
            harness_leave(well);
        }
        child_said(child, HARNESS_WELL);
        harness_finish(&h, op);
        assert_null(pomex_operation_error(op));
        harness_finish(&h, wait);
        assert_null(pomex_operation_error(wait));
        assert_true(calls_well(&h));
        assert_int_equal(fault_server_connections(h.server), 2);
        pomex_operation_release(op);
        pomex_operation_release(wait);
        harness_stop(&h);
    }
}

/* A part that is being written belongs to the parent. */
TEST_CASE(a_child_leaves_its_parents_download_alone)
{
    static const fault_step step = {
        .kind = FAULT_DRIP, .body = "0123456789", .delay = 0.05, .headers = "ETag: \"a\"\r\n"};
    char folder[] = "/tmp/pomex-fork-XXXXXX", path[64], link[96];
    pomex_call_options options;
    int64_t done = 0, total = 0;
    harness h;
    harness_start(&h, &step, 1, false);
    harness_client(&h);
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/v.mp4", folder);
    snprintf(link, sizeof link, "%s/v.mp4", h.base_url);
    pomex_call_options_init(&options);
    pomex_operation *op = pomex_client_download(h.client, "cgt-1", 5, link, path, &options);
    while (done < 2) {
        harness_rest(&h, 0.01);
        pomex_operation_progress(op, &done, &total);
    }
    pid_t child = fork();
    if (child == 0) {
        pomex_client_free(h.client);
        pomex_operation_release(op);
        harness_leave(true);
    }
    child_said(child, HARNESS_WELL);
    harness_finish(&h, op);
    assert_null(pomex_operation_error(op));
    assert_int_equal(fault_server_count(h.server, NULL), 1);
    assert_int_equal(access(path, R_OK), 0);
    pomex_operation_release(op);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
    harness_stop(&h);
}

/* In a child: gives up the server's ends of all connections, so that they close when the server
 * says so, and keeps the client's. How many it keeps. */
static int keep_the_clients_ends(int port)
{
    int kept = 0;
    for (int fd = 3; fd < 256; fd++) {
        struct sockaddr_in here = {0}, there = {0};
        socklen_t size = sizeof here;
        if (getsockname(fd, (struct sockaddr *)&here, &size) != 0 || here.sin_family != AF_INET)
            continue;
        size = sizeof there;
        if (ntohs(here.sin_port) == port)
            close(fd);
        else
            kept += getpeername(fd, (struct sockaddr *)&there, &size) == 0 &&
                    ntohs(there.sin_port) == port;
    }
    return kept;
}

/* A connection that is closed while a child has a copy of it is not closed to the kernel: it
 * stays in the epoll set, ready for ever, unless it was taken out before. */
TEST_CASE(a_copy_in_a_child_does_not_keep_the_parent_awake)
{
    static const fault_step steps[] = {{.match = "GET", .kind = FAULT_CLOSE, .delay = 0.4},
                                       {.match = "POST", .kind = FAULT_CLOSE, .delay = 0.4}};
    static const enum pomex_effect effects[] = {POMEX_EFFECT_NONE, POMEX_EFFECT_BILLED};
    for (size_t way = 0; way < 2; way++) {
        int gate[2], wakes = 0;
        char byte;
        unsigned news;
        harness h;
        harness_start(&h, steps, 2, false);
        h.options.clock = NULL;
        h.options.max_retries = 0;
        harness_client(&h);
        assert_int_equal(pipe(gate), 0);
        pomex_operation *op = harness_call(&h, effects[way]);
        harness_arrived(&h, NULL, 1);
        pid_t child = fork();
        if (child == 0) {
            close(gate[1]);
            bool well = keep_the_clients_ends(fault_server_port(h.server)) == 1;
            harness_leave(well && read(gate[0], &byte, 1) == 0);
        }
        close(gate[0]);
        harness_finish(&h, op);
        assert_non_null(pomex_operation_error(op));
        pomex_operation_release(op);
        for (double end = harness_now() + 0.5; harness_now() < end; wakes++) {
            pomex_client_poll(h.client, end - harness_now());
            pomex_client_step(h.client, 0);
            while (pomex_client_next(h.client, &news)) {
            }
        }
        assert_in_range(wakes, 1, 10);
        close(gate[1]);
        child_said(child, HARNESS_WELL);
        harness_stop(&h);
    }
}
