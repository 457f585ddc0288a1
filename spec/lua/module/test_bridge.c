/* The bridge that nginx waits through, driven from Lua as its host does, with this program in
 * the place of nginx. Many rounds, since the sanitizers watch: each ends a thread. */
#include "cmocka_all.h"

#include <lauxlib.h>
#include <lualib.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* ------------------------------------------------------------------------- nginx's part */

/* connect(path) -> descriptor | nil */
static int lua_connect(lua_State *L)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", luaL_checkstring(L, 1));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return 0;
    }
    lua_pushinteger(L, fd);
    return 1;
}

/* receive(fd, ms) -> number | nil, "timeout" or "closed" */
static int lua_receive(lua_State *L)
{
    unsigned char message[4];
    struct pollfd wanted = {.fd = (int)luaL_checkinteger(L, 1), .events = POLLIN};
    if (poll(&wanted, 1, (int)luaL_checkinteger(L, 2)) == 0) {
        lua_pushnil(L);
        lua_pushliteral(L, "timeout");
        return 2;
    }
    ssize_t got = recv(wanted.fd, message, sizeof message, MSG_WAITALL);
    if (got != (ssize_t)sizeof message) {
        lua_pushnil(L);
        lua_pushliteral(L, "closed");
        return 2;
    }
    lua_pushinteger(L, message[0] | message[1] << 8 | message[2] << 16 | message[3] << 24);
    return 1;
}

static int lua_event(lua_State *L)
{
    lua_pushinteger(L, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    return 1;
}

static int lua_signal_event(lua_State *L)
{
    const uint64_t one = 1;
    lua_pushboolean(L, write((int)luaL_checkinteger(L, 1), &one, sizeof one) == sizeof one);
    return 1;
}

/* clear(fd) -> how often it was signalled */
static int lua_clear(lua_State *L)
{
    uint64_t count = 0;
    ssize_t got = read((int)luaL_checkinteger(L, 1), &count, sizeof count);
    lua_pushinteger(L, got == (ssize_t)sizeof count ? (lua_Integer)count : 0);
    return 1;
}

static int lua_close_fd(lua_State *L)
{
    close((int)luaL_checkinteger(L, 1));
    return 0;
}

/* mode(path) -> permission bits | nil */
static int lua_mode(lua_State *L)
{
    struct stat info;
    if (stat(luaL_checkstring(L, 1), &info) != 0) {
        return 0;
    }
    lua_pushinteger(L, info.st_mode & 0777);
    return 1;
}

/* ------------------------------------------------------- work that comes from elsewhere */

#define EVENTS 8
#define WRITES 2000

static int events[EVENTS];

static void *write_all(void *unused)
{
    const uint64_t one = 1;
    (void)unused;
    for (int i = 0; i < WRITES; i++) {
        if (write(events[i % EVENTS], &one, sizeof one) != (ssize_t)sizeof one)
            return NULL;
        if (i % 64 == 0)
            usleep(100);
    }
    return NULL;
}

static pthread_t writer;

/* start_writer(fd, …) */
static int lua_start_writer(lua_State *L)
{
    for (int i = 0; i < EVENTS; i++)
        events[i] = (int)luaL_checkinteger(L, i + 1);
    assert_int_equal(pthread_create(&writer, NULL, write_all, NULL), 0);
    return 0;
}

static int lua_join_writer(lua_State *L)
{
    (void)L;
    pthread_join(writer, NULL);
    return 0;
}

/* To the process: any thread that does not block it may get it. */
static int lua_raise(lua_State *L)
{
    (void)L;
    sigset_t usr1, before;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &usr1, &before);
    kill(getpid(), SIGUSR1);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return 0;
}

/* ---------------------------------------------------------------------------- the tests */

static const char prelude[] =
    "core = require 'pomex.core'\n"
    "function open()\n"
    "  local bridge = assert(core.bridge())\n"
    "  local folder = bridge:path():match('^(.*)/[^/]*$')\n"
    "  assert(mode(folder) == 448, 'the folder is for others, too')\n"
    "  local peer = assert(connect(bridge:path()))\n"
    "  assert(bridge:meet())\n"
    "  assert(bridge:path() == nil and mode(folder) == nil, 'the folder is still there')\n"
    "  return bridge, peer\n"
    "end\n";

static const char carries[] =
    "for round = 1, 50 do\n"
    "  local bridge, peer = open()\n"
    "  local fds, expected = {}, {}\n"
    "  for i = 1, 3 do\n"
    "    fds[i] = event()\n"
    "    expected[fds[i]] = true\n"
    "    assert(bridge:watch(fds[i]))\n"
    "    assert(signal_event(fds[i]))\n"
    "  end\n"
    "  for i = 1, 3 do\n"
    "    local fd = assert(receive(peer, 5000))\n"
    "    assert(expected[fd], 'nobody signalled that')\n"
    "    expected[fd] = nil\n"
    "  end\n"
    "  if round == 1 then\n"
    "    local _, why = receive(peer, 100)\n"
    "    assert(why == 'timeout', 'it did not wait until it was armed again')\n"
    "  end\n"
    "  assert(bridge:rearm(fds[1]))\n"
    "  assert(receive(peer, 5000) == fds[1], 'what stayed readable was lost')\n"
    "  assert(clear(fds[1]) == 1)\n"
    "  assert(bridge:rearm(fds[1]))\n"
    "  bridge:ring_in(0.002)\n"
    "  assert(receive(peer, 5000) == bridge:bell(), 'no bell')\n"
    "  bridge:ring_in(0)\n"
    "  assert(receive(peer, 5000) == bridge:bell(), 'no bell')\n"
    "  assert(bridge:unwatch(fds[1]))\n"
    "  assert(not bridge:unwatch(fds[1]))\n"
    "  assert(signal_event(fds[1]))\n"
    "  if round == 1 then assert(select(2, receive(peer, 100)) == 'timeout') end\n"
    "  bridge:close()\n"
    "  bridge:close()\n"
    "  assert(select(2, receive(peer, 5000)) == 'closed')\n"
    "  assert(not pcall(bridge.watch, bridge, fds[1]))\n"
    "  close_fd(peer)\n"
    "  for i = 1, 3 do close_fd(fds[i]) end\n"
    "end\n";

