/* What anybody may send to the sandbox: bytes on a loopback connection, many requests' worth.
 * The key and the token in the corpus are right, so that what lies behind them is reached. */
#include "sandbox/program/life.h"

#include <arpa/inet.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define KEY          "sk-fuzz"
#define TOKEN        "fuzz"
#define STATED_PORT  8765 /* what "Host:" says in the corpus, whichever port is bound */
#define RUNS_A_STORE 500

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static pomex_sb sandbox;
static int port;
static int runs;
static int alarm_fd = -1;

static void must(bool held, const char *what)
{
    if (held)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

static void begin(void)
{
    char key[64];
    pomex_sb_options options;
    pomex_sb_options_init(&options);
    options.port = 0;
    options.key = KEY;
    memset(options.config.limits, 0, sizeof options.config.limits);
    memset(&sandbox, 0, sizeof sandbox);
    must(pomex_sb_life_begin(&sandbox, &options, key, sizeof key), "it did not begin");
    snprintf(sandbox.token, sizeof sandbox.token, TOKEN);
    port = sandbox.server.port;
    sandbox.server.port = STATED_PORT;
}

static int connect_to(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), room = 4 << 20;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    must(connect(fd, (struct sockaddr *)&address, sizeof address) == 0, "no connection");
    return fd;
}

/* Serves until the connection ended or, since an answer may be delayed on request, 50 ms have
 * passed; whether it ended. */
static bool serve(int fd)
{
    static char dropped[1 << 16];
    struct itimerspec spec = {.it_value.tv_nsec = 50000000};
    int either = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd}, found;
    epoll_ctl(either, EPOLL_CTL_ADD, fd, &event);
    event.data.fd = alarm_fd;
    epoll_ctl(either, EPOLL_CTL_ADD, alarm_fd, &event);
    timerfd_settime(alarm_fd, 0, &spec, NULL);
    bool ended = false, late = false;
    while (!ended && !late) {
        pomex_sb_server_run(&sandbox.server, either, -1);
        while (!ended && !late && epoll_wait(either, &found, 1, 0) == 1) {
            late = found.data.fd == alarm_fd;
            ended = !late && recv(fd, dropped, sizeof dropped, MSG_DONTWAIT) <= 0;
        }
    }
    close(either);
    return ended;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (alarm_fd < 0) {
        signal(SIGPIPE, SIG_IGN);
        setlocale(LC_CTYPE, "C.UTF-8");
        alarm_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    }
    if (!sandbox.server.daemon)
        begin();
    int fd = connect_to();
    send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    shutdown(fd, SHUT_WR);
    bool ended = serve(fd);
    /* By a reset: thousands of connections a second would use up all ports in TIME_WAIT. */
    struct linger none = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close(fd);
    /* One that is left hanging must bring nothing down, nor must a restart. */
    if (!ended || ++runs % RUNS_A_STORE == 0)
        pomex_sb_life_end(&sandbox);
    return 0;
}
