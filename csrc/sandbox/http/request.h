/* One request, from its first line to the end of its response. */
#ifndef POMEX_SB_REQUEST_H
#define POMEX_SB_REQUEST_H

#include "sandbox/http/response.h"
#include "sandbox/http/server.h"

#include "rules/endpoint.h"

#include <jansson.h>
#include <microhttpd.h>

enum pomex_sb_phase { POMEX_SB_HEAD, POMEX_SB_BODY, POMEX_SB_DECIDED };

/* How the response is sent. */
enum pomex_sb_manner {
    POMEX_SB_WHOLE,
    POMEX_SB_DROP,     /* not at all: the connection is closed without a byte */
    POMEX_SB_HANG,     /* not at all: the connection stays open */
    POMEX_SB_TRUNCATE, /* half of what Content-Length promises */
    POMEX_SB_DRIP      /* a byte every 50 ms */
};

typedef struct pomex_sb_request {
    pomex_sb_server *server;
    struct pomex_sb *sandbox;
    struct MHD_Connection *connection;
    enum pomex_sb_phase phase;
    char *target; /* as received, without the query */
    char *query;  /* as received, without "?"; "" if there is none */
    char method[16];
    char *body; /* NUL-terminated */
    size_t length;
    size_t capacity;
    bool reused;       /* not the first request on its connection */
    uint64_t number;   /* of X-Request-Id */
    uint64_t received; /* bytes of the body; of one that is too large, not all are kept */
    bool out_of_memory;
    const pomex_endpoint *endpoint; /* of the API, or NULL */
    const char *id;                 /* the id in the path, still percent-encoded */
    const char *place;              /* its name for faults and the journal, or NULL */
    int64_t account;                /* the account of its key; 0: none */
    pomex_sb_response response;
    enum pomex_sb_manner manner;
    double delay; /* seconds before the response */
    pomex_sb_waiter waiter;
    bool abandoned; /* the sandbox ends, or the client has gone: close the connection */
} pomex_sb_request;

/* The value of a header, or NULL. */
const char *pomex_sb_request_header(const pomex_sb_request *request, const char *name);

/* The query as an object of strings. NULL, with an error as the response, if it is not valid
 * UTF-8 or memory ran out. */
json_t *pomex_sb_request_query(pomex_sb_request *request);

/* The body as an object. NULL, with an error as the response, if it is none. */
json_t *pomex_sb_request_json(pomex_sb_request *request);

/* Whether the path is `folder` or below it: "/h5" and "/h5/…", but not "/h5x". */
bool pomex_sb_request_under(const pomex_sb_request *request, const char *folder);

#endif