static const char ends[] =
    "for round = 1, 60 do\n"
    "  local way = round % 6\n"
    "  local bridge, peer, fd\n"
    "  if way == 0 then\n" /* never connected */
    "    bridge = assert(core.bridge())\n"
    "    assert(not bridge:meet())\n"
    "    local folder = bridge:path():match('^(.*)/[^/]*$')\n"
    "    bridge:close()\n"
    "    assert(mode(folder) == nil)\n"
    "  elseif way == 1 then\n" /* connected, not met */
    "    bridge = assert(core.bridge())\n"
    "    peer = assert(connect(bridge:path()))\n"
    "    bridge:close()\n"
    "  else\n"
    "    bridge, peer = open()\n"
    "    fd = event()\n"
    "    bridge:watch(fd)\n"
    "    signal_event(fd)\n"
    "    if way == 3 then close_fd(peer) peer = nil end\n" /* the other end first */
    "    if way == 4 then assert(receive(peer, 5000) == fd) close_fd(peer) peer = nil end\n"
    "    if way == 5 then assert(receive(peer, 5000) == fd) else bridge:close() end\n"
    "    bridge = nil\n"
    "    collectgarbage() collectgarbage()\n" /* way 5: nobody closed it */
    "    if way == 5 then assert(select(2, receive(peer, 5000)) == 'closed') end\n"
    "    close_fd(fd)\n"
    "  end\n"
    "  if peer then close_fd(peer) end\n"
    "end\n";

static const char loses_nothing[] = "local bridge, peer = open()\n"
                                    "local fds, seen = {}, 0\n"
                                    "for i = 1, 8 do\n"
                                    "  fds[i] = event()\n"
                                    "  assert(bridge:watch(fds[i]))\n"
                                    "end\n"
                                    "start_writer((table.unpack or unpack)(fds))\n"
                                    "while seen < 2000 do\n"
                                    "  local fd, why = receive(peer, 5000)\n"
                                    "  assert(fd, why)\n"
                                    "  seen = seen + clear(fd)\n"
                                    "  bridge:rearm(fd)\n"
                                    "end\n"
                                    "join_writer()\n"
                                    "assert(seen == 2000)\n"
                                    "bridge:close()\n"
                                    "close_fd(peer)\n"
                                    "for i = 1, 8 do close_fd(fds[i]) end\n";

static void run(const char *script)
{
    static const luaL_Reg functions[] = {
        {"connect", lua_connect},
        {"receive", lua_receive},
        {"event", lua_event},
        {"signal_event", lua_signal_event},
        {"clear", lua_clear},
        {"close_fd", lua_close_fd},
        {"mode", lua_mode},
        {"start_writer", lua_start_writer},
        {"join_writer", lua_join_writer},
        {"raise", lua_raise},
        {NULL, NULL},
    };
    lua_State *L = luaL_newstate();
    assert_non_null(L);
    luaL_openlibs(L);
    for (const luaL_Reg *f = functions; f->name != NULL; f++)
        lua_register(L, f->name, f->func);
    if (luaL_dostring(L, prelude) != 0 || luaL_dostring(L, script) != 0)
        fail_msg("%s", lua_tostring(L, -1));
    lua_close(L);
}

TEST_CASE(it_carries_numbers_once_until_rearmed)
{
    run(carries);
}

TEST_CASE(it_ends_in_every_order)
{
    run(ends);
}

TEST_CASE(it_loses_nothing_of_what_comes_meanwhile)
{
    run(loses_nothing);
}

static pthread_t own;
static atomic_int elsewhere, here;

static void on_signal(int number)
{
    (void)number;
    atomic_fetch_add(pthread_equal(pthread_self(), own) ? &here : &elsewhere, 1);
}

static const char takes_signals[] = "local bridge, peer = open()\n"
                                    "local fd = event()\n"
                                    "bridge:watch(fd)\n"
                                    "for _ = 1, 200 do raise() end\n"
                                    "assert(signal_event(fd) and receive(peer, 5000) == fd)\n"
                                    "bridge:close()\n"
                                    "close_fd(peer)\n"
                                    "close_fd(fd)\n";

TEST_CASE(its_thread_takes_no_signal)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    own = pthread_self();
    run(takes_signals);
    assert_int_equal(atomic_load(&elsewhere), 0);
    assert_int_equal(atomic_load(&here), 200);
}
