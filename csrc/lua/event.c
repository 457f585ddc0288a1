/* From the core's events to tables, for on_event. */
#include "binding.h"

#include <stdio.h>
#include <string.h>

static void set_text(lua_State *L, const char *name, const char *value)
{
    if (value != NULL && value[0] != '\0') {
        lua_pushstring(L, value);
        lua_setfield(L, -2, name);
    }
}

/* The texts of an event. Lua allocates while they are pushed, and so may run a finalizer that takes
 * the next event or closes the client, which frees the core's. */
struct event_texts {
    char id[257];
    char request_id[128];
    char method[32];
    char path[256];
};

static void copy_text(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from != NULL ? from : "");
}

/* Ends every operation, so that the events tell of their ends before the client is freed; false: it
 * is another process's. */
static bool shut(pomex_client *client)
{
    const char *why = pomex_client_unusable(client);
    if (why != NULL)
        return strcmp(why, "closed") == 0; /* on_event has called close in a close */
    pomex_client_close(client);
    return true;
}

/* next_event(shut?) -> table | nil */
int pomex_lua_next_event(lua_State *L)
{
    binding_client *ud = pomex_lua_client(L);
    pomex_event event;
    struct event_texts texts;
    if ((lua_toboolean(L, 2) && !shut(ud->client)) ||
        !pomex_client_next_event(ud->client, &event)) {
        lua_pushnil(L);
        return 1;
    }
    copy_text(texts.id, sizeof texts.id, event.id);
    copy_text(texts.request_id, sizeof texts.request_id, event.request_id);
    copy_text(texts.method, sizeof texts.method, event.method);
    copy_text(texts.path, sizeof texts.path, event.path);
    lua_createtable(L, 0, 12);
    set_text(L, "id", texts.id);
    set_text(L, "request_id", texts.request_id);
    set_text(L, "method", texts.method);
    set_text(L, "path", texts.path);
    set_text(L, "ends", event.ends);
    if (event.next >= 0) {
        lua_pushnumber(L, event.next);
        lua_setfield(L, -2, "next");
    }
    if (event.between) {
        lua_pushboolean(L, true);
        lua_setfield(L, -2, "between");
    }
    if (event.name != NULL && strcmp(event.name, "done") == 0) {
        pomex_lua_push_billed(L, event.billed);
        lua_setfield(L, -2, "billed");
    }
    set_text(L, "name", event.name);
    set_text(L, "endpoint", event.endpoint);
    set_text(L, "type", event.type);
    set_text(L, "detail", event.detail);
    pomex_lua_pushwhole(L, (int64_t)event.operation);
    lua_setfield(L, -2, "operation");
    pomex_lua_pushwhole(L, event.attempt);
    lua_setfield(L, -2, "attempt");
    if (event.status != 0) {
        pomex_lua_pushwhole(L, event.status);
        lua_setfield(L, -2, "status");
    }
    lua_pushnumber(L, event.seconds);
    lua_setfield(L, -2, "seconds");
    return 1;
}
