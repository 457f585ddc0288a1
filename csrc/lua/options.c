/* Reads option tables into the core's structs; core.new. The Lua side has checked names and types;
 * the checks here keep C safe from a program that calls pomex.core itself. */
#include "binding.h"

#include <limits.h>
#include <math.h>
#include <string.h>

/* 31 years, in seconds: far from an overflow when counted in nanoseconds. */
#define LONGEST 1e9

void pomex_lua_push_field(lua_State *L, int index, const char *name)
{
    lua_pushstring(L, name);
    lua_rawget(L, index);
}

const char *pomex_lua_text(lua_State *L, int index)
{
    size_t length;
    if (lua_isnoneornil(L, index))
        return NULL;
    luaL_checktype(L, index, LUA_TSTRING);
    const char *text = lua_tolstring(L, index, &length);
    luaL_argcheck(L, strlen(text) == length, index, "must not hold a NUL byte");
    return text;
}

const char *pomex_lua_field_string(lua_State *L, int index, const char *name)
{
    size_t length;
    pomex_lua_push_field(L, index, name);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return NULL;
    }
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "%s must be a string, not a %s", name, luaL_typename(L, -1));
    const char *text = lua_tolstring(L, -1, &length);
    if (strlen(text) != length)
        luaL_error(L, "%s must not hold a NUL byte", name);
    lua_pop(L, 1);
    return text;
}

static void field_number(lua_State *L, int index, const char *name, double *value)
{
    pomex_lua_push_field(L, index, name);
    if (!lua_isnil(L, -1)) {
        if (lua_type(L, -1) != LUA_TNUMBER)
            luaL_error(L, "%s must be a number, not a %s", name, luaL_typename(L, -1));
        double given = (double)lua_tonumber(L, -1);
        if (isnan(given))
            luaL_error(L, "%s must be a number, not NaN", name);
        *value = fmin(fmax(given, -LONGEST), LONGEST);
    }
    lua_pop(L, 1);
}

static void field_int(lua_State *L, int index, const char *name, int *value)
{
    double given = *value;
    field_number(L, index, name, &given);
    if (given != floor(given))
        luaL_error(L, "%s must be a whole number", name);
    *value = (int)given;
}

static bool field_given(lua_State *L, int index, const char *name)
{
    pomex_lua_push_field(L, index, name);
    bool given = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return given;
}

static bool field_table(lua_State *L, int index, const char *name)
{
    pomex_lua_push_field(L, index, name);
    if (lua_istable(L, -1))
        return true;
    lua_pop(L, 1);
    return false;
}

void pomex_lua_read_call_options(lua_State *L, int index, pomex_call_options *options)
{
    pomex_call_options_init(options);
    if (lua_isnoneornil(L, index))
        return;
    luaL_checktype(L, index, LUA_TTABLE);
    field_number(L, index, "timeout", &options->timeout);
    field_int(L, index, "max_retries", &options->max_retries);
    field_number(L, index, "first", &options->first);
    field_number(L, index, "factor", &options->factor);
    field_number(L, index, "max", &options->max);
    pomex_lua_push_field(L, index, "validate");
    options->no_validation = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
    lua_pop(L, 1);
    options->updates = field_given(L, index, "on_update");
    options->progress = field_given(L, index, "on_progress");
    options->sync = field_given(L, index, "sync");
    options->overwrite = field_given(L, index, "overwrite");
    options->hold = field_given(L, index, "hold");
    const char *what = pomex_lua_field_string(L, index, "what");
    if (what != NULL)
        options->what = strcmp(what, "asset") == 0        ? POMEX_WHAT_ASSET
                        : strcmp(what, "last_frame") == 0 ? POMEX_WHAT_LAST_FRAME
                                                          : POMEX_WHAT_VIDEO;
    field_number(L, index, "send_by", &options->send_by);
    options->stand_by = field_given(L, index, "stand_by");
    field_number(L, index, "request_timeout", &options->request_timeout);
    const char *billed = pomex_lua_field_string(L, index, "billed_retry");
    if (billed != NULL)
        options->billed_retry = strcmp(billed, "unsent") == 0 ? POMEX_BILLED_RETRY_UNSENT
                                                              : POMEX_BILLED_RETRY_REFUSED;
    const char *adopt = pomex_lua_field_string(L, index, "adopt");
    if (adopt != NULL)
        options->adopt =
            strcmp(adopt, "single") == 0 ? POMEX_ADOPT_SINGLE : POMEX_ADOPT_UNSOUGHT;
}

/* False: the table has `learn = false`. */
static bool read_schedule(lua_State *L, int index, const char *name, pomex_schedule *schedule)
{
    if (!field_table(L, index, name))
        return true;
    int table = lua_gettop(L);
    field_number(L, table, "first", &schedule->first);
    field_number(L, table, "factor", &schedule->factor);
    field_number(L, table, "max", &schedule->max);
    pomex_lua_push_field(L, table, "learn");
    bool learn = lua_isnil(L, -1) || lua_toboolean(L, -1);
    lua_pop(L, 2);
    return learn;
}

