/* Forms a request: turns what the caller gave into the bytes that are sent. */
#ifndef POMEX_REQUEST_H
#define POMEX_REQUEST_H

#include "operation/operation.h"

/* Forms the request of a documented endpoint; see pomex_client_call. `validate`: check it by the
 * document's rules. NULL, or what is wrong. */
pomex_error *pomex_request_form(pomex_operation *operation, const char *id, size_t id_length,
                                json_t *payload, bool validate);

/* The URL: base URL and url_path (or endpoint path and object_id). NULL if memory ran out. */
char *pomex_request_url(const pomex_operation *operation);

/* Appends "?a=b&c=d" of an object's strings, numbers, booleans and arrays of strings (joined
 * by commas); nulls are left out. False if memory ran out. */
bool pomex_request_append_query(pomex_buffer *url_path, const json_t *query);

/* Appends one such field, escaped. False if memory ran out. */
bool pomex_request_append_field(pomex_buffer *url_path, const char *key, const json_t *value);

/* Sets the body that is sent. NULL, or what is wrong. */
pomex_error *pomex_request_set_body(pomex_operation *operation, const json_t *body);

#endif
