/* The operation userdata: one reference to an operation of the core. */
#include "binding.h"

#include <stdio.h>
#include <string.h>

static binding_operation *self(lua_State *L)
{
    return pomex_lua_self(L, "pomex operation");
}

binding_operation *pomex_lua_new_operation(lua_State *L, int class_index, int spare_index)
{
    /* The collector needs two rounds for a userdata with a finalizer, so a spare one is used again. */
    binding_operation *spare = spare_index != 0 ? lua_touserdata(L, spare_index) : NULL;
    if (spare != NULL && lua_getmetatable(L, spare_index)) {
        bool usable = lua_rawequal(L, -1, class_index) && spare->operation == NULL;
        lua_pop(L, 1);
        if (usable) {
            *spare = (binding_operation){.done = -1, .total = -1};
            lua_pushvalue(L, spare_index);
            return spare;
        }
    }
    binding_operation *operation = pomex_lua_newuserdata(L, sizeof *operation);
    *operation = (binding_operation){.done = -1, .total = -1};
    lua_pushvalue(L, class_index);
    lua_setmetatable(L, -2);
#ifdef POMEX_LUA_OWNER_IS_TABLE
    /* The client's environment is a table that holds the client; operations share it. */
    lua_getfenv(L, 1);
#else
    lua_pushvalue(L, 1);
#endif
    pomex_lua_setowner(L, -2);
    return operation;
}

static void release(binding_operation *op)
{
    pomex_operation_release(op->operation);
    op->operation = NULL;
}

/* Releases the operation, and keeps the figures that may still be asked for. */
static void release_done(binding_operation *op)
{
    op->attempts = pomex_operation_attempts(op->operation);
    pomex_operation_progress(op->operation, &op->done, &op->total);
    op->looks_like = pomex_operation_looks_like(op->operation);
    release(op);
}

static int operation_gc(lua_State *L)
{
    binding_operation *op = self(L);
    if (op->operation != NULL)
        release(op);
    return 0;
}

static int operation_id(lua_State *L)
{
    pomex_lua_pushwhole(L, (int64_t)self(L)->id);
    return 1;
}

/* date() -> seconds since 1970 by the service's clock, of a list of tasks | nil */
static int operation_date(lua_State *L)
{
    binding_operation *op = self(L);
    double date = op->operation != NULL ? pomex_operation_date(op->operation) : -1;
    if (date < 0)
        lua_pushnil(L);
    else
        lua_pushnumber(L, date);
    return 1;
}

static int operation_done(lua_State *L)
{
    binding_operation *op = self(L);
    lua_pushboolean(L, op->operation == NULL || pomex_operation_done(op->operation));
    return 1;
}

/* told() -> whether no step will tell of its end any more */
static int operation_told(lua_State *L)
{
    binding_operation *op = self(L);
    lua_pushboolean(L, op->operation == NULL || pomex_operation_told(op->operation));
    return 1;
}

static int operation_cancel(lua_State *L)
{
    binding_operation *op = self(L);
    if (op->operation != NULL)
        pomex_operation_cancel(op->operation);
    return 0;
}

/* stands() -> whether the operation stands by: it has its turn, and waits for `proceed` */
static int operation_stands(lua_State *L)
{
    binding_operation *op = self(L);
    lua_pushboolean(L, op->operation != NULL && pomex_operation_stands(op->operation));
    return 1;
}

/* proceed([send_by]): lets an operation that stands go on */
static int operation_proceed(lua_State *L)
{
    binding_operation *op = self(L);
    if (op->operation != NULL)
        pomex_operation_proceed(op->operation, luaL_optnumber(L, 2, -1));
    return 0;
}

static void push_result(lua_State *L, const pomex_operation *operation)
{
    const pomex_error *error = pomex_operation_error(operation);
    if (error != NULL) {
        lua_pushnil(L);
        pomex_lua_push_error(L, error);
    } else {
        size_t length = 0;
        const char *body = pomex_operation_body(operation, &length);
        lua_pushlstring(L, body, length);
        pomex_lua_pushwhole(L, pomex_operation_status(operation));
    }
    pomex_lua_pushwhole(L, pomex_operation_attempts(operation));
}

/* result() -> body, status, attempts | nil, error table, attempts | nothing: it was taken
 *
 * Lua allocates while this function reads the core's memory, and so may run a finalizer that
 * releases the same operation: `read` makes that release wait. (If memory runs out here, the
 * collector releases the operation.) */
static int operation_result(lua_State *L)
{
    binding_operation *op = self(L);
    if (op->operation == NULL)
        return 0;
    if (!pomex_operation_done(op->operation))
        return luaL_error(L, "this pomex operation is not done");
    bool within = op->read;
    op->read = true;
    push_result(L, op->operation);
    op->read = within;
    if (op->unwanted && !within)
        release_done(op);
    return 3;
}

/* The answer of an operation that is over and went well; NULL if it is not plainly an object.
 *
 * After the program has changed the locale, lua-cjson can take a comma for a decimal point. In an
 * object a name follows the comma, and lua-cjson says that it cannot read on; in a list it would
 * read 1,2 as 1.2. Therefore an answer with a list is left to json.lua, which tries a fraction. */
static const char *plain_object(const binding_operation *op, size_t *length)
{
    if (op->operation == NULL || !pomex_operation_done(op->operation) ||
        pomex_operation_error(op->operation) != NULL)
        return NULL;
    const char *body = pomex_operation_body(op->operation, length);
    return body[0] == '{' && memchr(body, '[', *length) == NULL ? body : NULL;
}

