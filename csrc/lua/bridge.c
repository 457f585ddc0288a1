/* A bridge from descriptors to a socket, for a host that can only wait for sockets (nginx).
 *
 * A thread sleeps on one epoll set. When a descriptor in it becomes readable, the thread writes
 * the descriptor's number (four bytes, least significant first) to a unix socket. The descriptor
 * then stays disarmed until `rearm`, after the reader of the number has done the work. The thread
 * touches these descriptors alone: no Lua, nothing of libcurl's, no memory that changes while it
 * runs. */
#include "binding.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#define STACK ((size_t)64 * 1024)

typedef struct bridge {
    int set;    /* epoll: the descriptors, the bell, the socket once met; -1: closed */
    int bell;   /* a timer */
    int socket; /* listens at `path`; after meet(), our end of the connection */
    bool met;   /* the thread was started; it ends when the other end is closed */
    pthread_t thread;
    char path[sizeof((struct sockaddr_un *)0)->sun_path]; /* "": there is no file */
} bridge;

static bridge *self(lua_State *L)
{
    bridge *b = pomex_lua_self(L, "pomex bridge");
    if (b->set < 0)
        luaL_error(L, "pomex bridge is closed");
    return b;
}

/* Pushes nil and what errno says; returns 2. */
static int failed(lua_State *L, const char *what)
{
    const char *why = strerror(errno);
    lua_pushnil(L);
    lua_pushfstring(L, "%s: %s", what, why);
    return 2;
}

/* ---------------------------------------------------------------------------- the thread */

/* Runs until the other end of the socket is closed, or close() shuts ours down. */
static void carry_on(const bridge *b)
{
    struct epoll_event events[32];
    unsigned char message[4 * 32];
    for (;;) {
        int count = epoll_wait(b->set, events, 32, -1);
        if (count < 0 && errno != EINTR)
            return;
        size_t length = 0;
        for (int i = 0; i < count; i++) {
            unsigned fd = (unsigned)events[i].data.fd;
            if (events[i].data.fd == b->socket)
                return;
            for (int shift = 0; shift < 32; shift += 8)
                message[length++] = (unsigned char)(fd >> shift);
        }
        /* The send blocks at most until the reader reads or ends: each descriptor has at most one
         * message under way. */
        if (length > 0 && send(b->socket, message, length, MSG_NOSIGNAL) != (ssize_t)length)
            return;
    }
}

/* Shuts the socket down however the thread ends, so that the reader learns of it. */
static void hang_up(void *argument)
{
    const bridge *b = argument;
    shutdown(b->socket, SHUT_RDWR);
}

static void *carry(void *argument)
{
    pthread_cleanup_push(hang_up, argument);
    carry_on(argument);
    pthread_cleanup_pop(1);
    return NULL;
}

/* The system refuses a stack below its minimum, which is 128 KiB on 64-bit Arm, and larger on
 * processors with many vector registers. */
static size_t stack_size(void)
{
    size_t size = STACK, least = (size_t)PTHREAD_STACK_MIN;
    long asked = sysconf(_SC_THREAD_STACK_MIN);
    size = least > size ? least : size;
    return asked > 0 && (size_t)asked > size ? (size_t)asked : size;
}

/* Takes a stack of the default size if the system refuses ours nevertheless. */
static int create_thread(bridge *b)
{
    pthread_attr_t attributes;
    int problem = pthread_attr_init(&attributes);
    if (problem == 0) {
        problem = pthread_attr_setstacksize(&attributes, stack_size());
        if (problem == 0)
            problem = pthread_create(&b->thread, &attributes, carry, b);
        pthread_attr_destroy(&attributes);
    }
    return problem == EINVAL ? pthread_create(&b->thread, NULL, carry, b) : problem;
}

