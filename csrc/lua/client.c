/* The client userdata. Upvalues of each method: 1 the clients' metatable, 2 the operations',
 * 3 the set of metatables that mark an array. */
#include "binding.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { OPERATION_CLASS = 2, ARRAYS = 3 };

/* No spare operation is on the stack. */
enum { NO_SPARE = 0 };

/* Raises without a position, which would name one of the library's own lines. */
static void raise(lua_State *L, const char *what)
{
    lua_pushfstring(L, "pomex client is %s", what);
    lua_error(L);
}

/* Raises if the client is closed. Each allocation in Lua can run a finalizer that closes it. */
static void still_open(lua_State *L, const binding_client *ud)
{
    if (ud->client == NULL)
        raise(L, "closed");
}

binding_client *pomex_lua_client(lua_State *L)
{
    binding_client *ud = pomex_lua_self(L, "pomex client");
    still_open(L, ud);
    return ud;
}

void pomex_lua_must_be_usable(lua_State *L, const binding_client *ud)
{
    const char *why = pomex_client_unusable(ud->client);
    if (why != NULL)
        raise(L, why);
}

/* Serves close, __gc and __close. Operations that Lua still holds stay readable. */
static int client_close(lua_State *L)
{
    binding_client *ud = pomex_lua_self(L, "pomex client");
    pomex_client *client = ud->client;
    ud->client = NULL;
    for (size_t i = 0; i < sizeof ud->trees / sizeof ud->trees[0]; i++) {
        json_decref(ud->trees[i]);
        ud->trees[i] = NULL;
    }
    pomex_client_free(client);
    return 0;
}

/* Builds the tree of the table at `index`; false with the two results of a refusal pushed. */
static bool tree(lua_State *L, binding_client *ud, int slot, int index)
{
    if (lua_isnoneornil(L, index))
        return true;
    pomex_lua_problem problem;
    lua_pushvalue(L, lua_upvalueindex(ARRAYS));
    bool built = pomex_lua_to_json(L, index, lua_gettop(L), &ud->trees[slot], &problem);
    lua_pop(L, 1);
    if (built)
        return true;
    char message[sizeof problem.path + sizeof problem.message + 16];
    if (problem.message[0] == '\0') {
        pomex_lua_fail(L, "memory_error", "out of memory");
    } else {
        snprintf(message, sizeof message, "%s %s",
                 problem.path[0] != '\0' ? problem.path : "the value", problem.message);
        pomex_lua_fail(L, problem.misuse ? "misuse" : "invalid_request_error", message);
    }
    return false;
}

/* The slot of the trees that holds the headers of the call's options. */
enum { CALL_HEADERS = 3 };

/* Pushes the headers among the call options at `index`, or nil. */
static int push_headers(lua_State *L, int index)
{
    if (lua_istable(L, index))
        pomex_lua_push_field(L, index, "headers");
    else
        lua_pushnil(L);
    return lua_gettop(L);
}

/* Builds what push_headers left at `index`; false with the two results of a refusal pushed. */
static bool take_headers(lua_State *L, binding_client *ud, int index,
                         pomex_call_options *options)
{
    if (!tree(L, ud, CALL_HEADERS, index))
        return false;
    options->headers = ud->trees[CALL_HEADERS];
    return true;
}

static void drop_trees(binding_client *ud)
{
    for (size_t i = 0; i < sizeof ud->trees / sizeof ud->trees[0]; i++) {
        json_decref(ud->trees[i]);
        ud->trees[i] = NULL;
    }
}

/* Returns the new operation, which is on top of the stack, and its id; or why nothing was started. */
static int started(lua_State *L, binding_client *ud, binding_operation *op)
{
    drop_trees(ud);
    if (op->operation != NULL) {
        op->id = pomex_operation_id(op->operation);
        pomex_lua_pushwhole(L, (int64_t)op->id);
        return 2;
    }
    const char *why = pomex_client_unusable(ud->client);
    if (why == NULL) { /* no memory, or no descriptors */
        pomex_error **held = pomex_lua_hold_error(L);
        *held = pomex_client_failure(ud->client);
        lua_pushnil(L);
        pomex_lua_push_error(L, *held);
        return 2;
    }
    lua_pushfstring(L, "pomex client is %s", why);
    return pomex_lua_fail(L, "misuse", lua_tostring(L, -1));
}

static const char *optional_id(lua_State *L, int index, size_t *length)
{
    *length = 0;
    if (lua_isnoneornil(L, index))
        return NULL;
    luaL_checktype(L, index, LUA_TSTRING);
    return lua_tolstring(L, index, length);
}

static pomex_endpoint_id endpoint(lua_State *L, int index)
{
    pomex_endpoint_id id = pomex_endpoint_by_name(luaL_checkstring(L, index));
    luaL_argcheck(L, id != POMEX_ENDPOINTS, index, "no such endpoint");
    return id;
}

