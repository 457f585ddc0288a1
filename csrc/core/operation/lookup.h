/* Uploads that were perhaps carried out: pomex looks them up by their name, and adopts an asset
 * only if no other explanation is left. That none is listed proves nothing, so such an upload is
 * never sent again. */
#ifndef POMEX_LOOKUP_H
#define POMEX_LOOKUP_H

#include "operation/operation.h"

/* The kind of an upload that can be looked up. */
extern const pomex_kind pomex_lookup_kind;

/* The group of an upload; NULL: none, or it is no upload that can be looked up. */
const char *pomex_lookup_group(const pomex_operation *operation);

/* Keeps the item of a list as the reply, in the form of an asset. False: no memory. */
bool pomex_lookup_keep(pomex_operation *operation, const json_t *item);

/* Prepares an upload for a lookup: keeps its name, type and group, and gives it a name of 128
 * random bits if it has none. *body is replaced by the body to send. False: no memory. */
bool pomex_lookup_prepare(pomex_operation *operation, json_t **body);

/* Looks whether the upload that ended with `error` (taken over) was carried out. */
void pomex_lookup_begin(pomex_operation *operation, const pomex_outcome *outcome,
                        pomex_error *error);

/* The upload stays in doubt, and for a while so does every upload like it. This function and the
 * next do nothing for an operation that is no upload. */
void pomex_lookup_doubt(pomex_operation *operation);

/* The service answered 429 or 503, so the upload is sent again. If the service had stored it
 * anyway, nobody knows that asset: once the operation is over, the next upload of the same name
 * must not adopt it. */
void pomex_lookup_turned_away(pomex_operation *operation);

#endif