/* rate_limits = false turns all limits off; { asset_list = 5, sessions = false } sets those two. */
static void read_rate_limits(lua_State *L, int index, pomex_options *options)
{
    pomex_lua_push_field(L, index, "rate_limits");
    bool none = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
    for (int i = 0; i < POMEX_ENDPOINTS; i++) {
        const char *name = pomex_endpoint_limit_name((pomex_endpoint_id)i);
        if (none) {
            options->rate_limits[i] = 0;
        } else if (lua_istable(L, -1) && name != NULL) {
            pomex_lua_push_field(L, lua_gettop(L), name);
            if (lua_isboolean(L, -1) && !lua_toboolean(L, -1)) {
                options->rate_limits[i] = 0;
                lua_pop(L, 1);
            } else {
                lua_pop(L, 1);
                field_number(L, lua_gettop(L), name, &options->rate_limits[i]);
            }
        }
    }
    lua_pop(L, 1);
}

static void read_options(lua_State *L, int index, pomex_options *options)
{
    pomex_options_init(options);
    options->api_key = pomex_lua_field_string(L, index, "api_key");
    options->api_key_file = pomex_lua_field_string(L, index, "api_key_file");
    options->base_url = pomex_lua_field_string(L, index, "base_url");
    options->user_agent = pomex_lua_field_string(L, index, "user_agent");
    options->proxy = pomex_lua_field_string(L, index, "proxy");
    options->ca_file = pomex_lua_field_string(L, index, "ca_file");
    options->ca_path = pomex_lua_field_string(L, index, "ca_path");
    options->client_cert = pomex_lua_field_string(L, index, "client_cert");
    options->client_key = pomex_lua_field_string(L, index, "client_key");
    options->client_key_password = pomex_lua_field_string(L, index, "client_key_password");
    field_number(L, index, "connect_timeout", &options->connect_timeout);
    field_number(L, index, "request_timeout", &options->request_timeout);
    field_number(L, index, "budget", &options->budget);
    field_int(L, index, "max_retries", &options->max_retries);
    field_int(L, index, "max_in_flight", &options->max_in_flight);
    field_int(L, index, "max_downloads", &options->max_downloads);
    read_rate_limits(L, index, options);
    field_number(L, index, "rate_share", &options->rate_share);
    if (field_table(L, index, "poll")) {
        int table = lua_gettop(L);
        read_schedule(L, table, "asset", &options->poll_asset);
        options->learn_pauses =
            read_schedule(L, table, "generation", &options->poll_generation);
        lua_pop(L, 1);
    }
    const char *billed = pomex_lua_field_string(L, index, "billed_retry");
    if (billed != NULL && strcmp(billed, "unsent") != 0 && strcmp(billed, "refused") != 0)
        luaL_error(L, "billed_retry must be \"refused\" or \"unsent\"");
    options->billed_retry_unsent = billed != NULL && strcmp(billed, "unsent") == 0;
    options->allow_http = field_given(L, index, "allow_http");
    options->events = field_given(L, index, "events");
}

static int held_error_gc(lua_State *L)
{
    pomex_error **held = lua_touserdata(L, 1);
    pomex_error_free(*held);
    *held = NULL;
    return 0;
}

pomex_error **pomex_lua_hold_error(lua_State *L)
{
    pomex_error **held = pomex_lua_newuserdata(L, sizeof(pomex_error *));
    *held = NULL;
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, held_error_gc);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    return held;
}

/* The client's userdata owns the headers until the client has copied them. False with the two
 * results of a refusal pushed. */
static bool take_headers(lua_State *L, binding_client *ud, pomex_options *options)
{
    pomex_lua_problem problem;
    if (!field_table(L, 1, "headers"))
        return true;
    int headers = lua_gettop(L);
    lua_newtable(L); /* no metatable marks an array of headers */
    if (!pomex_lua_to_json(L, headers, headers + 1, &ud->trees[0], &problem)) {
        bool memory = problem.message[0] == '\0';
        pomex_lua_fail(L, memory ? "memory_error" : "invalid_request_error",
                       memory ? "out of memory" : problem.message);
        return false;
    }
    options->headers = ud->trees[0];
    return true;
}

int pomex_lua_new(lua_State *L)
{
    pomex_options options;
    bool checks = lua_toboolean(L, 2);
    if (lua_isnoneornil(L, 1)) {
        lua_settop(L, 0);
        lua_newtable(L);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    read_options(L, 1, &options);
    pomex_error **held = pomex_lua_hold_error(L);
    binding_client *ud = pomex_lua_newuserdata(L, sizeof *ud);
    *ud = (binding_client){0};
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_setmetatable(L, -2);
#ifdef POMEX_LUA_OWNER_IS_TABLE
    lua_createtable(L, 1, 0);
    lua_pushvalue(L, -2);
    lua_rawseti(L, -2, 1);
    lua_setfenv(L, -2);
#endif
    int made = lua_gettop(L);
    if (!take_headers(L, ud, &options))
        return 2;
    if (checks)
        *held = pomex_options_check(&options);
    else
        ud->client = pomex_client_new(&options, held);
    json_decref(ud->trees[0]);
    ud->trees[0] = NULL;
    lua_settop(L, made);
    if (ud->client != NULL)
        return 1;
    if (checks && *held == NULL) {
        lua_pushboolean(L, 1);
        return 1;
    }
    if (*held == NULL)
        return pomex_lua_fail(L, "memory_error", "out of memory");
    lua_pushnil(L);
    pomex_lua_push_error(L, *held);
    return 2;
}
