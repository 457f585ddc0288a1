/* Converts Lua values to jansson's, and tidies a decoded reply. */
#include "binding.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_DEPTH 64
#define MAX_WHOLE 9223372036854775808.0 /* 2^63: whole doubles below it are exact integers */

static bool build(lua_State *L, int index, int arrays, int depth, json_t *parent,
                  const char *key, json_t **slot, pomex_lua_problem *problem);

static bool invalid(pomex_lua_problem *problem, bool misuse, const char *message)
{
    problem->misuse = misuse;
    snprintf(problem->message, sizeof problem->message, "%s", message);
    return false;
}

/* The path is written from its end to its beginning, while the recursion unwinds. Where that is
 * too long for it, dots stand for the beginning. */
static void prepend(pomex_lua_problem *problem, const char *segment)
{
    static const char cut[] = "...";
    char rest[sizeof problem->path];
    if (strncmp(problem->path, cut, sizeof cut - 1) == 0)
        return;
    memcpy(rest, problem->path, sizeof rest);
    const char *dot = rest[0] != '\0' && rest[0] != '[' ? "." : "";
    int length = snprintf(problem->path, sizeof problem->path, "%.64s%s%s", segment, dot, rest);
    if (length < 0 || (size_t)length > sizeof problem->path - sizeof cut) {
        snprintf(problem->path, sizeof problem->path, "%s%.*s", cut,
                 (int)(sizeof problem->path - sizeof cut), rest);
    }
}

/* Tells bytes that are not UTF-8 from a lack of memory, which jansson reports alike. */
static bool is_not_utf8(const char *bytes, size_t length)
{
    json_t *checked = json_stringn(bytes, length);
    json_t *unchecked = checked == NULL ? json_stringn_nocheck(bytes, length) : NULL;
    json_decref(checked);
    json_decref(unchecked);
    return unchecked != NULL;
}

/* Attaches a new value to its parent at once, so that the root frees it if Lua raises later. */
static bool attach_value(json_t *value, json_t *parent, const char *key, json_t **slot,
                         pomex_lua_problem *problem)
{
    if (value == NULL)
        return invalid(problem, false, "");
    if (parent == NULL) {
        *slot = value;
        return true;
    }
    int failed = key != NULL ? json_object_set_new(parent, key, value)
                             : json_array_append_new(parent, value);
    return failed == 0 || invalid(problem, false,
                                  key != NULL && is_not_utf8(key, strlen(key))
                                      ? "has a name that is not valid UTF-8"
                                      : "");
}

static json_t *text(const char *bytes, size_t length, pomex_lua_problem *problem)
{
    json_t *value = json_stringn(bytes, length);
    if (value == NULL && is_not_utf8(bytes, length))
        invalid(problem, false, "is not valid UTF-8");
    return value;
}

static json_t *number(lua_State *L, int index, pomex_lua_problem *problem)
{
    int64_t whole;
    if (pomex_lua_isinteger(L, index, &whole))
        return json_integer((json_int_t)whole);
    double value = (double)lua_tonumber(L, index);
    if (isnan(value) || isinf(value)) {
        invalid(problem, false, isnan(value) ? "is not a number (NaN)" : "is infinite");
        return NULL;
    }
    if (value == floor(value) && value >= -MAX_WHOLE && value < MAX_WHOLE)
        return json_integer((json_int_t)value);
    return json_real(value);
}

/* Whether the value at `index`, or a table's metatable, is among the arrays. */
static bool marked_as_array(lua_State *L, int index, int arrays)
{
    if (lua_type(L, index) == LUA_TLIGHTUSERDATA)
        lua_pushvalue(L, index);
    else if (!lua_getmetatable(L, index))
        return false;
    lua_rawget(L, arrays);
    bool marked = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return marked;
}

/* Whether the table is a list (of *length items) or an object; anything between is refused. */
static bool classify(lua_State *L, int index, int arrays, bool *list, size_t *length,
                     pomex_lua_problem *problem)
{
    size_t items = 0;
    size_t names = 0;
    double last = 0;
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        lua_pop(L, 1);
        int type = lua_type(L, -1);
        double position = type == LUA_TNUMBER ? (double)lua_tonumber(L, -1) : 0;
        if (type == LUA_TSTRING) {
            names++;
        } else if (type == LUA_TNUMBER && position >= 1 && position == floor(position)) {
            items++;
            last = position > last ? position : last;
        } else {
            return invalid(problem, true, "has a key that is neither a name nor a position");
        }
    }
    if (items > 0 && names > 0)
        return invalid(problem, true, "mixes list items and named fields");
    if (items > 0 && last != (double)items)
        return invalid(problem, true, "is a list with holes");
    *list = items > 0 || (names == 0 && marked_as_array(L, index, arrays));
    *length = items;
    return true;
}

