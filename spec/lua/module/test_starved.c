/* Every allocation of the Lua state fails in turn during a whole flow (starved.lua): one by
 * one, and all from one on until the call has ended. Nothing leaks, hangs, is lost or sent
 * twice.
 *
 * One in so many is tried, and POMEX_SEED says which; POMEX_EVERY=1 tries each of them. */
#include "cmocka_all.h"

#include <dlfcn.h>
#include <lauxlib.h>
#include <limits.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault_server.h"

#define VIDEO "0123456789abcdefghij"

/* Asked by LeakSanitizer: lua-cjson loses a buffer of its own when Lua raises in a decode. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:cjson.so";
}

static struct {
    long blocks;  /* that the state holds; LuaJIT, refused one, miscounts their bytes */
    bool armed;   /* within a call that may be struck */
    bool lasting; /* from the first on, all fail until the call has ended */
    bool struck;  /* the first has failed */
    long until;   /* how many more succeed */
    int refusals; /* how many are still to fail: Lua collects and asks again */
    long count;   /* allocations of calls that may be struck */
} memory;

static fault_server *server;
static char base_url[64], folder[48], path[64];

static bool refuses(void)
{
    if (!memory.armed)
        return false;
    memory.count++;
    if (!memory.struck) {
        if (--memory.until > 0)
            return false;
        memory.struck = true;
        memory.refusals = 2;
    }
    if (memory.lasting)
        return memory.refusals > 0;
    return memory.refusals-- > 0;
}

static void *allocate(void *user, void *old, size_t old_size, size_t size)
{
    (void)user;
    if (size == 0) {
        free(old);
        memory.blocks -= old != NULL;
        return NULL;
    }
    if (size > (old ? old_size : 0) && refuses())
        return NULL;
    void *block = realloc(old, size);
    memory.blocks += block && !old;
    return block;
}

/* starved(f, …) -> as pcall */
static int starved(lua_State *L)
{
    luaL_checkstack(L, 20, NULL);
    memory.armed = true;
    int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
    memory.armed = false;
    if (memory.struck && memory.lasting)
        memory.refusals = 0;
    lua_pushboolean(L, status == 0);
    lua_insert(L, 1);
    return lua_gettop(L);
}

static int count(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)fault_server_count(server, luaL_checkstring(L, 1)));
    return 1;
}

static const fault_step *script(void)
{
    static char task[256];
    static const char asset[] = "{\"id\":\"asset-1\",\"status\":\"processing\"}";
    static const fault_step steps[] = {
        {.match = "POST /v1/video/assets/sessions",
         .body = "{\"status\":\"pending\",\"h5_link\":\"https://h5.example/?a=b\"}"},
        {.match = "POST /v1/video/assets", .body = asset},
        {.match = "GET /v1/video/assets/asset-1", .times = 2, .body = asset},
        {.match = "GET /v1/video/assets/asset-1",
         .body = "{\"id\":\"asset-1\",\"status\":\"active\"}"},
        {.match = "GET /v1/video/assets/hangs", .kind = FAULT_HANG},
        {.match = "GET /v1/video/assets?",
         .body = "{\"items\":[{\"id\":\"a\"},{\"id\":\"b\",\"n\":2}],\"total_count\":2}"},
        {.match = "POST /v1/video/generations",
         .body = "{\"id\":\"cgt-1\",\"status\":\"queued\"}"},
        {.match = "GET /v1/video/generations/cgt-1", .body = task},
        {.match = "GET /v.mp4",
         .headers = "ETag: \"v1\"\r\nContent-Type: video/mp4\r\n",
         .body = VIDEO},
        {.status = 404, .body = "{\"error\":{\"message\":\"no such asset\"}}"},
    };
    snprintf(task, sizeof task,
             "{\"id\":\"cgt-1\",\"status\":\"succeeded\",\"content\":{\"video_url\":"
             "\"%s/v.mp4?X-Sig=1\"}}",
             base_url);
    fault_server_script(server, steps, sizeof steps / sizeof *steps);
    return steps;
}

/* What the file of that name is, made ready to run, with its arguments. */
static void load(lua_State *L, const char *name)
{
    luaL_openlibs(L);
    if (luaL_loadfile(L, name) != 0)
        fail_msg("%s", lua_tostring(L, -1));
    lua_pushstring(L, base_url);
    lua_pushstring(L, folder);
    lua_pushcfunction(L, starved);
    lua_pushcfunction(L, count);
}

/* Whether the allocation number `n` was there to fail. */
static bool run(const char *name, long n, bool lasting)
{
    memset(&memory, 0, sizeof memory);
    memory.lasting = lasting;
    memory.until = n ? n : LONG_MAX;
    script();
#if LUA_VERSION_NUM >= 505
    lua_State *L = lua_newstate(allocate, NULL, 1);
#else
    lua_State *L = lua_newstate(allocate, NULL);
#endif
    assert_non_null(L);
    load(L, name);
    int status = lua_pcall(L, 4, 0, 0);
    if (status != 0)
        fail_msg("allocation %ld (%s): %s", n, lasting ? "and all that follow" : "alone",
                 lua_tostring(L, -1));
    memory.armed = false;
    lua_close(L);
    if (memory.blocks != 0)
        fail_msg("allocation %ld: %ld blocks are left", n, memory.blocks);
    unlink(path);
    return memory.struck;
}

static long number_of(const char *variable, long usual)
{
    const char *given = getenv(variable);
    return given ? atol(given) : usual;
}

static void each_fails(const char *name, long usual)
{
    long every = number_of("POMEX_EVERY", usual), seed = number_of("POMEX_SEED", 1);
    assert_true(every > 0 && seed >= 0);
    print_message("POMEX_SEED=%ld POMEX_EVERY=%ld\n", seed, every);
    for (int lasting = 0; lasting < 2; lasting++) {
        run(name, 0, lasting); /* none: for what is made once a process */
        long n = 1 + (seed + lasting * every / 2) % every, tried = 0;
        for (; run(name, n, lasting); n += every)
            tried++;
        print_message("%ld of %ld allocations failed, %s\n", tried, memory.count,
                      lasting ? "and all after them" : "each alone");
        assert_true(tried > 10);
    }
}

TEST_CASE(in_a_whole_flow)
{
    each_fails(POMEX_SPEC "/starved.lua", 3);
}

TEST_CASE(while_the_module_is_loaded)
{
    each_fails(POMEX_SPEC "/starved_require.lua", 97);
}

static int set_up(void **state)
{
    (void)state;
    server = fault_server_start(NULL, 0, NULL);
    strcpy(folder, "/tmp/pomex-starved-XXXXXX");
    if (!server || !mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/out.mp4", folder);
    snprintf(base_url, sizeof base_url, "http://127.0.0.1:%d", fault_server_port(server));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fault_server_stop(server);
    return rmdir(folder); /* nothing else was left there */
}

/* So that LeakSanitizer knows it by its name when the states that had loaded it are gone. */
static void keep_cjson_mapped(void)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    if (luaL_dostring(L, "return package.searchpath('cjson', package.cpath)") == 0)
        dlopen(lua_tostring(L, -1), RTLD_LAZY | RTLD_NODELETE);
    lua_close(L);
}

int main(void)
{
    keep_cjson_mapped();
    return tests_run(set_up, tear_down);
}
