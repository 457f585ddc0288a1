/* For lua-cjson, which reads and writes numbers as the locale does. */
#include "binding.h"

#include <locale.h>

#include "base/numeric.h"

/* decimal_point() -> the locale's */
int pomex_lua_decimal_point(lua_State *L)
{
    lua_pushstring(L, localeconv()->decimal_point);
    return 1;
}

/* plainly(f, …) -> what f(…) returns or raises, called with the numbers of the C locale. It must
 * not yield, and knows no code of the host's. */
int pomex_lua_plainly(lua_State *L)
{
    luaL_checkany(L, 1);
    locale_t before = pomex_numeric_begin();
    int failed = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
    pomex_numeric_end(before);
    return failed ? lua_error(L) : lua_gettop(L);
}
