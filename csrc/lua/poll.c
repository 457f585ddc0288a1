/* The methods of a client that sleep. */
#include "binding.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <string.h>

/* Of a client's method the second upvalue is the operations' metatable. */
enum { OPERATION_CLASS = 2 };

/* Sleeps until the client's descriptor, or one of those from index 3 on, is readable. Returns as
 * poll(2) does. */
static int poll_several(lua_State *L, pomex_client *client, double seconds)
{
    int count = lua_gettop(L) - 2;
    struct pollfd *fds = lua_newuserdata(L, (size_t)count * sizeof *fds + sizeof *fds);
    for (int i = 0; i < count; i++)
        fds[i] = (struct pollfd){.fd = (int)luaL_checkinteger(L, i + 3), .events = POLLIN};
    fds[count] = (struct pollfd){.fd = pomex_client_pollfd(client), .events = POLLIN};
    if (fds[count].fd < 0)
        return -1;
    double ms = seconds < 0 || seconds > INT_MAX / 1000 ? -1 : ceil(seconds * 1000);
    return poll(fds, (nfds_t)count + 1, (int)ms);
}

int pomex_lua_poll(lua_State *L)
{
    binding_client *ud = pomex_lua_client(L);
    double seconds = luaL_optnumber(L, 2, -1);
    int ready = lua_gettop(L) > 2 ? poll_several(L, ud->client, seconds)
                                  : pomex_client_poll(ud->client, seconds);
    if (ready < 0) {
        int failed = errno;
        pomex_lua_must_be_usable(L, ud);
        errno = failed;
        const char *why = errno == EINTR ? "interrupted" : strerror(errno);
        lua_pushnil(L);
        lua_pushstring(L, why);
        return 2;
    }
    lua_pushboolean(L, ready > 0);
    return 1;
}

/* Lua allocates nothing here, so no finalizer runs. A signal ends a poll, and one that came during
 * a step shows by the debug hook that it has set: either returns to Lua, where the hook of Ctrl-C
 * can raise. */
int pomex_lua_finish(lua_State *L)
{
    binding_client *ud = pomex_lua_client(L);
    binding_operation *given = lua_touserdata(L, 2);
    bool right = given != NULL && lua_getmetatable(L, 2) != 0 &&
                 lua_rawequal(L, -1, lua_upvalueindex(OPERATION_CLASS)) != 0;
    luaL_argcheck(L, right, 2, "an operation is needed");
    pomex_operation *op = given->operation;
    lua_Hook hook = lua_gethook(L);
    pomex_lua_must_be_usable(L, ud);
    bool done = op != NULL && pomex_operation_done(op);
    while (op != NULL && !done && !pomex_client_has_news(ud->client) &&
           lua_gethook(L) == hook && pomex_client_poll(ud->client, -1) > 0) {
        pomex_client_step(ud->client, 0);
        done = pomex_operation_done(op);
    }
    if (done)
        pomex_client_hush(ud->client, op);
    lua_pushboolean(L, done);
    return 1;
}
