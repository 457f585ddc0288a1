/* The way between the workers and their database, which breaks:
 *
 *   jobs_relay --to PORT --seed N --share PERCENT --control FIFO --log FILE
 *
 * prints its port, and ends with its standard input. Of the messages that end in COMMIT a share is
 * struck, by chance: it goes and its answer is lost ("after"), it never comes ("before"), half of it
 * comes ("half"), or the connection dies and the message comes 1.5 s later ("late"). Lines of the
 * FIFO: "cut" ends all connections, "hold S" lets nothing through for S seconds, "to PORT" goes
 * elsewhere from now on. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { WAYS = 128, PIECE = 65536, LATE_MS = 1500 };

/* One connection; its message that is kept back is sent at `due`. */
typedef struct way {
    int client, server; /* -1: none */
    bool deaf;          /* what the server answers is lost */
    char *kept;
    size_t length;
    int64_t due;
} way;

static struct {
    way ways[WAYS];
    int listener, control, port;
    unsigned seed;
    unsigned share;
    int64_t held_until;
    FILE *log;
} relay;

static int64_t now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

static int chance(int below)
{
    return rand_r(&relay.seed) % below;
}

static void say(const char *what)
{
    fprintf(relay.log, "%s\n", what);
    fflush(relay.log);
}

/* With a reset, so that nothing that was not read yet is read. */
static void hang_up(int *fd)
{
    static const struct linger none = {.l_onoff = 1};
    if (*fd < 0)
        return;
    setsockopt(*fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close(*fd);
    *fd = -1;
}

static void end(way *w)
{
    hang_up(&w->client);
    hang_up(&w->server);
    free(w->kept);
    *w = (way){.client = -1, .server = -1};
}

static struct sockaddr_in loopback(int port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return at;
}

static void take(void)
{
    struct sockaddr_in at = loopback(relay.port);
    int client = accept4(relay.listener, NULL, NULL, SOCK_CLOEXEC);
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    way *free_one = NULL;
    for (int i = 0; i < WAYS && !free_one; i++)
        free_one = relay.ways[i].client < 0 && relay.ways[i].server < 0 ? &relay.ways[i] : NULL;
    if (client < 0 || server < 0 || !free_one ||
        connect(server, (struct sockaddr *)&at, sizeof at) != 0) {
        hang_up(&client);
        hang_up(&server);
        return;
    }
    *free_one = (way){.client = client, .server = server};
}

static bool send_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

/* What the client says. A message of the store's is a text that ends in a COMMIT, and perhaps in a
 * question about the log behind it. */
static void forward(way *w, char *bytes, size_t length)
{
    bool commits = memmem(bytes, length, "COMMIT", 6) != NULL;
    int kind = commits && chance(100) < (int)relay.share ? chance(4) : -1;
    if (kind == 1) {
        say("before");
        end(w);
        return;
    }
    if (kind == 3) {
        say("late");
        w->kept = malloc(length);
        if (!w->kept)
            abort();
        memcpy(w->kept, bytes, length);
        w->length = length;
        w->due = now() + LATE_MS;
        hang_up(&w->client);
        return;
    }
    if (!send_all(w->server, bytes, kind == 2 ? length / 2 : length)) {
        end(w);
    } else if (kind == 2) {
        say("half");
        end(w);
    } else if (kind == 0) {
        say("after");
        w->deaf = true;
    }
}

static void readable(way *w, bool of_client)
{
    static char bytes[PIECE];
    ssize_t length = recv(of_client ? w->client : w->server, bytes, sizeof bytes, MSG_DONTWAIT);
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (length <= 0)
        end(w);
    else if (of_client)
        forward(w, bytes, (size_t)length);
    else if (w->deaf || w->client < 0 || !send_all(w->client, bytes, (size_t)length))
        end(w);
}

static void obey(void)
{
    char lines[256], *rest = lines, *line;
    ssize_t length = read(relay.control, lines, sizeof lines - 1);
    if (length <= 0)
        return;
    lines[length] = '\0';
    while ((line = strsep(&rest, "\n"))) {
        if (strncmp(line, "to ", 3) == 0)
            relay.port = atoi(line + 3);
        if (strncmp(line, "hold ", 5) == 0)
            relay.held_until = now() + atoi(line + 5) * 1000;
        for (int i = 0; (strcmp(line, "cut") == 0 || strncmp(line, "to ", 3) == 0) && i < WAYS;
             i++)
            end(&relay.ways[i]);
        if (*line)
            say(line);
    }
}

/* One turn of the loop. False: standard input has ended. */
static bool turn(void)
{
    struct pollfd fds[3 + 2 * WAYS] = {{.fd = 0, .events = POLLIN},
                                       {.fd = relay.control, .events = POLLIN}};
    bool held = now() < relay.held_until;
    fds[2] = (struct pollfd){.fd = held ? -1 : relay.listener, .events = POLLIN};
    for (int i = 0; i < WAYS; i++) {
        way *w = &relay.ways[i];
        fds[3 + 2 * i] = (struct pollfd){.fd = held ? -1 : w->client, .events = POLLIN};
        fds[4 + 2 * i] = (struct pollfd){.fd = held ? -1 : w->server, .events = POLLIN};
    }
    poll(fds, 3 + 2 * WAYS, 50);
    if (fds[0].revents & (POLLHUP | POLLIN)) {
        char byte;
        if (read(0, &byte, 1) <= 0)
            return false;
    }
    if (fds[1].revents & POLLIN)
        obey();
    if (fds[2].revents & POLLIN)
        take();
    for (int i = 0; i < WAYS; i++) {
        way *w = &relay.ways[i];
        if (w->kept && now() >= w->due) {
            send_all(w->server, w->kept, w->length);
            free(w->kept);
            w->kept = NULL;
        }
        if (fds[3 + 2 * i].revents && w->client >= 0 && w->client == fds[3 + 2 * i].fd)
            readable(w, true);
        /* The answer to a message that came late is read, and goes nowhere. */
        if (fds[4 + 2 * i].revents && w->server >= 0 && w->server == fds[4 + 2 * i].fd)
            readable(w, false);
    }
    return true;
}

static bool listen_anywhere(void)
{
    struct sockaddr_in at = loopback(0);
    socklen_t size = sizeof at;
    relay.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(relay.listener, (struct sockaddr *)&at, size) != 0 ||
        listen(relay.listener, 64) != 0 ||
        getsockname(relay.listener, (struct sockaddr *)&at, &size) != 0)
        return false;
    printf("%d\n", ntohs(at.sin_port));
    return fflush(stdout) == 0;
}

