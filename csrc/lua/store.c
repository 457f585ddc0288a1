/* The module pomex.storecore: the store of durable jobs. Requests go in as tables and come back as
 * tables; no call waits for a disk, except open and close. Apart from pomex.core, so that a
 * program without jobs loads no SQLite. */
#include "store_fields.h"

#include "store/backend.h"

#include <string.h>
#include <time.h>

#define CLASS "pomex store"

typedef struct binding_store {
    pomex_store *store; /* NULL: closed */
    uint64_t last_ticket;
} binding_store;

/* Owns a request while Lua could raise. */
typedef struct holder {
    pomex_store_request *request;
} holder;

static int holder_gc(lua_State *L)
{
    holder *held = lua_touserdata(L, 1);
    pomex_store_request_free(held->request);
    held->request = NULL;
    return 0;
}

static holder *push_holder(lua_State *L)
{
    holder *held = pomex_lua_newuserdata(L, sizeof *held);
    held->request = NULL;
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, holder_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    return held;
}

static binding_store *self(lua_State *L)
{
    binding_store *ud = luaL_checkudata(L, 1, CLASS);
    if (ud->store == NULL) {
        luaL_error(L, "pomex store is closed");
    }
    return ud;
}

static int failed(lua_State *L, const char *why)
{
    lua_pushnil(L);
    lua_pushstring(L, why);
    return 2;
}

static const char *option_text(lua_State *L, const char *name, bool needed)
{
    lua_pushstring(L, name);
    lua_rawget(L, 1);
    if (!needed && lua_isnil(L, -1)) {
        return NULL;
    }
    if (lua_type(L, -1) != LUA_TSTRING || strlen(lua_tostring(L, -1)) != lua_rawlen(L, -1)) {
        luaL_error(L, "%s must be a string without NUL bytes", name);
    }
    return lua_tostring(L, -1); /* the table at 1 holds it */
}

static double option_seconds(lua_State *L, const char *name)
{
    lua_pushstring(L, name);
    lua_rawget(L, 1);
    double seconds = luaL_optnumber(L, -1, 0);
    luaL_argcheck(L, seconds >= 0, 1, "the seconds must not be negative");
    return seconds;
}

/* open { path =, any_file_system =, beat_seconds =, still_seconds = } -> store | nil, message
 * WAITS for the disk. */
static int store_open(lua_State *L)
{
    char why[512] = "";
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    pomex_store_options options = {.path = option_text(L, "path", true)};
    options.backend = pomex_store_backend_of(options.path);
    if (options.backend == NULL) {
        return failed(L, "pomex was built without PostgreSQL (POMEX_POSTGRESQL)");
    }
    options.beat_seconds = option_seconds(L, "beat_seconds");
    options.still_seconds = option_seconds(L, "still_seconds");
    lua_pushliteral(L, "any_file_system");
    lua_rawget(L, 1);
    options.any_file_system = lua_toboolean(L, -1);
    binding_store *ud = pomex_lua_newuserdata(L, sizeof *ud);
    *ud = (binding_store){0};
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_setmetatable(L, -2);
    ud->store = pomex_store_open(&options, why, sizeof why);
    return ud->store != NULL ? 1 : failed(L, why);
}

static enum pomex_store_verb verb(lua_State *L, int index)
{
    const char *name = luaL_checkstring(L, index);
    for (int i = 0; i < POMEX_STORE_VERBS; i++) {
        if (strcmp(pomex_lua_store_verbs[i].name, name) == 0) {
            return (enum pomex_store_verb)i;
        }
    }
    luaL_argerror(L, index, "no such verb");
    return POMEX_STORE_VERBS;
}

/* submit(verb, fields) -> ticket, a number | nil, message */
static int store_submit(lua_State *L)
{
    char why[512] = "";
    binding_store *ud = self(L);
    enum pomex_store_verb which = verb(L, 2);
    luaL_checktype(L, 3, LUA_TTABLE);
    holder *held = push_holder(L);
    held->request = pomex_store_request_new(which);
    if (held->request == NULL) {
        return failed(L, "not enough memory");
    }
    pomex_lua_store_read(L, 3, held->request);
    if (ud->store == NULL) { /* a finalizer closed it meanwhile */
        return luaL_error(L, "pomex store is closed");
    }
    uint64_t ticket = ud->last_ticket + 1;
    held->request->user = (void *)(uintptr_t)ticket;
    if (!pomex_store_submit(ud->store, held->request, why, sizeof why)) {
        return failed(L, why);
    }
    held->request = NULL; /* the store's now */
    ud->last_ticket = ticket;
    pomex_lua_pushwhole(L, (int64_t)ticket);
    return 1;
}

/* take() -> ticket, reply | nil: none has come */
static int store_take(lua_State *L)
{
    binding_store *ud = self(L);
    holder *held = push_holder(L);
    if (ud->store != NULL) {
        held->request = pomex_store_take(ud->store);
    }
    if (held->request == NULL) {
        lua_pushnil(L);
        return 1;
    }
    pomex_lua_pushwhole(L, (int64_t)(uintptr_t)held->request->user);
    pomex_lua_store_push(L, held->request);
    pomex_store_request_free(held->request);
    held->request = NULL;
    return 2;
}

/* fd() -> the descriptor that is readable while replies wait | nil: nothing was submitted yet */
static int store_fd(lua_State *L)
{
    int fd = pomex_store_fd(self(L)->store);
    if (fd < 0) {
        lua_pushnil(L);
    } else {
        lua_pushinteger(L, fd);
    }
    return 1;
}

static int64_t boottime(void)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* stepped([seconds]): the host runs, and has work due in so many seconds; nil: it has none */
static int store_stepped(lua_State *L)
{
    binding_store *ud = self(L);
    double seconds = luaL_optnumber(L, 2, -1);
    int64_t due = POMEX_STORE_NEVER;
    if (seconds >= 0 && seconds < 1e9) {
        due = boottime() + (int64_t)(seconds * 1e9);
    }
    pomex_store_stepped(ud->store, due);
    return 0;
}

/* beat_asked() -> BOOTTIME seconds at which the last acknowledged beat was asked for | nil */
static int store_beat_asked(lua_State *L)
{
    int64_t at = pomex_store_beat_asked(self(L)->store);
    if (at == 0) {
        lua_pushnil(L);
    } else {
        lua_pushnumber(L, (lua_Number)((double)at / 1e9));
    }
    return 1;
}

/* Serves close, __gc and __close. WAITS 2 s at most, for what was submitted. */
static int store_close(lua_State *L)
{
    binding_store *ud = luaL_checkudata(L, 1, CLASS);
    pomex_store *store = ud->store;
    ud->store = NULL;
    if (store != NULL) {
        pomex_store_close(store);
    }
    return 0;
}

__attribute__((visibility("default"))) int luaopen_pomex_storecore(lua_State *L);

int luaopen_pomex_storecore(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"submit", store_submit},
        {"take", store_take},
        {"fd", store_fd},
        {"stepped", store_stepped},
        {"beat_asked", store_beat_asked},
        {"close", store_close},
        {"__gc", store_close},
        {"__close", store_close},
        {NULL, NULL},
    };
    lua_newtable(L);
    luaL_newmetatable(L, CLASS);
    luaL_setfuncs(L, methods, 0);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pushcclosure(L, store_open, 1);
    lua_setfield(L, -2, "open");
    lua_pushboolean(L, pomex_store_backend_of("postgresql://") != NULL);
    lua_setfield(L, -2, "postgresql");
    return 1;
}
