/* What each verb of the store is asked and answers, as tables of fields; store_values.c turns these
 * into Lua tables and back, so that no verb has code of its own. */
#ifndef POMEX_LUA_STORE_FIELDS_H
#define POMEX_LUA_STORE_FIELDS_H

#include "compat.h"
#include "store/store.h"

typedef enum pomex_lua_kind {
    POMEX_LUA_WHOLE, /* int64_t; POMEX_STORE_NEVER is math.huge */
    POMEX_LUA_COUNT, /* int */
    POMEX_LUA_FLAG,  /* int, 0 or 1: a boolean */
    POMEX_LUA_TEXT,  /* const char *; NULL: the field is absent */
    POMEX_LUA_TIME,  /* int64_t, milliseconds: seconds in Lua */
    POMEX_LUA_WORD,  /* an enum: the word at its value */
    POMEX_LUA_WORDS, /* an array of unsigned char: a list of words */
    POMEX_LUA_SUMS,  /* int64_t[]: a table with each word as a key */
    POMEX_LUA_MASK,  /* unsigned: a list of words, a bit for each */
    POMEX_LUA_IDS,   /* an array of int64_t: a list */
    POMEX_LUA_TEXTS, /* an array of texts: a list */
    POMEX_LUA_ROWS /* an array of structures: a list of tables; one structure if `size` is 0 */
} pomex_lua_kind;

enum { POMEX_LUA_ASKED = 1, POMEX_LUA_ANSWERED = 2 };

/* A member of a structure of store/verbs.h. */
typedef struct pomex_lua_field {
    const char *name; /* NULL ends a list of fields */
    pomex_lua_kind kind;
    int way;
    size_t offset;
    size_t count;                         /* of an array: the offset of its length, a size_t */
    const char *const *words;             /* of WORD, WORDS, SUMS and MASK; ends with NULL */
    const struct pomex_lua_field *fields; /* of a row */
    size_t size;                          /* of a row */
} pomex_lua_field;

typedef struct pomex_lua_verb {
    const char *name;
    const pomex_lua_field *fields;
} pomex_lua_verb;

extern const pomex_lua_verb pomex_lua_store_verbs[]; /* by enum pomex_store_verb */
extern const char *const pomex_lua_store_answers[];  /* by enum pomex_store_answer */

/* Fills in the request from the table at `index`; texts are copied into the request's memory.
 * Raises with the field's path at a value of another type, and at an unknown field. */
void pomex_lua_store_read(lua_State *L, int index, pomex_store_request *request);

/* Pushes a table of the answer: verb, answer, why, and the fields that the verb answers. */
void pomex_lua_store_push(lua_State *L, const pomex_store_request *request);

#endif
