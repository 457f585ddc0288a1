/* Turns Lua tables into the store's requests, and answers into Lua tables. */
#include "store_fields.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Where a value stands, for an error: "put.jobs[3].key". */
typedef struct place {
    pomex_store_request *request;
    char path[96];
} place;

static void read_fields(lua_State *L, int index, place at, const pomex_lua_field *fields,
                        char *to);

/* The place of a field, or (name NULL) of a list's item. */
static place within(const place *at, const char *name, size_t number)
{
    place inner = {.request = at->request};
    char part[64];
    if (name != NULL)
        snprintf(part, sizeof part, ".%s", name);
    else
        snprintf(part, sizeof part, "[%zu]", number);
    snprintf(inner.path, sizeof inner.path, "%.*s%s", (int)(sizeof inner.path - sizeof part),
             at->path, part);
    return inner;
}

static void wrong(lua_State *L, const place *at, const char *wanted)
{
    luaL_error(L, "%s must be %s, not a %s", at->path, wanted, luaL_typename(L, -1));
}

static void *memory(lua_State *L, const place *at, size_t size)
{
    void *bytes = pomex_store_memory(at->request, size);
    if (bytes == NULL) {
        luaL_error(L, "not enough memory");
    }
    return bytes;
}

/* The value on top of the stack as a whole number, `scale` times. */
static int64_t whole(lua_State *L, const place *at, double scale)
{
    if (lua_type(L, -1) != LUA_TNUMBER) {
        wrong(L, at, "a number");
    }
    double value = (double)lua_tonumber(L, -1) * scale;
    if (isnan(value)) {
        luaL_error(L, "%s must be a number, not NaN", at->path);
    }
    if (value >= 9.2e18) {
        return POMEX_STORE_NEVER;
    }
    if (scale == 1 && value != floor(value)) {
        luaL_error(L, "%s must be a whole number", at->path);
    }
    return (int64_t)fmax(value, -9.2e18);
}

static const char *text(lua_State *L, const place *at)
{
    size_t length;
    if (lua_type(L, -1) != LUA_TSTRING) {
        wrong(L, at, "a string");
    }
    const char *bytes = lua_tolstring(L, -1, &length);
    if (strlen(bytes) != length) {
        luaL_error(L, "%s must not hold a NUL byte", at->path);
    }
    char *copy = memory(L, at, length + 1);
    memcpy(copy, bytes, length + 1);
    return copy;
}

static int word(lua_State *L, const place *at, const char *const *words)
{
    if (lua_type(L, -1) != LUA_TSTRING) {
        wrong(L, at, "a string");
    }
    const char *given = lua_tostring(L, -1);
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], given) == 0) {
            return i;
        }
    }
    return luaL_error(L, "%s must not be \"%s\"", at->path, given);
}

static unsigned mask(lua_State *L, const place *at, const char *const *words)
{
    unsigned bits = 0;
    size_t length = lua_rawlen(L, -1);
    for (size_t i = 1; i <= length; i++) {
        place inner = within(at, NULL, i);
        lua_rawgeti(L, -1, (int)i);
        bits |= 1u << word(L, &inner, words);
        lua_pop(L, 1);
    }
    return bits;
}

/* Reads the list on top of the stack into an array in the request's memory. */
static void *array(lua_State *L, const place *at, const pomex_lua_field *field, size_t *count)
{
    *count = lua_rawlen(L, -1);
    size_t size = field->kind == POMEX_LUA_ROWS  ? field->size
                  : field->kind == POMEX_LUA_IDS ? sizeof(int64_t)
                                                 : sizeof(const char *);
    char *rows = memory(L, at, (*count + 1) * size);
    for (size_t i = 0; i < *count; i++) {
        place inner = within(at, NULL, i + 1);
        lua_rawgeti(L, -1, (int)i + 1);
        if (field->kind == POMEX_LUA_ROWS) {
            read_fields(L, lua_gettop(L), inner, field->fields, rows + i * size);
        } else if (field->kind == POMEX_LUA_IDS) {
            ((int64_t *)(void *)rows)[i] = whole(L, &inner, 1);
        } else {
            ((const char **)(void *)rows)[i] = text(L, &inner);
        }
        lua_pop(L, 1);
    }
    return rows;
}

/* Reads the value on top of the stack into the member at `to`. */
static void read_field(lua_State *L, const place *at, const pomex_lua_field *field, char *base)
{
    void *to = base + field->offset;
    switch (field->kind) {
    case POMEX_LUA_WHOLE:
        *(int64_t *)to = whole(L, at, 1);
        break;
    case POMEX_LUA_TIME:
        *(int64_t *)to = whole(L, at, 1e3);
        break;
    case POMEX_LUA_FLAG:
        if (lua_type(L, -1) != LUA_TBOOLEAN) {
            wrong(L, at, "a boolean");
        }
        *(int *)to = lua_toboolean(L, -1);
        break;
    case POMEX_LUA_TEXT:
        *(const char **)to = text(L, at);
        break;
    case POMEX_LUA_WORD:
        *(int *)to = word(L, at, field->words);
        break;
    default:
        if (lua_type(L, -1) != LUA_TTABLE) {
            wrong(L, at, "a list");
        }
        if (field->kind == POMEX_LUA_MASK) {
            *(unsigned *)to = mask(L, at, field->words);
        } else {
            *(void **)to = array(L, at, field, (size_t *)(void *)(base + field->count));
        }
    }
}

