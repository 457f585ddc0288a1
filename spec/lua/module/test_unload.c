/* libcurl looks names up in a thread that outlives a cancel, and so may outlive lua_close: the
 * module, and libcurl with it, must stay mapped, or the thread returns into nothing. This
 * program is not linked to libcurl; only the module brings it. */
#include "cmocka_all.h"

#include <lauxlib.h>
#include <lualib.h>

#include <netdb.h>
#include <stdatomic.h>
#include <time.h>

static atomic_int begun, may_end, ended;

static void nap(void)
{
    const struct timespec ms = {.tv_nsec = 1000000};
    nanosleep(&ms, NULL);
}

/* Stands before libc's: looks until the test says that it is enough. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **result)
{
    (void)name;
    (void)service;
    (void)hints;
    (void)result;
    atomic_fetch_add(&begun, 1);
    for (int i = 0; i < 20000 && !atomic_load(&may_end); i++)
        nap();
    atomic_fetch_add(&ended, 1);
    return EAI_NONAME;
}

static int has_begun(lua_State *L)
{
    lua_pushboolean(L, atomic_load(&begun) > 0);
    return 1;
}

static const char script[] =
    "local core = require 'pomex.core'\n"
    "local client = core.new { api_key = 'sk-test', base_url = 'https://slow.test' }\n"
    "local op = client:call('assets.get', 'asset-1')\n"
    "for _ = 1, 10000 do\n"
    "  if has_begun() then break end\n"
    "  client:step()\n"
    "  client:poll(0.001)\n"
    "end\n"
    "assert(has_begun(), 'no lookup began')\n"
    "client:close()\n";

static void a_lookup_may_outlive_the_state(void **state)
{
    (void)state;
    lua_State *L = luaL_newstate();
    assert_non_null(L);
    luaL_openlibs(L);
    lua_register(L, "has_begun", has_begun);
    if (luaL_dostring(L, script) != 0)
        fail_msg("%s", lua_tostring(L, -1));
    lua_close(L);
    assert_int_equal(atomic_load(&ended), 0);
    atomic_store(&may_end, 1);
    /* libcurl 8.20 and later look twice, for each kind of address in a thread of its own. */
    for (int i = 0; i < 5000 && atomic_load(&ended) < atomic_load(&begun); i++)
        nap();
    assert_int_equal(atomic_load(&ended), atomic_load(&begun));
    for (int i = 0; i < 200; i++)
        nap(); /* the thread goes back into libcurl: give it the time to crash */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_lookup_may_outlive_the_state)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
