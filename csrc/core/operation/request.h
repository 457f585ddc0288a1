/* Forming a request: from what the caller gave to what goes onto the wire. */
#ifndef POMEX_REQUEST_H
#define POMEX_REQUEST_H

#include "operation/operation.h"

/* Fills in what a call of a documented endpoint sends; see pomex_client_call. `validate`: by the
 * document's rules. NULL, or what is wrong. */
pomex_error *pomex_request_form(pomex_operation *operation, const char *id, size_t id_length,
                                json_t *payload, bool validate);

/* base URL + url_path (or endpoint + object_id); NULL if memory ran out. */
char *pomex_request_url(const pomex_operation *operation);

/* Appends "?a=b&c=d" of an object's strings, numbers, booleans and arrays of strings (joined
 * by commas); nulls are left out. False if memory ran out. */
bool pomex_request_append_query(pomex_buffer *url_path, const json_t *query);

/* Appends one such field, escaped. False if memory ran out. */
bool pomex_request_append_field(pomex_buffer *url_path, const char *key, const json_t *value);

/* Sets the body that is sent. NULL, or what is wrong. */
pomex_error *pomex_request_set_body(pomex_operation *operation, const json_t *body);

#endif
