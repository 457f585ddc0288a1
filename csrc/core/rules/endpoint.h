/* The one table of endpoints: client and sandbox both read it. */
#ifndef POMEX_ENDPOINT_H
#define POMEX_ENDPOINT_H

#include "pomex.h"

/* What repeating a request could do; the retry table (retry.c) has one row for each. */
enum pomex_effect {
    POMEX_EFFECT_NONE,   /* a GET */
    POMEX_EFFECT_SPARE,  /* a session: one too many costs nothing */
    POMEX_EFFECT_ASSET,  /* an upload: one too many is a face stored twice */
    POMEX_EFFECT_BILLED, /* a generation: one too many is paid for */
    POMEX_EFFECT_CANCEL, /* a DELETE: one too late deletes the record of a paid video */
    POMEX_EFFECT_UNKNOWN /* the caller's own request, of which nothing is known */
};

typedef struct pomex_endpoint {
    pomex_endpoint_id id;
    const char *name;       /* "assets.get": errors, events, faults */
    const char *limit_name; /* "asset_get": the key in rate_limits */
    const char *method;
    const char *path; /* below the base URL; ends in "/" where an id follows */
    bool has_id;
    enum pomex_effect effect;
    double rate_limit;  /* documented requests a second; 0: none */
    const char *object; /* the "object" of its 200 */
    /* Whether the service answers: it gets the key, and its words can be shown. If not, the host of a
     * signed link answers. */
    bool of_service;
} pomex_endpoint;

/* The row of `id`; never NULL for a value of the enum. */
const pomex_endpoint *pomex_endpoint_of(pomex_endpoint_id id);

/* The row with this name or limit_name, or NULL. */
const pomex_endpoint *pomex_endpoint_named(const char *name);

/* The row that serves METHOD PATH (no query), or NULL; *id then points at the id within `path`
 * (still percent-encoded), or is NULL. For servers. */
const pomex_endpoint *pomex_endpoint_match(const char *method, const char *path,
                                           const char **id);

#endif