static int start_thread(bridge *b)
{
    sigset_t all, before;
    /* The new thread blocks all signals, so that they reach the threads that handle them. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int problem = create_thread(b);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (problem == 0)
        pthread_setname_np(b->thread, "pomex-bridge");
    return problem;
}

/* --------------------------------------------------------------------------- the socket */

static void remove_file(bridge *b)
{
    if (b->path[0] == '\0')
        return;
    unlink(b->path);
    *strrchr(b->path, '/') = '\0';
    rmdir(b->path);
    b->path[0] = '\0';
}

/* Listens in a new folder that only this user can enter. */
static bool listen_below(bridge *b, const char *folder)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char path[sizeof b->path];
    int length = snprintf(path, sizeof path - 2, "%s/pomex-%ld-XXXXXX", folder, (long)getpid());
    if (length < 0 || length >= (int)sizeof path - 2) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (mkdtemp(path) == NULL)
        return false;
    memcpy(path + length, "/s", 3);
    memcpy(b->path, path, sizeof path);
    memcpy(address.sun_path, path, sizeof path);
    if (bind(b->socket, (const struct sockaddr *)&address, sizeof address) == 0 &&
        listen(b->socket, 1) == 0)
        return true;
    int problem = errno;
    remove_file(b);
    errno = problem;
    return false;
}

/* How many folders are tried; a NULL among them means that TMPDIR is not set. */
enum { FOLDERS = 4 };

static bool listen_somewhere(bridge *b, const char *const folders[FOLDERS],
                             int problems[FOLDERS])
{
    for (int i = 0; i < FOLDERS; i++) {
        if (folders[i] != NULL && listen_below(b, folders[i]))
            return true;
        problems[i] = errno;
    }
    return false;
}

/* Pushes nil and what each folder said; returns 2. */
static int nowhere(lua_State *L, const char *const folders[FOLDERS],
                   const int problems[FOLDERS])
{
    lua_pushnil(L);
    lua_pushliteral(L, "no unix socket in ");
    for (int i = 0; i < FOLDERS; i++) {
        const char *why = folders[i] != NULL ? strerror(problems[i]) : "not set";
        lua_pushfstring(L, "%s%s: %s", i > 0 ? ", " : "",
                        folders[i] != NULL ? folders[i] : "$TMPDIR", why);
        lua_concat(L, 2);
    }
    return 2;
}

/* ----------------------------------------------------------------------------- watching */

static bool control(const bridge *b, int operation, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    return epoll_ctl(b->set, operation, fd, &event) == 0;
}

static int bridge_control(lua_State *L, int operation, const char *what)
{
    const bridge *b = self(L);
    if (!control(b, operation, (int)luaL_checkinteger(L, 2), EPOLLIN | EPOLLONESHOT))
        return failed(L, what);
    lua_pushboolean(L, true);
    return 1;
}

/* watch(fd) -> true | nil, message */
static int bridge_watch(lua_State *L)
{
    return bridge_control(L, EPOLL_CTL_ADD, "epoll_ctl");
}

/* rearm(fd): the work that its number announced is done, so that it can be announced again */
static int bridge_rearm(lua_State *L)
{
    return bridge_control(L, EPOLL_CTL_MOD, "epoll_ctl");
}

/* unwatch(fd); a message with its number can still arrive */
static int bridge_unwatch(lua_State *L)
{
    return bridge_control(L, EPOLL_CTL_DEL, "epoll_ctl");
}

/* ring_in(seconds): sends the number of the bell then, once */
static int bridge_ring_in(lua_State *L)
{
    const bridge *b = self(L);
    double seconds = fmin(fmax(luaL_checknumber(L, 2), 0), 1e6);
    struct itimerspec spec = {.it_value.tv_sec = (time_t)seconds};
    /* A zero would disarm the timer. */
    spec.it_value.tv_nsec = (long)((seconds - floor(seconds)) * 999999998) + 1;
    timerfd_settime(b->bell, 0, &spec, NULL);
    control(b, EPOLL_CTL_MOD, b->bell, EPOLLIN | EPOLLONESHOT);
    return 0;
}

