/* One request, from its first line to the end of its answer. */
#ifndef POMEX_SB_REQUEST_H
#define POMEX_SB_REQUEST_H

#include "sandbox/control/sandbox.h"
#include "sandbox/http/response.h"

enum pomex_sb_phase { POMEX_SB_HEAD, POMEX_SB_BODY, POMEX_SB_DECIDED };

/* What a fault left of the answer. */
enum pomex_sb_manner {
    POMEX_SB_SEND,
    POMEX_SB_DROP,     /* the connection is closed without a byte */
    POMEX_SB_HANG,     /* nothing is ever sent */
    POMEX_SB_TRUNCATE, /* half of what Content-Length promises */
    POMEX_SB_DRIP      /* a byte each 50 ms */
};

typedef struct pomex_sb_request {
    pomex_sb *sandbox;
    struct MHD_Connection *connection;
    enum pomex_sb_phase phase;
    char *target; /* as it came, the query cut off */
    char *query;  /* as it came, without "?"; "" if there is none */
    char method[16];
    char *body; /* NUL-terminated */
    size_t length;
    size_t capacity;
    bool reused;       /* not the first on its connection */
    uint64_t number;   /* of X-Request-Id */
    uint64_t received; /* bytes that came; more than were kept where it is too large */
    bool out_of_memory;
    const pomex_endpoint *endpoint; /* of the API, or NULL */
    const char *id;                 /* in the path, still encoded */
    const char *place;              /* name for faults and the journal, or NULL */
    int64_t account;                /* whose key it bears; 0: nobody's */
    pomex_sb_answer answer;
    enum pomex_sb_manner manner;
    double delay; /* seconds before the answer */
    pomex_sb_waiter waiter;
    bool abandoned; /* the sandbox ends, or the client has gone: close */
} pomex_sb_request;

/* The value of a header, or NULL. */
const char *pomex_sb_request_header(const pomex_sb_request *request, const char *name);

/* The query as an object of strings. NULL with an error as the answer if it is not UTF-8 or
 * memory ran out. */
json_t *pomex_sb_request_query(pomex_sb_request *request);

/* The body as an object; NULL with an error as the answer. */
json_t *pomex_sb_request_json(pomex_sb_request *request);

/* A value of the query, or of a form ("a=b&c=d"), decoded into `out`; false if it is not there
 * or does not fit. */
bool pomex_sb_form_value(const char *form, const char *name, char *out, size_t size);

/* Decodes %XX in `text` into `out`; false if an escape is bad, or it does not fit. */
bool pomex_sb_percent_decode(const char *text, size_t length, bool plus, char *out, size_t size,
                             size_t *out_length);

/* Whether the first part of a path is this folder: "/h5" of "/h5" and "/h5/…". */
bool pomex_sb_request_under(const pomex_sb_request *request, const char *folder);

#endif