static bool build_list(lua_State *L, int index, int arrays, int depth, size_t length,
                       json_t *array, pomex_lua_problem *problem)
{
    for (size_t i = 1; i <= length; i++) {
        lua_rawgeti(L, index, (int)i);
        if (!build(L, lua_gettop(L), arrays, depth, array, NULL, NULL, problem)) {
            char segment[32];
            snprintf(segment, sizeof segment, "[%zu]", i);
            prepend(problem, segment);
            return false;
        }
        lua_pop(L, 1);
    }
    return true;
}

static bool build_object(lua_State *L, int index, int arrays, int depth, json_t *object,
                         pomex_lua_problem *problem)
{
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        size_t length;
        const char *key = lua_tolstring(L, -2, &length);
        if (strlen(key) != length)
            return invalid(problem, true, "has a field name with a NUL byte");
        if (!build(L, lua_gettop(L), arrays, depth, object, key, NULL, problem)) {
            prepend(problem, key);
            return false;
        }
        lua_pop(L, 1);
    }
    return true;
}

static bool build_table(lua_State *L, int index, int arrays, int depth, json_t *parent,
                        const char *key, json_t **slot, pomex_lua_problem *problem)
{
    bool list = false;
    size_t length = 0;
    if (depth >= MAX_DEPTH)
        return invalid(problem, true, "is nested more than 64 levels deep, or in itself");
    if (!lua_checkstack(L, 8))
        return invalid(problem, false, "");
    if (!classify(L, index, arrays, &list, &length, problem))
        return false;
    json_t *value = list ? json_array() : json_object();
    if (!attach_value(value, parent, key, slot, problem))
        return false;
    return list ? build_list(L, index, arrays, depth + 1, length, value, problem)
                : build_object(L, index, arrays, depth + 1, value, problem);
}

static bool build(lua_State *L, int index, int arrays, int depth, json_t *parent,
                  const char *key, json_t **slot, pomex_lua_problem *problem)
{
    json_t *value = NULL;
    size_t length;
    const char *bytes;
    switch (lua_type(L, index)) {
    case LUA_TTABLE:
        return build_table(L, index, arrays, depth, parent, key, slot, problem);
    case LUA_TSTRING:
        bytes = lua_tolstring(L, index, &length);
        value = text(bytes, length, problem);
        break;
    case LUA_TNUMBER:
        value = number(L, index, problem);
        break;
    case LUA_TBOOLEAN:
        value = json_boolean(lua_toboolean(L, index));
        break;
    case LUA_TLIGHTUSERDATA:
        if (lua_touserdata(L, index) == NULL) {
            value = json_null();
            break;
        }
        if (marked_as_array(L, index, arrays)) {
            value = json_array();
            break;
        }
        /* fall through */
    default:
        snprintf(problem->message, sizeof problem->message, "is a %s, which JSON cannot say",
                 lua_typename(L, lua_type(L, index)));
        problem->misuse = true;
        return false;
    }
    return value != NULL ? attach_value(value, parent, key, slot, problem) : false;
}

bool pomex_lua_to_json(lua_State *L, int index, int arrays_index, json_t **slot,
                       pomex_lua_problem *problem)
{
    json_decref(*slot);
    *slot = NULL;
    problem->misuse = false;
    problem->message[0] = '\0';
    memset(problem->path, 0, sizeof problem->path);
    if (lua_isnoneornil(L, index))
        return true;
    int top = lua_gettop(L);
    bool built = build(L, index, arrays_index, 0, NULL, NULL, slot, problem);
    lua_settop(L, top);
    if (!built) {
        json_decref(*slot);
        *slot = NULL;
    }
    return built;
}

/* Whether a reply must not keep the value on top of the stack; if so, pushes its replacement. */
static bool replaced(lua_State *L)
{
    if (lua_type(L, -1) == LUA_TLIGHTUSERDATA && lua_touserdata(L, -1) == NULL) {
        lua_pushnil(L);
        return true;
    }
#if LUA_VERSION_NUM >= 503
    if (lua_type(L, -1) == LUA_TNUMBER && !lua_isinteger(L, -1)) {
        lua_Number value = lua_tonumber(L, -1);
        if (value == floor(value) && value >= -MAX_WHOLE && value < MAX_WHOLE) {
            lua_pushinteger(L, (lua_Integer)value);
            return true;
        }
    }
#endif
    return false;
}

static void tidy_table(lua_State *L, int depth)
{
    luaL_checkstack(L, 8, "a reply is nested too deep");
    if (depth > 4 * MAX_DEPTH)
        luaL_error(L, "a reply is nested too deep");
    int table = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, table) != 0) {
        if (lua_type(L, -1) == LUA_TTABLE) {
            tidy_table(L, depth + 1);
        } else if (replaced(L)) {
            lua_pushvalue(L, -3);
            lua_insert(L, -2);
            lua_rawset(L, table);
        }
        lua_pop(L, 1);
    }
}

void pomex_lua_tidy_top(lua_State *L)
{
    if (lua_type(L, -1) == LUA_TTABLE)
        tidy_table(L, 0);
}

int pomex_lua_tidy(lua_State *L)
{
    lua_settop(L, 1);
    pomex_lua_tidy_top(L);
    return 1;
}