/* bell() -> its number */
static int bridge_bell(lua_State *L)
{
    lua_pushinteger(L, self(L)->bell);
    return 1;
}

/* -------------------------------------------------------------------------- open and close */

/* alive() -> whether the thread runs, and both ends are open */
static int bridge_alive(lua_State *L)
{
    const bridge *b = pomex_lua_self(L, "pomex bridge");
    struct pollfd end = {.fd = b->socket, .events = POLLRDHUP};
    lua_pushboolean(L, b->met && poll(&end, 1, 0) == 0);
    return 1;
}

/* path() -> where to connect, until meet() | nil */
static int bridge_path(lua_State *L)
{
    const bridge *b = self(L);
    if (b->path[0] == '\0')
        lua_pushnil(L);
    else
        lua_pushstring(L, b->path);
    return 1;
}

/* meet() -> true | nil, message. Accepts the connection to `path`, and starts the thread. */
static int bridge_meet(lua_State *L)
{
    bridge *b = self(L);
    luaL_argcheck(L, b->path[0] != '\0', 1, "was met before");
    int connection = accept4(b->socket, NULL, NULL, SOCK_CLOEXEC);
    if (connection < 0)
        return failed(L, "accept");
    close(b->socket);
    b->socket = connection;
    remove_file(b);
    if (!control(b, EPOLL_CTL_ADD, b->socket, EPOLLRDHUP))
        return failed(L, "epoll_ctl");
    errno = start_thread(b);
    if (errno != 0)
        return failed(L, "pthread_create");
    b->met = true;
    lua_pushboolean(L, true);
    return 1;
}

static void close_one(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

/* Joins the thread, which never works for longer than one write. */
static void close_all(bridge *b)
{
    if (b->met) {
        shutdown(b->socket, SHUT_RDWR);
        pthread_join(b->thread, NULL);
        b->met = false;
    }
    remove_file(b);
    close_one(&b->socket);
    close_one(&b->bell);
    close_one(&b->set);
}

/* Serves close and __gc. */
static int bridge_close(lua_State *L)
{
    close_all(pomex_lua_self(L, "pomex bridge"));
    return 0;
}

/* Closes the bridge at once, since the pump makes another at each start, and the collector runs
 * late. */
static int refused(lua_State *L, bridge *b, const char *what)
{
    int problem = errno;
    close_all(b);
    errno = problem;
    return failed(L, what);
}

/* bridge() -> bridge | nil, message */
int pomex_lua_bridge(lua_State *L)
{
    bridge *b = pomex_lua_newuserdata(L, sizeof *b);
    memset(b, 0, sizeof *b);
    b->set = b->bell = b->socket = -1;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_setmetatable(L, -2);
    b->set = epoll_create1(EPOLL_CLOEXEC);
    b->bell = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (b->set < 0 || b->bell < 0 || !control(b, EPOLL_CTL_ADD, b->bell, EPOLLONESHOT))
        return refused(L, b, "epoll");
    b->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (b->socket < 0)
        return refused(L, b, "a unix socket");
    const char *const folders[FOLDERS] = {getenv("TMPDIR"), "/tmp", "/dev/shm", "/var/tmp"};
    int problems[FOLDERS] = {0};
    if (!listen_somewhere(b, folders, problems)) {
        close_all(b);
        return nowhere(L, folders, problems);
    }
    return 1;
}

void pomex_lua_push_bridge_class(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"alive", bridge_alive},     {"path", bridge_path},     {"meet", bridge_meet},
        {"watch", bridge_watch},     {"rearm", bridge_rearm},   {"unwatch", bridge_unwatch},
        {"ring_in", bridge_ring_in}, {"bell", bridge_bell},     {"close", bridge_close},
        {"__gc", bridge_close},      {"__close", bridge_close}, {NULL, NULL},
    };
    lua_newtable(L);
    lua_pushvalue(L, -1);
    luaL_setfuncs(L, methods, 1);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "pomex bridge");
    lua_setfield(L, -2, "__name");
}
