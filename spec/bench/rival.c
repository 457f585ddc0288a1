/* A binding of libcurl's multi interface to Lua that does nothing else: what a program of thirty
 * lines on such a binding costs, with lua-cjson (get.lua has the lines). It stands for Lua-cURLv3,
 * which no package of Debian's has; it is thinner, since it checks no argument and keeps no table
 * of handles.
 *   open(URL, HEADER, IN_FLIGHT, CA_FILE|nil) · add(N) · perform() · wait() · read() -> N, status, body
 */
#include <curl/curl.h>
#include <lauxlib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct handle {
    CURL *easy;
    char body[4096];
    size_t length;
} handle;

static CURLM *multi;
static handle *handles;

static size_t keep(char *bytes, size_t size, size_t count, void *user)
{
    handle *h = user;
    if (size * count > sizeof h->body - h->length)
        return 0;
    memcpy(h->body + h->length, bytes, size * count);
    h->length += size * count;
    return size * count;
}

static int rival_open(lua_State *L)
{
    const char *url = luaL_checkstring(L, 1), *ca = luaL_optstring(L, 4, NULL);
    lua_Integer flight = luaL_checkinteger(L, 3);
    struct curl_slist *headers = curl_slist_append(NULL, luaL_checkstring(L, 2));
    multi = curl_multi_init();
    handles = calloc((size_t)flight + 1, sizeof *handles);
    if (!multi || !handles)
        return luaL_error(L, "out of memory");
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)flight + 8);
    for (lua_Integer i = 1; i <= flight; i++) {
        CURL *easy = handles[i].easy = curl_easy_init();
        curl_easy_setopt(easy, CURLOPT_PRIVATE, (void *)(intptr_t)i);
        curl_easy_setopt(easy, CURLOPT_URL, url);
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, &handles[i]);
        if (ca) {
            curl_easy_setopt(easy, CURLOPT_CAINFO, ca);
            curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
        }
    }
    return 0;
}

static int rival_add(lua_State *L)
{
    handle *h = &handles[luaL_checkinteger(L, 1)];
    h->length = 0;
    curl_multi_add_handle(multi, h->easy);
    return 0;
}

static int rival_perform(lua_State *L)
{
    int running;
    (void)L;
    curl_multi_perform(multi, &running);
    return 0;
}

static int rival_wait(lua_State *L)
{
    (void)L;
    curl_multi_poll(multi, NULL, 0, 1000, NULL);
    return 0;
}

static int rival_read(lua_State *L)
{
    int left;
    long status = 0;
    void *number = NULL;
    const CURLMsg *message = curl_multi_info_read(multi, &left);
    if (!message)
        return 0;
    CURL *easy = message->easy_handle;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&number);
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_multi_remove_handle(multi, easy);
    const handle *h = &handles[(intptr_t)number];
    lua_pushinteger(L, (lua_Integer)(intptr_t)number);
    lua_pushinteger(L, (lua_Integer)status);
    lua_pushlstring(L, h->body, h->length);
    return 3;
}

int luaopen_rival(lua_State *L);

int luaopen_rival(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"open", rival_open}, {"add", rival_add},   {"perform", rival_perform},
        {"wait", rival_wait}, {"read", rival_read}, {NULL, NULL},
    };
    curl_global_init(CURL_GLOBAL_DEFAULT);
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    return 1;
}
