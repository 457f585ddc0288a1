/* The locale's decimal point: lua-cjson reads and writes numbers with it. */
#include "binding.h"

#include <locale.h>

/* decimal_point() -> the decimal point of the locale that is set now */
int pomex_lua_decimal_point(lua_State *L)
{
    lua_pushstring(L, localeconv()->decimal_point);
    return 1;
}

/* plainly(f, …) -> what f(…) returns or raises. Numbers are those of the C locale while f runs;
 * f must not yield, and must call no code of the user's. */
int pomex_lua_plainly(lua_State *L)
{
    luaL_checkany(L, 1);
    /* The C library has this one ready: no memory is taken, nothing is to be freed. */
    locale_t before = uselocale(newlocale(LC_ALL_MASK, "C", (locale_t)0));
    int failed = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
    uselocale(before);
    return failed ? lua_error(L) : lua_gettop(L);
}