/* call(endpoint, id, payload, options, spare) -> operation, its id | nil, error
 *
 * Lua allocates nothing between the building of the first tree and the start of the call: a
 * finalizer could run there and use the same trees. */
static int client_call(lua_State *L)
{
    binding_client *ud = pomex_lua_client(L);
    pomex_call_options options;
    size_t length;
    pomex_endpoint_id which = endpoint(L, 2);
    const char *id = optional_id(L, 3, &length);
    pomex_lua_read_call_options(L, 5, &options);
    lua_settop(L, 6);
    int headers = push_headers(L, 5);
    binding_operation *op = pomex_lua_new_operation(L, lua_upvalueindex(OPERATION_CLASS), 6);
    still_open(L, ud);
    if (!tree(L, ud, 0, 4) || !take_headers(L, ud, headers, &options))
        return 2;
    op->operation = pomex_client_call(ud->client, which, id, length, ud->trees[0], &options);
    return started(L, ud, op);
}

/* request(method, path, {query=, body=, headers=}, options) -> operation, its id | nil, error
 */
static int client_request(lua_State *L)
{
    enum { METHOD = 2, PATH, PARTS, OPTIONS, QUERY, BODY, HEADERS };
    binding_client *ud = pomex_lua_client(L);
    pomex_call_options options;
    const char *method = pomex_lua_text(L, METHOD);
    const char *path = pomex_lua_text(L, PATH);
    luaL_argcheck(L, method != NULL, METHOD, "a method is needed");
    luaL_argcheck(L, path != NULL, PATH, "a path is needed");
    pomex_lua_read_call_options(L, OPTIONS, &options);
    lua_settop(L, OPTIONS);
    if (!lua_istable(L, PARTS)) {
        lua_newtable(L);
        lua_replace(L, PARTS);
    }
    pomex_lua_push_field(L, PARTS, "query");
    pomex_lua_push_field(L, PARTS, "body");
    pomex_lua_push_field(L, PARTS, "headers");
    int headers = push_headers(L, OPTIONS);
    binding_operation *op =
        pomex_lua_new_operation(L, lua_upvalueindex(OPERATION_CLASS), NO_SPARE);
    still_open(L, ud);
    for (int i = QUERY; i <= HEADERS; i++)
        if (!tree(L, ud, i - QUERY, i))
            return 2;
    if (!take_headers(L, ud, headers, &options))
        return 2;
    op->operation = pomex_client_request(ud->client, method, path, ud->trees[0], ud->trees[1],
                                         ud->trees[2], &options);
    return started(L, ud, op);
}

/* wait(endpoint, id, options, group) -> operation, its id | nil, error */
static int client_wait(lua_State *L)
{
    binding_client *ud = pomex_lua_client(L);
    pomex_call_options options;
    size_t length;
    pomex_endpoint_id which = endpoint(L, 2);
    const char *id = optional_id(L, 3, &length);
    pomex_lua_read_call_options(L, 4, &options);
    options.group = pomex_lua_text(L, 5);
    lua_settop(L, 5);
    int headers = push_headers(L, 4);
    binding_operation *op =
        pomex_lua_new_operation(L, lua_upvalueindex(OPERATION_CLASS), NO_SPARE);
    still_open(L, ud);
    if (!take_headers(L, ud, headers, &options))
        return 2;
    op->operation = pomex_client_wait(ud->client, which, id, length, &options);
    return started(L, ud, op);
}

/* download(id, link, path, options) -> operation, its id | nil, error */
static int client_download(lua_State *L)
{
    binding_client *ud = pomex_lua_client(L);
    pomex_call_options options;
    size_t length;
    const char *id = optional_id(L, 2, &length);
    const char *link = pomex_lua_text(L, 3);
    const char *path = pomex_lua_text(L, 4);
    luaL_argcheck(L, path != NULL, 4, "a path is needed");
    pomex_lua_read_call_options(L, 5, &options);
    int headers = push_headers(L, 5);
    binding_operation *op =
        pomex_lua_new_operation(L, lua_upvalueindex(OPERATION_CLASS), NO_SPARE);
    still_open(L, ud);
    if (!take_headers(L, ud, headers, &options))
        return 2;
    op->operation = pomex_client_download(ud->client, id, length, link, path, &options);
    return started(L, ud, op);
}

/* step([budget]) -> how many operations are not done */
static int client_step(lua_State *L)
{
    binding_client *ud = pomex_lua_client(L);
    pomex_lua_must_be_usable(L, ud);
    pomex_lua_pushwhole(L, (int64_t)pomex_client_step(ud->client, luaL_optnumber(L, 2, 0)));
    return 1;
}

