/* Converts a pomex_error to a Lua table (docs/reference.md, Errors). The Lua side adds the metatable. */
#include "binding.h"

#include <string.h>

static void set_string(lua_State *L, const char *name, const char *value)
{
    if (value != NULL) {
        lua_pushstring(L, value);
        lua_setfield(L, -2, name);
    }
}

static void set_boolean(lua_State *L, const char *name, bool value)
{
    lua_pushboolean(L, value);
    lua_setfield(L, -2, name);
}

static void set_whole(lua_State *L, const char *name, int64_t value)
{
    pomex_lua_pushwhole(L, value);
    lua_setfield(L, -2, name);
}

static void set_candidates(lua_State *L, const json_t *candidates)
{
    size_t count = json_array_size(candidates);
    if (count == 0)
        return;
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        const char *id = json_string_value(json_array_get(candidates, i));
        lua_pushstring(L, id != NULL ? id : "");
        lua_rawseti(L, -2, (int)i + 1);
    }
    lua_setfield(L, -2, "candidates");
}

static const char *const billed_words[] = {"no", "maybe", "yes"};

void pomex_lua_push_billed(lua_State *L, pomex_billed billed)
{
    lua_pushstring(L, billed_words[billed]);
}

void pomex_lua_push_error(lua_State *L, const pomex_error *error)
{
    luaL_checkstack(L, 4, NULL);
    lua_createtable(L, 0, 19);
    set_string(L, "type", error->type);
    set_string(L, "message", error->message);
    if (error->status != 0)
        set_whole(L, "status", error->status);
    set_string(L, "endpoint", error->endpoint);
    set_whole(L, "attempts", error->attempts);
    set_boolean(L, "retryable", error->retryable);
    if (error->retry_after >= 0) {
        lua_pushnumber(L, error->retry_after);
        lua_setfield(L, -2, "retry_after");
    }
    set_string(L, "billed", billed_words[error->billed]);
    set_boolean(L, "maybe_billed", error->maybe_billed);
    set_string(L, "cause", error->cause);
    set_string(L, "hint", error->hint);
    set_boolean(L, "client", error->client);
    if (error->proxy)
        set_boolean(L, "proxy", true);
    set_string(L, "id", error->id);
    set_string(L, "last_status", error->last_status);
    set_string(L, "object", error->object);
    set_candidates(L, error->candidates);
    if (error->body != NULL) {
        lua_pushlstring(L, error->body, error->body_length);
        lua_setfield(L, -2, "body");
    }
    set_string(L, "request_id", error->request_id);
    set_string(L, "service_code", error->service_code);
    set_string(L, "service_type", error->service_type);
}

int pomex_lua_fail(lua_State *L, const char *type, const char *message)
{
    lua_pushnil(L);
    lua_createtable(L, 0, 7);
    set_string(L, "type", type);
    set_string(L, "message", message);
    set_whole(L, "attempts", 0);
    set_boolean(L, "retryable", false);
    set_string(L, "billed", billed_words[POMEX_BILLED_NO]);
    set_boolean(L, "maybe_billed", false);
    set_boolean(L, "client", true);
    return 2;
}
