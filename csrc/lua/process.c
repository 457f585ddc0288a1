/* A child process with a pipe on stdin and one on stdout, for the sandbox, which ends when its stdin
 * is closed and so cannot outlive this process. */
#include "binding.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

#define MAX_ARGUMENTS 64

typedef struct process {
    pid_t pid;   /* 0: none, or reaped */
    pid_t owner; /* the process that spawned it; a fork of that process must not end it */
    int in, out; /* our ends; -1: closed */
    int status;  /* of waitpid, once reaped; -1: unknown */
    size_t held;
    char line[4096];
} process;

static process *self(lua_State *L)
{
    return pomex_lua_self(L, "pomex process");
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void close_one(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
        *fd = -1;
    }
}

static bool reap(process *child, int flags)
{
    int status = 0;
    pid_t got;
    do {
        got = waitpid(child->pid, &status, flags);
    } while (got < 0 && errno == EINTR);
    if (got == 0)
        return false;
    child->status = got == child->pid ? status : -1;
    child->pid = 0;
    return true;
}

/* Waits up to `seconds` for the child to end. Reads its stdout meanwhile, or it could hang in a
 * write. */
static bool await_end(process *child, double seconds)
{
    char rest[512];
    double until = now() + seconds;
    for (;;) {
        if (reap(child, WNOHANG))
            return true;
        if (now() >= until)
            return false;
        struct pollfd wanted = {.fd = child->out, .events = POLLIN};
        if (poll(&wanted, 1, 5) > 0 && read(child->out, rest, sizeof rest) <= 0)
            close_one(&child->out);
    }
}

static void end(process *child, double seconds)
{
    close_one(&child->in);
    if (child->pid != 0 && child->owner == getpid() && !await_end(child, seconds)) {
        kill(child->pid, SIGTERM);
        if (!await_end(child, 1)) {
            kill(child->pid, SIGKILL);
            reap(child, 0);
        }
    }
    close_one(&child->out);
}

/* The child takes every signal, whatever this process holds (terminal.c) or ignores. It has a process
 * group of its own: a Ctrl-C at the terminal is for this process, which may need the sandbox still. */
static int free_signals(posix_spawnattr_t *attributes)
{
    sigset_t set;
    sigemptyset(&set);
    int failed = posix_spawnattr_setsigmask(attributes, &set);
    sigaddset(&set, SIGPIPE);
    failed = failed ? failed : posix_spawnattr_setsigdefault(attributes, &set);
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP;
    return failed ? failed : posix_spawnattr_setflags(attributes, flags);
}

static int start(process *child, const char *path, char *const arguments[],
                 char *const environment[])
{
    int to[2] = {-1, -1};
    int from[2] = {-1, -1};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed != 0)
        return failed;
    failed = posix_spawnattr_init(&attributes);
    if (failed != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return failed;
    }
    failed = free_signals(&attributes);
    if (!failed && (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0))
        failed = errno;
    failed = failed ? failed : posix_spawn_file_actions_adddup2(&actions, to[0], 0);
    failed = failed ? failed : posix_spawn_file_actions_adddup2(&actions, from[1], 1);
    failed =
        failed ? failed
               : posix_spawnp(&child->pid, path, &actions, &attributes, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    close_one(&to[0]);
    close_one(&from[1]);
    child->in = to[1];
    child->out = from[0];
    if (failed != 0) {
        child->pid = 0;
        close_one(&child->in);
        close_one(&child->out);
    }
    return failed;
}

static bool has_name_of(const char *variable, const char *other)
{
    size_t length = strcspn(other, "=");
    return strncmp(variable, other, length) == 0 && variable[length] == '=';
}

/* Pushes this process's environment, changed by the table at `index` of "NAME=value" strings. */
static char **push_environment(lua_State *L, int index)
{
    size_t own = lua_istable(L, index) ? lua_rawlen(L, index) : 0;
    size_t count = 0;
    while (environ != NULL && environ[count] != NULL)
        count++;
    char **list = pomex_lua_newuserdata(L, (own + count + 1) * sizeof *list);
    char **end = list;
    for (size_t i = 1; i <= own; i++) {
        lua_rawgeti(L, index, (int)i);
        if (lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "variable %d of the process must be a string", (int)i);
        *end++ = (char *)lua_tostring(L, -1);
        lua_pop(L, 1);
    }
    for (size_t i = 0; i < count; i++) {
        bool said = false;
        for (size_t k = 0; k < own; k++)
            said = said || has_name_of(environ[i], list[k]);
        if (!said)
            *end++ = environ[i];
    }
    *end = NULL;
    return list;
}

