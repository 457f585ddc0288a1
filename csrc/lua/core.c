/* The module pomex.core. */
#include "binding.h"

#include <errno.h>
#include <pthread.h>
#include <sys/random.h>
#include <time.h>

void *pomex_lua_self(lua_State *L, const char *kind)
{
    void *self = lua_touserdata(L, 1);
    if (self != NULL && lua_getmetatable(L, 1)) {
        bool same = lua_rawequal(L, -1, lua_upvalueindex(1));
        lua_pop(L, 1);
        if (same)
            return self;
    }
    luaL_error(L, "%s expected, got %s (is it called with a colon?)", kind,
               luaL_typename(L, 1));
    return NULL;
}

static double seconds_of(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* now() -> monotonic seconds */
static int core_now(lua_State *L)
{
    lua_pushnumber(L, seconds_of(CLOCK_MONOTONIC));
    return 1;
}

/* wall() -> seconds since 1970. Lua calls it through the module's table, where tests replace it. */
static int core_wall(lua_State *L)
{
    lua_pushnumber(L, seconds_of(CLOCK_REALTIME));
    return 1;
}

/* random(n) -> n random bytes, at most 256 */
static int core_random(lua_State *L)
{
    char bytes[256];
    lua_Integer wanted = luaL_checkinteger(L, 1);
    luaL_argcheck(L, wanted >= 0 && wanted <= (lua_Integer)sizeof bytes, 1,
                  "must be from 0 to 256");
    size_t have = 0;
    while (have < (size_t)wanted) {
        ssize_t got = getrandom(bytes + have, (size_t)wanted - have, 0);
        if (got < 0 && errno != EINTR)
            return luaL_error(L, "the system gives no random bytes");
        have += got > 0 ? (size_t)got : 0;
    }
    lua_pushlstring(L, bytes, have);
    return 1;
}

#if LUA_VERSION_NUM < 503
/* LuaJIT has it; PUC 5.1 does not, and one build serves both. (nginx hides
 * coroutine.isyieldable.) */
extern int lua_isyieldable(lua_State *L) __attribute__((weak));

/* PUC 5.1 cannot yield across a C function that is on the stack. Nor can it across a metamethod or
 * an iterator, but those leave no trace there, and the yield itself fails. */
static bool can_yield(lua_State *L)
{
    lua_Debug frame;
    if (lua_isyieldable != NULL)
        return lua_isyieldable(L) != 0;
    for (int level = 1; lua_getstack(L, level, &frame); level++)
        if (lua_getinfo(L, "S", &frame) && frame.what[0] == 'C')
            return false;
    return true;
}
#else
#define can_yield(L) (lua_isyieldable(L) != 0)
#endif

/* yieldable() -> whether the running coroutine may yield just here */
static int core_yieldable(lua_State *L)
{
    lua_pushboolean(L, can_yield(L));
    return 1;
}

/* sentry(seconds) -> whether this Lua state is the one of the process that looks after its pump for
 * that long. nginx keeps a state for as long as it has a timer, and with lua_code_cache off makes
 * one for each request: only one of these states may keep a timer. */
static int core_sentry(lua_State *L)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static const void *owner;
    static double until;
    double seconds = luaL_checknumber(L, 1);
    const void *state = lua_topointer(L, LUA_REGISTRYINDEX);
    double now = seconds_of(CLOCK_MONOTONIC);
    pthread_mutex_lock(&lock);
    bool mine = owner == state || now >= until;
    if (mine) {
        owner = state;
        until = now + seconds;
    }
    pthread_mutex_unlock(&lock);
    lua_pushboolean(L, mine);
    return 1;
}

/* Returns true, or nil and the error that is held. */
static int held_or_true(lua_State *L, const pomex_error *error)
{
    if (error == NULL) {
        lua_pushboolean(L, true);
        return 1;
    }
    lua_pushnil(L);
    pomex_lua_push_error(L, error);
    return 2;
}

/* may_save(path, overwrite) -> true | nil, error: whether a download could save to `path` now */
static int core_may_save(lua_State *L)
{
    const char *path = pomex_lua_text(L, 1);
    luaL_argcheck(L, path != NULL, 1, "a path is needed");
    bool overwrite = lua_toboolean(L, 2);
    pomex_error **held = pomex_lua_hold_error(L);
    *held = pomex_saving_check(path, overwrite);
    return held_or_true(L, *held);
}

/* saving_finish(path, id, length) -> true | nil, error: names the part of a download that was held */
static int core_saving_finish(lua_State *L)
{
    const char *path = pomex_lua_text(L, 1);
    const char *id = pomex_lua_text(L, 2);
    luaL_argcheck(L, path != NULL, 1, "a path is needed");
    luaL_argcheck(L, id != NULL, 2, "an id is needed");
    int64_t length = (int64_t)luaL_checknumber(L, 3);
    pomex_error **held = pomex_lua_hold_error(L);
    *held = pomex_saving_finish(path, id, length);
    return held_or_true(L, *held);
}

/* saving_sum(path) -> length, SHA-256 in hexadecimal digits | nil, error */
static int core_saving_sum(lua_State *L)
{
    char sum[POMEX_SUM_SIZE];
    int64_t length;
    const char *path = pomex_lua_text(L, 1);
    luaL_argcheck(L, path != NULL, 1, "a path is needed");
    pomex_error **held = pomex_lua_hold_error(L);
    *held = pomex_saving_sum(path, &length, sum);
    if (*held != NULL)
        return held_or_true(L, *held);
    pomex_lua_pushwhole(L, length);
    lua_pushstring(L, sum);
    return 2;
}

