/* The module pomex.terminalcore: what a program asks of its terminal, and signals as something to
 * read. lua/pomex/terminal.lua makes it public. Nothing here installs a signal handler. */
#include "compat.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define CLASS "pomex signals"

static const struct {
    const char *name;
    int number;
} known[] = {{"INT", SIGINT},   {"TERM", SIGTERM},   {"HUP", SIGHUP},
             {"TSTP", SIGTSTP}, {"WINCH", SIGWINCH}, {NULL, 0}};

typedef struct signals {
    int fd;          /* -1: closed */
    sigset_t before; /* the thread's mask, which close restores */
} signals;

static int failed(lua_State *L, int number)
{
    lua_pushnil(L);
    lua_pushstring(L, strerror(number));
    return 2;
}

/* isatty(fd) -> boolean */
static int terminal_isatty(lua_State *L)
{
    lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1)));
    return 1;
}

/* size(fd) -> columns, rows | nil: it is no terminal, or one that does not know its size */
static int terminal_size(lua_State *L)
{
    struct winsize size = {0};
    int fd = (int)luaL_checkinteger(L, 1);
    if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, size.ws_col);
    lua_pushinteger(L, size.ws_row);
    return 2;
}

/* ignore_broken_pipes(): a write to a pipe that nobody reads fails, and ends nothing */
static int terminal_ignore_broken_pipes(lua_State *L)
{
    (void)L;
    signal(SIGPIPE, SIG_IGN);
    return 0;
}

/* suspend(): stops this process, and returns when it goes on */
static int terminal_suspend(lua_State *L)
{
    (void)L;
    raise(SIGSTOP);
    return 0;
}

static int number_of(lua_State *L, int index)
{
    const char *name = luaL_checkstring(L, index);
    for (int i = 0; known[i].name != NULL; i++) {
        if (strcmp(known[i].name, name) == 0)
            return known[i].number;
    }
    return luaL_argerror(L, index, "no such signal");
}

/* One that the process was told to ignore, by nohup or a shell's "&", stays ignored. */
static bool is_ignored(int number)
{
    struct sigaction now;
    return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

/* hold(name, …) -> signals | nil, message. From here on these signals are read, and end nothing. To
 * be called before other threads are there: they take a signal that they do not block. */
static int terminal_hold(lua_State *L)
{
    sigset_t set;
    int count = lua_gettop(L);
    sigemptyset(&set);
    for (int i = 1; i <= count; i++) {
        int number = number_of(L, i);
        if (!is_ignored(number))
            sigaddset(&set, number);
    }
    signals *held = pomex_lua_newuserdata(L, sizeof *held);
    held->fd = -1;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_setmetatable(L, -2);
    held->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (held->fd < 0)
        return failed(L, errno);
    pthread_sigmask(SIG_BLOCK, &set, &held->before);
    return 1;
}

static signals *self(lua_State *L)
{
    signals *held = luaL_checkudata(L, 1, CLASS);
    if (held->fd < 0)
        luaL_error(L, "pomex signals are closed");
    return held;
}

/* fd() -> the descriptor that is readable while signals wait */
static int signals_fd(lua_State *L)
{
    lua_pushinteger(L, self(L)->fd);
    return 1;
}

/* take() -> name | nil: none has come */
static int signals_take(lua_State *L)
{
    struct signalfd_siginfo info;
    signals *held = self(L);
    ssize_t got;
    do {
        got = read(held->fd, &info, sizeof info);
    } while (got < 0 && errno == EINTR);
    lua_pushnil(L);
    for (int i = 0; got == (ssize_t)sizeof info && known[i].name != NULL; i++) {
        if (known[i].number == (int)info.ssi_signo)
            lua_pushstring(L, known[i].name);
    }
    return 1;
}

/* Serves close, __gc and __close: the signals do again as they did before. */
static int signals_close(lua_State *L)
{
    signals *held = luaL_checkudata(L, 1, CLASS);
    if (held->fd >= 0) {
        close(held->fd);
        held->fd = -1;
        pthread_sigmask(SIG_SETMASK, &held->before, NULL);
    }
    return 0;
}

__attribute__((visibility("default"))) int luaopen_pomex_terminalcore(lua_State *L);

int luaopen_pomex_terminalcore(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"isatty", terminal_isatty},
        {"size", terminal_size},
        {"ignore_broken_pipes", terminal_ignore_broken_pipes},
        {"suspend", terminal_suspend},
        {NULL, NULL},
    };
    static const luaL_Reg methods[] = {
        {"fd", signals_fd},      {"take", signals_take},     {"close", signals_close},
        {"__gc", signals_close}, {"__close", signals_close}, {NULL, NULL},
    };
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    luaL_newmetatable(L, CLASS);
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pushcclosure(L, terminal_hold, 1);
    lua_setfield(L, -2, "hold");
    return 1;
}
