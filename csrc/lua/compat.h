/* The differences between the C APIs of Lua 5.1, LuaJIT, 5.3 and 5.4, so that one source serves all. */
#ifndef POMEX_LUA_COMPAT_H
#define POMEX_LUA_COMPAT_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#if LUA_VERSION_NUM < 502
/* OpenResty's LuaJIT headers bring half of these, PUC 5.1 none. */
#undef luaL_newlib
#undef luaL_newlibtable
#undef luaL_setfuncs
#define luaL_setfuncs(L, functions, upvalues) pomex_lua_setfuncs(L, functions, upvalues)
#define lua_rawlen(L, index)                  lua_objlen(L, index)

static inline void pomex_lua_setfuncs(lua_State *L, const luaL_Reg *functions, int upvalues)
{
    luaL_checkstack(L, upvalues + 1, "too many upvalues");
    for (; functions->name != NULL; functions++) {
        for (int i = 0; i < upvalues; i++)
            lua_pushvalue(L, -upvalues);
        lua_pushcclosure(L, functions->func, upvalues);
        lua_setfield(L, -(upvalues + 2), functions->name);
    }
    lua_pop(L, upvalues);
}
#endif

#if LUA_VERSION_NUM >= 504
#define pomex_lua_newuserdata(L, size) lua_newuserdatauv(L, size, 1)
#define pomex_lua_setowner(L, index)   ((void)lua_setiuservalue(L, index, 1))
#else
#define pomex_lua_newuserdata(L, size) lua_newuserdata(L, size)
#if LUA_VERSION_NUM >= 503
#define pomex_lua_setowner(L, index) lua_setuservalue(L, index)
#else
/* The owner must be a table in these Luas: the caller wraps it in one. */
#define POMEX_LUA_OWNER_IS_TABLE
#define pomex_lua_setowner(L, index) ((void)lua_setfenv(L, index))
#endif
#endif

/* Whole numbers are integers where Lua has them, and doubles elsewhere. */
static inline void pomex_lua_pushwhole(lua_State *L, int64_t value)
{
#if LUA_VERSION_NUM >= 503
    lua_pushinteger(L, (lua_Integer)value);
#else
    lua_pushnumber(L, (lua_Number)value);
#endif
}

/* True, with the number in *value, if the value at `index` is of an integer kind. */
static inline bool pomex_lua_isinteger(lua_State *L, int index, int64_t *value)
{
#if LUA_VERSION_NUM >= 503
    if (lua_isinteger(L, index)) {
        *value = (int64_t)lua_tointeger(L, index);
        return true;
    }
#else
    (void)L;
    (void)index;
    (void)value;
#endif
    return false;
}

#endif