int main(int count, char **words)
{
    const char *log = NULL, *control = NULL;
    for (int i = 1; i + 1 < count; i += 2) {
        if (strcmp(words[i], "--to") == 0)
            relay.port = atoi(words[i + 1]);
        else if (strcmp(words[i], "--seed") == 0)
            relay.seed = (unsigned)strtoul(words[i + 1], NULL, 10);
        else if (strcmp(words[i], "--share") == 0)
            relay.share = (unsigned)strtoul(words[i + 1], NULL, 10);
        else if (strcmp(words[i], "--control") == 0)
            control = words[i + 1];
        else if (strcmp(words[i], "--log") == 0)
            log = words[i + 1];
    }
    relay.log = log ? fopen(log, "we") : NULL;
    relay.control = control ? open(control, O_RDWR | O_NONBLOCK | O_CLOEXEC) : -1;
    if (!relay.log || relay.control < 0 || !relay.port) {
        fprintf(stderr, "usage: jobs_relay --to PORT --seed N --share PERCENT --control FIFO "
                        "--log FILE\n");
        return 2;
    }
    for (int i = 0; i < WAYS; i++)
        relay.ways[i] = (way){.client = -1, .server = -1};
    if (!listen_anywhere())
        return 1;
    while (turn())
        continue;
    return 0;
}