/* take(decode) -> what `decode` reads in the answer, tidied; the operation is released then. Or
 * nothing: the answer is not plainly an object, and result() still has it. */
static int operation_take(lua_State *L)
{
    binding_operation *op = self(L);
    size_t length = 0;
    const char *body = plain_object(op, &length);
    if (body == NULL)
        return 0;
    bool within = op->read; /* as in operation_result */
    op->read = true;
    lua_settop(L, 2);
    lua_pushlstring(L, body, length);
    op->read = within;
    if (lua_pcall(L, 1, 1, 0) != 0)
        return 0;
    pomex_lua_tidy_top(L);
    if (op->operation != NULL && !within)
        release_done(op);
    return 1;
}

/* release(): frees the operation's memory, whose size Lua's collector cannot see. The userdata is
 * then empty and can be given to another call. Never fails; called once the result is in Lua. */
static int operation_release(lua_State *L)
{
    binding_operation *op = self(L);
    if (op->operation != NULL && pomex_operation_done(op->operation)) {
        op->unwanted = op->read;
        if (!op->read)
            release_done(op);
    }
    return 0;
}

/* body() -> the latest reply; "" if a newer reply took its place while Lua allocated. */
static int operation_body(lua_State *L)
{
    binding_operation *op = self(L);
    size_t length = 0;
    size_t still = 0;
    if (op->operation != NULL)
        pomex_operation_body(op->operation, &length);
    char *copy = pomex_lua_newuserdata(L, length + 1);
    const char *body = op->operation != NULL ? pomex_operation_body(op->operation, &still) : "";
    if (still != length)
        length = 0;
    memcpy(copy, body, length);
    lua_pushlstring(L, copy, length);
    return 1;
}

/* progress() -> bytes so far, whole length or nil */
static int operation_progress(lua_State *L)
{
    binding_operation *op = self(L);
    int64_t done = op->done;
    int64_t total = op->total;
    if (op->operation != NULL)
        pomex_operation_progress(op->operation, &done, &total);
    pomex_lua_pushwhole(L, done > 0 ? done : 0);
    if (total < 0)
        lua_pushnil(L);
    else
        pomex_lua_pushwhole(L, total);
    return 2;
}

/* looks_like() -> the kind of file that was saved: "mp4", "webm" or "unknown" */
static int operation_looks_like(lua_State *L)
{
    binding_operation *op = self(L);
    lua_pushstring(L, op->operation != NULL ? pomex_operation_looks_like(op->operation)
                                            : op->looks_like);
    return 1;
}

/* sum() -> the SHA-256 of a done download that was held, in hexadecimal digits | "" */
static int operation_sum(lua_State *L)
{
    binding_operation *op = self(L);
    lua_pushstring(L, op->operation != NULL ? pomex_operation_sum(op->operation) : "");
    return 1;
}

static int operation_attempts(lua_State *L)
{
    binding_operation *op = self(L);
    pomex_lua_pushwhole(L, op->operation != NULL ? pomex_operation_attempts(op->operation)
                                                 : op->attempts);
    return 1;
}

/* billed() -> "no", "maybe" or "yes": whether the operation has been billed, as far as is known */
static int operation_billed(lua_State *L)
{
    binding_operation *op = self(L);
    pomex_lua_push_billed(L, op->operation != NULL ? pomex_operation_billed(op->operation)
                                                   : POMEX_BILLED_NO);
    return 1;
}

/* object() -> the id of the asset or video that the operation is about or has made | nil */
static int operation_object(lua_State *L)
{
    binding_operation *op = self(L);
    lua_pushstring(L, op->operation != NULL ? pomex_operation_object(op->operation) : NULL);
    return 1;
}

/* request_id() -> the X-Request-Id of the last answer | nil */
static int operation_request_id(lua_State *L)
{
    binding_operation *op = self(L);
    char copy[128]; /* Lua may run a finalizer that has the next attempt begin */
    const char *id = op->operation != NULL ? pomex_operation_request_id(op->operation) : NULL;
    if (id == NULL) {
        lua_pushnil(L);
        return 1;
    }
    snprintf(copy, sizeof copy, "%s", id);
    lua_pushstring(L, copy);
    return 1;
}

static const luaL_Reg methods[] = {
    {"request_id", operation_request_id},
    {"date", operation_date},
    {"id", operation_id},
    {"billed", operation_billed},
    {"object", operation_object},
    {"done", operation_done},
    {"told", operation_told},
    {"cancel", operation_cancel},
    {"stands", operation_stands},
    {"proceed", operation_proceed},
    {"result", operation_result},
    {"take", operation_take},
    {"release", operation_release},
    {"body", operation_body},
    {"progress", operation_progress},
    {"looks_like", operation_looks_like},
    {"sum", operation_sum},
    {"attempts", operation_attempts},
    {"__gc", operation_gc},
    {NULL, NULL},
};

void pomex_lua_push_operation_class(lua_State *L)
{
    lua_newtable(L);
    lua_pushvalue(L, -1);
    luaL_setfuncs(L, methods, 1);
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "pomex operation");
    lua_setfield(L, -2, "__name");
}

int pomex_lua_nudge(lua_State *L)
{
    pomex_client *client = pomex_lua_client(L)->client;
    pomex_lua_pushwhole(L, pomex_client_nudge(client, luaL_checkstring(L, 2)));
    return 1;
}
