#include "sandbox.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_ARGUMENTS 32
#define PATIENCE      20000 /* ms */

static const char *binary(void)
{
    const char *named = getenv("POMEX_SANDBOX_BIN");
    return named ? named : POMEX_SANDBOX_BUILT;
}

/* The first line that it prints; false if none comes. */
static bool read_hello(sandbox *sb, int output)
{
    char line[1024] = "";
    size_t used = 0;
    struct pollfd fd = {.fd = output, .events = POLLIN};
    while (used < sizeof line - 1 && !memchr(line, '\n', used)) {
        if (poll(&fd, 1, PATIENCE) <= 0)
            return false;
        ssize_t count = read(output, line + used, sizeof line - 1 - used);
        if (count <= 0)
            return false;
        used += (size_t)count;
    }
    json_t *hello = json_loadb(line, used, 0, NULL);
    const char *url = json_string_value(json_object_get(hello, "url"));
    const char *key = json_string_value(json_object_get(hello, "key"));
    const char *token = json_string_value(json_object_get(hello, "token"));
    if (url && key && token) {
        sb->port = atoi(strrchr(url, ':') + 1);
        snprintf(sb->key, sizeof sb->key, "%s", key);
        snprintf(sb->token, sizeof sb->token, "%s", token);
    } else {
        fprintf(stderr, "sandbox: %.*s", (int)used, line);
    }
    json_decref(hello);
    return url && key && token;
}

static _Noreturn void become(int input, int output, char **list)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(input, 0);
    dup2(output, 1);
    execv(binary(), list);
    perror(binary());
    _exit(127);
}

static bool start(sandbox *sb, int port)
{
    char number[16];
    char *list[MAX_ARGUMENTS] = {"pomex-sandbox",        "--json", "--watch-stdin",   "--quiet",
                                 "--rate-limits",        "off",    "--asset-seconds", "0",
                                 "--generation-seconds", "0",      "--port",          number};
    int in[2] = {-1, -1}, out[2] = {-1, -1};
    size_t count = 12;
    snprintf(number, sizeof number, "%d", port);
    for (size_t i = 0; sb->arguments && sb->arguments[i] && count < MAX_ARGUMENTS - 1; i++)
        list[count++] = sb->arguments[i];
    if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0)
        return false;
    sb->pid = fork();
    if (sb->pid == 0)
        become(in[0], out[1], list);
    close(in[0]);
    close(out[1]);
    sb->input = in[1];
    bool begun = sb->pid > 0 && read_hello(sb, out[0]);
    close(out[0]);
    if (!begun)
        fprintf(stderr, "sandbox: %s did not start\n", binary());
    return begun;
}

bool sandbox_start(sandbox *sb, char *const *arguments)
{
    *sb = (sandbox){.arguments = arguments};
    return start(sb, 0);
}

bool sandbox_restart(sandbox *sb)
{
    return start(sb, sb->port);
}

static int end(sandbox *sb, int signal_number)
{
    int status = -1;
    if (sb->pid <= 0)
        return -1;
    kill(sb->pid, signal_number);
    close(sb->input);
    waitpid(sb->pid, &status, 0);
    sb->pid = 0;
    return status;
}

bool sandbox_stop(sandbox *sb)
{
    return end(sb, SIGTERM) == 0;
}

void sandbox_kill(sandbox *sb)
{
    end(sb, SIGKILL);
}

/* --------------------------------------------------------------------------------- asking */

static int connect_to(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool send_all(int fd, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t sent = send(fd, bytes, count, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        count -= (size_t)sent;
    }
    return true;
}

/* All until the end; the caller frees it. */
static char *read_all(int fd, size_t *length)
{
    size_t capacity = 1 << 16;
    char *bytes = malloc(capacity);
    ssize_t count = 1;
    for (*length = 0; bytes && count > 0; *length += count > 0 ? (size_t)count : 0) {
        if (*length == capacity) {
            char *grown = realloc(bytes, capacity *= 2);
            if (!grown)
                free(bytes);
            bytes = grown;
        }
        count = bytes ? recv(fd, bytes + *length, capacity - *length, 0) : 0;
    }
    return bytes;
}

json_t *sandbox_ask(const sandbox *sb, const char *method, const char *path, json_t *body)
{
    bool control = strncmp(path, "/_sandbox/", 10) == 0;
    char head[1024];
    size_t length = 0;
    char *text = body ? json_dumps(body, JSON_COMPACT) : strdup("");
    json_decref(body);
    int fd = connect_to(sb->port);
    int size = snprintf(head, sizeof head,
                        "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n"
                        "Content-Type: application/json\r\nContent-Length: %zu\r\n%s%s\r\n\r\n",
                        method, path, sb->port, text ? strlen(text) : 0,
                        control ? "X-Sandbox-Token: " : "Authorization: Bearer ",
                        control ? sb->token : sb->key);
    char *answer = NULL;
    if (text && fd >= 0 && send_all(fd, head, (size_t)size) && send_all(fd, text, strlen(text)))
        answer = read_all(fd, &length);
    if (fd >= 0)
        close(fd);
    free(text);
    const char *found = answer ? memmem(answer, length, "\r\n\r\n", 4) : NULL;
    json_t *root = NULL;
    if (found && length > 12 && strncmp(answer + 9, "200", 3) == 0)
        root = json_loadb(found + 4, length - (size_t)(found + 4 - answer), 0, NULL);
    free(answer);
    return root;
}
