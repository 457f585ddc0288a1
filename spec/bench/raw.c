/* What pomex is measured against: GETs by libcurl's multi interface, handles reused, nothing
 * read of the answers.
 *   raw perform|epoll URL KEY REQUESTS IN_FLIGHT [CA_FILE] -> "requests/s CPU-µs/request"
 * `perform` waits by curl_multi_poll. `epoll` waits as a client must whose host watches one
 * descriptor: curl_multi_socket_action and an epoll set in which the sockets stay registered. */
#include "measure.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS  128
#define SOCKETS 4096

static int epoll_fd = -1;
static double due = -1; /* when libcurl wants to be called; negative: not */
static uint32_t wanted[SOCKETS], registered[SOCKETS];

static void watch(curl_socket_t fd)
{
    struct epoll_event event = {.events = wanted[fd], .data.fd = fd};
    if (epoll_ctl(epoll_fd, registered[fd] ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0)
        abort();
    registered[fd] = wanted[fd];
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *own)
{
    (void)easy;
    (void)user;
    (void)own;
    if (fd >= SOCKETS)
        abort();
    wanted[fd] = what == CURL_POLL_REMOVE ? 0
                                          : (what & CURL_POLL_IN ? EPOLLIN : 0u) |
                                                (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    if (wanted[fd] && wanted[fd] != registered[fd])
        watch(fd);
    return 0;
}

static int on_close(void *user, curl_socket_t fd)
{
    (void)user;
    wanted[fd] = registered[fd] = 0;
    return close(fd);
}

static int on_timer(CURLM *multi, long ms, void *user)
{
    (void)multi;
    (void)user;
    due = ms < 0 ? -1 : measure_now() + (double)ms / 1e3;
    return 0;
}

static void turn_epoll(CURLM *multi)
{
    static struct epoll_event ready[EVENTS];
    int running;
    double left = due < 0 ? 1 : due - measure_now();
    int count = epoll_wait(epoll_fd, ready, EVENTS, left > 0 ? (int)(left * 1e3) + 1 : 0);
    for (int i = 0; i < count; i++) {
        int fd = ready[i].data.fd;
        int bits = (ready[i].events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) |
                   (ready[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (ready[i].events & EPOLLERR ? CURL_CSELECT_ERR : 0);
        if (wanted[fd]) {
            curl_multi_socket_action(multi, fd, bits, &running);
        } else { /* the server closed an idle connection */
            epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, &ready[i]);
            registered[fd] = 0;
        }
    }
    if (due >= 0 && due <= measure_now()) {
        due = -1;
        curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
}

static void turn_perform(CURLM *multi)
{
    int running;
    curl_multi_poll(multi, NULL, 0, 1000, NULL);
    curl_multi_perform(multi, &running);
}

static size_t swallow(char *bytes, size_t size, size_t count, void *user)
{
    (void)bytes;
    *(size_t *)user += size * count;
    return size * count;
}

static CURL *make(char **argv, int argc, struct curl_slist *headers, size_t *bytes)
{
    CURL *easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, argv[2]);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, bytes);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    if (argc > 6) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, argv[6]);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    return easy;
}

int main(int argc, char **argv)
{
    if (argc < 6)
        return 2;
    char line[512];
    long total = atol(argv[4]), flight = atol(argv[5]), started = 0, ended = 0, failed = 0;
    size_t bytes = 0;
    snprintf(line, sizeof line, "Authorization: Bearer %s", argv[3]);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct curl_slist *headers = curl_slist_append(NULL, line);
    CURLM *multi = curl_multi_init();
    void (*turn)(CURLM *) = turn_perform;
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, flight + 8);
    if (strcmp(argv[1], "epoll") == 0) {
        turn = turn_epoll;
        epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
        curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    }
    double begin = measure_now(), used = measure_cpu();
    for (; started < flight && started < total; started++)
        curl_multi_add_handle(multi, make(argv, argc, headers, &bytes));
    while (ended < total) {
        int left;
        CURLMsg *message;
        turn(multi);
        while ((message = curl_multi_info_read(multi, &left))) {
            CURL *easy = message->easy_handle;
            long status = 0;
            curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
            failed += message->data.result != CURLE_OK || status != 200;
            ended++;
            curl_multi_remove_handle(multi, easy);
            if (started < total) {
                started++;
                curl_multi_add_handle(multi, easy);
            } else {
                curl_easy_cleanup(easy);
            }
        }
    }
    double seconds = measure_now() - begin;
    used = measure_cpu() - used;
    printf("%.1f %.2f\n", (double)total / seconds, used * 1e6 / (double)total);
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
    curl_global_cleanup();
    return failed ? 1 : 0;
}