/* check(endpoint, payload) -> true | nil, error: the service's rules, and nothing is sent. Upvalue:
 * the set of metatables that mark an array. */
static int core_check(lua_State *L)
{
    pomex_lua_problem problem;
    json_t *payload = NULL;
    pomex_endpoint_id which = pomex_endpoint_by_name(luaL_checkstring(L, 1));
    luaL_argcheck(L, which != POMEX_ENDPOINTS, 1, "no such endpoint");
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    lua_pushvalue(L, lua_upvalueindex(1));
    pomex_error **held = pomex_lua_hold_error(L);
    if (!pomex_lua_to_json(L, 2, 3, &payload, &problem)) {
        lua_pushfstring(L, "%s %s", problem.path, problem.message);
        return pomex_lua_fail(L, "invalid_request_error", lua_tostring(L, -1));
    }
    *held = pomex_call_check(which, payload);
    json_decref(payload);
    return held_or_true(L, *held);
}

/* metatable(value) -> its metatable, even if that has a __metatable field | nil */
static int core_metatable(lua_State *L)
{
    luaL_checkany(L, 1);
    if (!lua_getmetatable(L, 1))
        lua_pushnil(L);
    return 1;
}

/* thread() -> the running coroutine; also the main one, for which 5.1's coroutine.running is nil */
static int core_thread(lua_State *L)
{
    lua_pushthread(L);
    return 1;
}

/* Pops the value on top of `from` and compares it with the value at `index` of L. */
static bool is_same(lua_State *L, lua_State *from, int index)
{
    if (from != L)
        lua_xmove(from, L, 1);
    bool same = lua_rawequal(L, -1, index);
    lua_pop(L, 1);
    return same;
}

/* within(thread, f, self) -> whether a call f(self, ...) is on the stack of `thread`; self nil: any.
 * A debug hook that raises between two instructions can leave a flag behind, but no stack frame. */
static int core_within(lua_State *L)
{
    lua_Debug frame;
    lua_settop(L, 3);
    lua_State *thread = lua_tothread(L, 1);
    luaL_argcheck(L, thread != NULL, 1, "must be a thread");
    int status = lua_status(thread);
    bool found = false;
    if (status == 0 || status == LUA_YIELD) { /* one that failed keeps its frames */
        luaL_checkstack(L, 2, NULL);
        for (int i = 0; !found && lua_checkstack(thread, 2) && lua_getstack(thread, i, &frame);
             i++) {
            found = lua_getinfo(thread, "f", &frame) && is_same(L, thread, 2) &&
                    (lua_isnil(L, 3) ||
                     (lua_getlocal(thread, &frame, 1) != NULL && is_same(L, thread, 3)));
        }
    }
    lua_pushboolean(L, found);
    return 1;
}

/* Pushes the keys of `rate_limits`, each with its documented requests a second; 0: none. */
static void push_limits(lua_State *L)
{
    pomex_options options;
    pomex_options_init(&options);
    lua_newtable(L);
    for (int i = 0; i < POMEX_ENDPOINTS; i++) {
        lua_pushnumber(L, options.rate_limits[i]);
        lua_setfield(L, -2, pomex_endpoint_limit_name((pomex_endpoint_id)i));
    }
}

__attribute__((visibility("default"))) int luaopen_pomex_core(lua_State *L);

int luaopen_pomex_core(lua_State *L)
{
    static const luaL_Reg functions[] = {{"now", core_now},
                                         {"wall", core_wall},
                                         {"random", core_random},
                                         {"hmac_sha256", pomex_lua_hmac_sha256},
                                         {"equal", pomex_lua_equal},
                                         {"tidy", pomex_lua_tidy},
                                         {"may_save", core_may_save},
                                         {"saving_finish", core_saving_finish},
                                         {"saving_sum", core_saving_sum},
                                         {"metatable", core_metatable},
                                         {"thread", core_thread},
                                         {"within", core_within},
                                         {"decimal_point", pomex_lua_decimal_point},
                                         {"plainly", pomex_lua_plainly},
                                         {"yieldable", core_yieldable},
                                         {"sentry", core_sentry},
                                         {NULL, NULL}};
    luaL_checkstack(L, 12, NULL);
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_pushliteral(L, POMEX_VERSION);
    lua_setfield(L, -2, "VERSION");
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    push_limits(L);
    lua_setfield(L, -2, "limits");
    /* arrays[x] = true makes an empty table with metatable x, or the light userdata x, an array. */
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "arrays");
    lua_pushvalue(L, -1);
    lua_pushcclosure(L, core_check, 1);
    lua_setfield(L, -3, "check");
    pomex_lua_push_client_class(L);
    lua_pushcclosure(L, pomex_lua_new, 1);
    lua_setfield(L, -2, "new");
    pomex_lua_push_process_class(L);
    lua_pushcclosure(L, pomex_lua_spawn, 1);
    lua_setfield(L, -2, "spawn");
    pomex_lua_push_bridge_class(L);
    lua_pushcclosure(L, pomex_lua_bridge, 1);
    lua_setfield(L, -2, "bridge");
    return 1;
}