static const pomex_lua_field *asked(const pomex_lua_field *fields, const char *name)
{
    for (; fields->name != NULL; fields++) {
        if ((fields->way & POMEX_LUA_ASKED) && strcmp(fields->name, name) == 0) {
            return fields;
        }
    }
    return NULL;
}

static void read_fields(lua_State *L, int index, place at, const pomex_lua_field *fields,
                        char *to)
{
    luaL_checkstack(L, 6, NULL);
    if (lua_type(L, index) != LUA_TTABLE) {
        luaL_error(L, "%s must be a table, not a %s", at.path, luaL_typename(L, index));
    }
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
        const pomex_lua_field *field = asked(fields, name);
        place inner = within(&at, name, 0);
        if (field == NULL) {
            luaL_error(L, "%s is no field of that verb", inner.path);
        } else {
            read_field(L, &inner, field, to);
        }
        lua_pop(L, 1);
    }
}

void pomex_lua_store_read(lua_State *L, int index, pomex_store_request *request)
{
    const pomex_lua_verb *verb = &pomex_lua_store_verbs[request->verb];
    place at = {.request = request};
    snprintf(at.path, sizeof at.path, "%s", verb->name);
    read_fields(L, index, at, verb->fields, (char *)&request->beat);
}

static void push_whole(lua_State *L, int64_t value, double scale)
{
    if (value == POMEX_STORE_NEVER) {
        lua_pushnumber(L, (lua_Number)HUGE_VAL);
    } else if (scale == 1) {
        pomex_lua_pushwhole(L, value);
    } else {
        lua_pushnumber(L, (lua_Number)((double)value * scale));
    }
}

static void push_fields(lua_State *L, const pomex_lua_field *fields, const char *from);

static void push_list(lua_State *L, const pomex_lua_field *field, const char *base)
{
    const char *rows = *(const char *const *)(const void *)(base + field->offset);
    size_t count = *(const size_t *)(const void *)(base + field->count);
    count = rows != NULL ? count : 0;
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        if (field->kind == POMEX_LUA_WORDS) {
            lua_pushstring(L, field->words[((const unsigned char *)rows)[i]]);
        } else {
            lua_newtable(L);
            push_fields(L, field->fields, rows + i * field->size);
        }
        lua_rawseti(L, -2, (int)i + 1);
    }
}

static void push_field(lua_State *L, const pomex_lua_field *field, const char *base)
{
    const void *from = base + field->offset;
    switch (field->kind) {
    case POMEX_LUA_WHOLE:
        push_whole(L, *(const int64_t *)from, 1);
        break;
    case POMEX_LUA_TIME:
        push_whole(L, *(const int64_t *)from, 1e-3);
        break;
    case POMEX_LUA_COUNT:
        lua_pushinteger(L, *(const int *)from);
        break;
    case POMEX_LUA_FLAG:
        lua_pushboolean(L, *(const int *)from);
        break;
    case POMEX_LUA_TEXT:
        lua_pushstring(L, *(const char *const *)from);
        break;
    case POMEX_LUA_WORD:
        lua_pushstring(L, field->words[*(const int *)from]);
        break;
    case POMEX_LUA_SUMS:
        lua_newtable(L);
        for (int i = 0; field->words[i] != NULL; i++) {
            push_whole(L, ((const int64_t *)from)[i], 1);
            lua_setfield(L, -2, field->words[i]);
        }
        break;
    default:
        if (field->size == 0 && field->kind == POMEX_LUA_ROWS) {
            lua_newtable(L);
            push_fields(L, field->fields, from);
        } else {
            push_list(L, field, base);
        }
    }
}

static void push_fields(lua_State *L, const pomex_lua_field *fields, const char *from)
{
    luaL_checkstack(L, 6, NULL);
    for (; fields->name != NULL; fields++) {
        if (fields->way & POMEX_LUA_ANSWERED) {
            push_field(L, fields, from);
            lua_setfield(L, -2, fields->name);
        }
    }
}

/* Whether the answer's own fields are filled in. */
static bool has_fields(enum pomex_store_answer answer)
{
    return answer <= POMEX_STORE_LATER;
}

void pomex_lua_store_push(lua_State *L, const pomex_store_request *request)
{
    const pomex_lua_verb *verb = &pomex_lua_store_verbs[request->verb];
    luaL_checkstack(L, 6, NULL);
    lua_newtable(L);
    if (has_fields(request->answer)) {
        push_fields(L, verb->fields, (const char *)&request->beat);
    }
    lua_pushstring(L, verb->name);
    lua_setfield(L, -2, "verb");
    lua_pushstring(L, pomex_lua_store_answers[request->answer]);
    lua_setfield(L, -2, "answer");
    if (request->why != NULL) { /* the counts of a queue have a why of their own */
        lua_pushstring(L, request->why);
        lua_setfield(L, -2, "why");
    }
}
