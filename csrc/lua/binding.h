/* Declarations that the files of the binding share. The binding takes userdata and returns tables;
 * nothing in it knows HTTP.
 *
 * Two rules keep it leak-free: a userdata is made empty and given its metatable before
 * anything is acquired into it, and no Lua error is thrown while something is held outside
 * one. No lua_State is kept between calls. */
#ifndef POMEX_LUA_BINDING_H
#define POMEX_LUA_BINDING_H

#include "compat.h"
#include "pomex.h"

typedef struct binding_client {
    pomex_client *client; /* NULL: closed */
    json_t *trees[4];     /* arguments being built; left by a raise, the next call frees them */
} binding_client;

typedef struct binding_operation {
    pomex_operation *operation; /* NULL: taken, or never begun */
    uint64_t id;
    int attempts;
    bool read;              /* the result is being read: the operation must stay */
    bool unwanted;          /* release the operation when the reading has ended */
    int64_t done, total;    /* bytes of a download whose result was taken */
    const char *looks_like; /* the same download's kind of file; a static string */
} binding_operation;

/* The userdata at argument 1 if its metatable is upvalue 1 of the running function. */
void *pomex_lua_self(lua_State *L, const char *kind);

/* The client at argument 1. Raises if the client is closed. */
binding_client *pomex_lua_client(lua_State *L);

/* Raises in a child of the process that used the client: a wait there would never end. */
void pomex_lua_must_be_usable(lua_State *L, const binding_client *client);

/* A client's method: poll([seconds, [descriptor, …]]) -> true | false | nil, "interrupted" or what
 * failed. Sleeps until a step of this client has work, or one of the descriptors is readable. A
 * signal returns to Lua, so that the debug hook of Ctrl-C can raise. */
int pomex_lua_poll(lua_State *L);

/* A client's method: finish(operation) -> whether it is done. Polls and steps until it is, of which
 * no step will tell then, or until there is something that only Lua can deal with. */
int pomex_lua_finish(lua_State *L);

/* event.c: a client's method, which takes its oldest event. */
int pomex_lua_next_event(lua_State *L);

/* operation.c: a client's method: nudge(id) -> how many waits look now. */
int pomex_lua_nudge(lua_State *L);

/* Push a metatable with its methods: client methods need the operations' metatable. */
void pomex_lua_push_operation_class(lua_State *L);
void pomex_lua_push_client_class(lua_State *L);
void pomex_lua_push_process_class(lua_State *L);
void pomex_lua_push_bridge_class(lua_State *L);

/* Pushes an empty operation with the metatable at `class_index`, owned by the client at argument 1.
 * The operation at `spare_index` is used again if its result was taken (0: there is no spare one);
 * otherwise a new one is made. */
binding_operation *pomex_lua_new_operation(lua_State *L, int class_index, int spare_index);

/* Pushes a table of the error's fields (docs/reference.md, Errors); unset fields are absent. */
void pomex_lua_push_error(lua_State *L, const pomex_error *error);

/* Pushes a userdata that owns an error, so that the error is freed even if its conversion raises. */
pomex_error **pomex_lua_hold_error(lua_State *L);

/* Pushes "no", "maybe" or "yes". */
void pomex_lua_push_billed(lua_State *L, pomex_billed billed);

/* Pushes nil and a new error table. The Lua side raises an error of type "misuse", since only it
 * knows the caller's line. Returns 2. */
int pomex_lua_fail(lua_State *L, const char *type, const char *message);

/* core.new(options, checks): upvalue 1 is the clients' metatable. `checks`: true or nil, error, and no
 * client is made (see pomex_options_check). */
int pomex_lua_new(lua_State *L);

/* Reads the table of per-call options at `index` (nil or none: all unset). */
void pomex_lua_read_call_options(lua_State *L, int index, pomex_call_options *options);

/* Pushes field `name` of the table at `index` without calling a metamethod: a metamethod could
 * close the client while its options are read. */
void pomex_lua_push_field(lua_State *L, int index, const char *name);

/* The string in field `name` of the table at `index`, or NULL; it lives as long as the table
 * holds it. Raises on another type or a NUL byte. */
const char *pomex_lua_field_string(lua_State *L, int index, const char *name);

/* The string argument `index`, or NULL for nil. Raises on another type or a NUL byte. */
const char *pomex_lua_text(lua_State *L, int index);

typedef struct pomex_lua_problem {
    bool misuse;       /* no value of this Lua type can be sent, as opposed to this value */
    char message[128]; /* empty: memory ran out */
    char path[192];    /* "content[2].image_url"; a longer path loses its beginning */
} pomex_lua_problem;

/* Builds the JSON of the value at `index` into *slot, after freeing what *slot held. nil and none
 * leave NULL. If Lua raises meanwhile, *slot still owns all that was built. The table at
 * `arrays_index` is core.arrays. */
bool pomex_lua_to_json(lua_State *L, int index, int arrays_index, json_t **slot,
                       pomex_lua_problem *problem);

/* core.tidy(value): removes the null fields of a decoded reply and makes its whole numbers integers. */
int pomex_lua_tidy(lua_State *L);

/* The same for the value on top of the stack. */
void pomex_lua_tidy_top(lua_State *L);

/* core.decimal_point(), core.plainly(f, …) */
int pomex_lua_decimal_point(lua_State *L);
int pomex_lua_plainly(lua_State *L);

/* core.hmac_sha256(key, data) -> 32 bytes. */
int pomex_lua_hmac_sha256(lua_State *L);

/* core.equal(a, b): whether the strings are equal, in a time that depends on their lengths alone. */
int pomex_lua_equal(lua_State *L);

/* core.spawn(path, arguments): upvalue 1 is the processes' metatable. */
int pomex_lua_spawn(lua_State *L);

/* core.bridge(): upvalue 1 is the bridges' metatable. */
int pomex_lua_bridge(lua_State *L);

#endif
