/* Every constraint of the API document, once. The client asks before it sends, the sandbox
 * before it accepts; both use the same words. Needs jansson, and libcurl for URLs. */
#ifndef POMEX_RULES_H
#define POMEX_RULES_H

#include "base/json.h" /* POMEX_MAX_BODY, POMEX_MAX_DEPTH */
#include "rules/endpoint.h"
#include "rules/violation.h"

#define POMEX_MAX_ID 256 /* bytes of an id in a path */

/* Whether `payload` may be sent to the endpoint: the body of a POST, or the query of a list
 * as an object (numbers may be integers or their strings; status a string with commas or an
 * array of strings). NULL counts as {}. False fills in *violation. */
bool pomex_rules_check(pomex_endpoint_id endpoint, const json_t *payload,
                       pomex_violation *violation);

/* Whether `id` may stand in a path: not empty, ".", ".."; no "/", "\", "%" or control byte;
 * at most POMEX_MAX_ID bytes. */
bool pomex_rules_check_id(const char *id, size_t length, pomex_violation *violation);

/* Whether `model` is one of the two that accept real-human assets. */
bool pomex_rules_is_seedance2(const char *model);

/* The id in "asset://<id>", or NULL. */
const char *pomex_rules_asset_uri(const char *url);

enum pomex_status_class { POMEX_GOING_ON, POMEX_SUCCEEDED, POMEX_FAILED };

/* What a status of the object that `endpoint` gets means, in any letter case (Status Values;
 * "cancelled", "canceled", "expired", "error", "rejected" and "timeout" are failures too; an
 * unknown status is going on). */
enum pomex_status_class pomex_rules_status_class(pomex_endpoint_id endpoint,
                                                 const char *status);

/* The error type that an HTTP status stands for ("Error Handling"); "api_error" if no other. */
const char *pomex_rules_error_type(int status);

#endif