/* next() -> operation id, done, update, progress | nil */
static int client_next(lua_State *L)
{
    binding_client *ud = pomex_lua_client(L);
    unsigned news = 0;
    const pomex_operation *operation = pomex_client_next(ud->client, &news);
    if (operation == NULL) {
        lua_pushnil(L);
        return 1;
    }
    luaL_checkstack(L, 4, NULL);
    pomex_lua_pushwhole(L, (int64_t)pomex_operation_id(operation));
    lua_pushboolean(L, (news & POMEX_NEWS_DONE) != 0);
    lua_pushboolean(L, (news & POMEX_NEWS_UPDATE) != 0);
    lua_pushboolean(L, (news & POMEX_NEWS_PROGRESS) != 0);
    return 4;
}

/* pollfd() -> descriptor | nil, message */
static int client_pollfd(lua_State *L)
{
    binding_client *ud = pomex_lua_client(L);
    pomex_lua_must_be_usable(L, ud);
    int fd = pomex_client_pollfd(ud->client);
    if (fd < 0) {
        const char *why = strerror(errno);
        lua_pushnil(L);
        lua_pushstring(L, why);
        return 2;
    }
    lua_pushinteger(L, fd);
    return 1;
}

static int client_events(lua_State *L)
{
    pomex_lua_client(L);
    lua_pushliteral(L, "r");
    return 1;
}

/* timeout() -> seconds | nil */
static int client_timeout(lua_State *L)
{
    double seconds = pomex_client_timeout(pomex_lua_client(L)->client);
    if (seconds < 0)
        lua_pushnil(L);
    else
        lua_pushnumber(L, seconds);
    return 1;
}

/* wake_in([seconds]): makes the descriptor readable then; nil cancels that */
static int client_wake_in(lua_State *L)
{
    pomex_client_wake_in(pomex_lua_client(L)->client, luaL_optnumber(L, 2, -1));
    return 0;
}

/* watch(fd) -> true | nil, message: the client's descriptor tells of this one, too */
static int client_watch(lua_State *L)
{
    binding_client *ud = pomex_lua_client(L);
    int fd = (int)luaL_checkinteger(L, 2);
    pomex_lua_must_be_usable(L, ud);
    if (pomex_client_watch(ud->client, fd)) {
        lua_pushboolean(L, true);
        return 1;
    }
    const char *why = strerror(errno);
    lua_pushnil(L);
    lua_pushstring(L, why);
    return 2;
}

/* unwatch(fd): to be called before it is closed */
static int client_unwatch(lua_State *L)
{
    pomex_client_unwatch(pomex_lua_client(L)->client, (int)luaL_checkinteger(L, 2));
    return 0;
}

/* key_mark(salt) -> what tells whether the key changed, and does not give it away */
static int client_key_mark(lua_State *L)
{
    char mark[POMEX_SUM_SIZE];
    if (!pomex_client_key_mark(pomex_lua_client(L)->client, luaL_checkstring(L, 2), mark))
        return luaL_error(L, "not enough memory");
    lua_pushstring(L, mark);
    return 1;
}

/* holds(id) -> whether somebody in this process is about that task, or made it */
static int client_holds(lua_State *L)
{
    const binding_client *ud = pomex_lua_client(L);
    lua_pushboolean(L, pomex_client_holds(ud->client, luaL_checkstring(L, 2)));
    return 1;
}

static int client_base_url(lua_State *L)
{
    lua_pushstring(L, pomex_client_base_url(pomex_lua_client(L)->client));
    return 1;
}

static int client_closed(lua_State *L)
{
    binding_client *ud = pomex_lua_self(L, "pomex client");
    lua_pushboolean(L, ud->client == NULL);
    return 1;
}

static const luaL_Reg methods[] = {
    {"call", client_call},         {"request", client_request},
    {"wait", client_wait},         {"nudge", pomex_lua_nudge},
    {"download", client_download}, {"step", client_step},
    {"next", client_next},         {"next_event", pomex_lua_next_event},
    {"pollfd", client_pollfd},     {"events", client_events},
    {"timeout", client_timeout},   {"wake_in", client_wake_in},
    {"poll", pomex_lua_poll},      {"finish", pomex_lua_finish},
    {"watch", client_watch},       {"unwatch", client_unwatch},
    {"key_mark", client_key_mark}, {"holds", client_holds},
    {"base_url", client_base_url}, {"close", client_close},
    {"closed", client_closed},     {"__gc", client_close},
    {"__close", client_close},     {NULL, NULL},
};

/* Pops the set of array metatables. */
void pomex_lua_push_client_class(lua_State *L)
{
    lua_newtable(L);
    lua_insert(L, -2);
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    pomex_lua_push_operation_class(L);
    lua_insert(L, -2);
    luaL_setfuncs(L, methods, 3);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "pomex client");
    lua_setfield(L, -2, "__name");
}