/* spawn(path, arguments[, variables]) -> process | nil, message */
int pomex_lua_spawn(lua_State *L)
{
    char *arguments[MAX_ARGUMENTS + 2] = {NULL};
    const char *path = luaL_checkstring(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    size_t count = lua_rawlen(L, 2);
    luaL_argcheck(L, count <= MAX_ARGUMENTS, 2, "too many arguments");
    lua_settop(L, 3);
    luaL_checkstack(L, MAX_ARGUMENTS + 8, NULL);
    process *child = pomex_lua_newuserdata(L, sizeof *child);
    *child = (process){.in = -1, .out = -1, .owner = getpid(), .status = -1};
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_setmetatable(L, -2);
    char **environment = push_environment(L, 3);
    arguments[0] = (char *)path;
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(L, 2, (int)i);
        if (lua_type(L, -1) != LUA_TSTRING)
            return luaL_error(L, "argument %d of the process must be a string", (int)i);
        arguments[i] = (char *)lua_tostring(L, -1);
    }
    int failed = start(child, path, arguments, environment);
    if (failed != 0) {
        lua_pushnil(L);
        lua_pushfstring(L, "cannot start %s: %s", path, strerror(failed));
        return 2;
    }
    lua_settop(L, 4);
    return 1;
}

static int process_pid(lua_State *L)
{
    process *child = self(L);
    if (child->pid == 0)
        lua_pushnil(L);
    else
        pomex_lua_pushwhole(L, child->pid);
    return 1;
}

/* Pushes the first whole line of the buffer without its newline; false if there is none. */
static bool push_line(lua_State *L, process *child)
{
    const char *end_of_line = memchr(child->line, '\n', child->held);
    if (end_of_line == NULL)
        return false;
    size_t length = (size_t)(end_of_line - child->line);
    lua_pushlstring(L, child->line, length);
    child->held -= length + 1;
    memmove(child->line, end_of_line + 1, child->held);
    return true;
}

static int no_line(lua_State *L, const char *why)
{
    lua_pushnil(L);
    lua_pushstring(L, why);
    return 2;
}

/* read_line([seconds]) -> line | nil, "timeout", "closed", "interrupted" or "line too long" */
static int process_read_line(lua_State *L)
{
    process *child = self(L);
    double until = now() + luaL_optnumber(L, 2, 10);
    while (!push_line(L, child)) {
        double left = until - now();
        if (child->held == sizeof child->line)
            return no_line(L, "line too long");
        if (child->out < 0)
            return no_line(L, "closed");
        struct pollfd wanted = {.fd = child->out, .events = POLLIN};
        int milliseconds = left <= 0 ? 0 : left > 1e6 ? 1000000000 : (int)(left * 1e3) + 1;
        int ready = poll(&wanted, 1, milliseconds);
        if (ready < 0)
            return no_line(L, errno == EINTR ? "interrupted" : strerror(errno));
        if (ready == 0)
            return no_line(L, "timeout");
        ssize_t got =
            read(child->out, child->line + child->held, sizeof child->line - child->held);
        if (got <= 0)
            return no_line(L, "closed");
        child->held += (size_t)got;
    }
    return 1;
}

/* stop([seconds]) -> exit code | nil, signal. Closes the child's stdin, waits up to `seconds` (2 by
 * default) for the child to end, then kills it. A later call returns the same. */
static int process_stop(lua_State *L)
{
    process *child = self(L);
    end(child, luaL_optnumber(L, 2, 2));
    if (child->pid == 0 && child->status >= 0 && WIFEXITED(child->status)) {
        lua_pushinteger(L, WEXITSTATUS(child->status));
        return 1;
    }
    lua_pushnil(L);
    if (child->pid == 0 && child->status >= 0 && WIFSIGNALED(child->status)) {
        lua_pushinteger(L, WTERMSIG(child->status));
        return 2;
    }
    return 1;
}

static int process_gc(lua_State *L)
{
    end(self(L), 2);
    return 0;
}

static const luaL_Reg methods[] = {
    {"pid", process_pid},   {"read_line", process_read_line},
    {"stop", process_stop}, {"__gc", process_gc},
    {NULL, NULL},
};

void pomex_lua_push_process_class(lua_State *L)
{
    lua_newtable(L);
    lua_pushvalue(L, -1);
    luaL_setfuncs(L, methods, 1);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "pomex process");
    lua_setfield(L, -2, "__name");
}
