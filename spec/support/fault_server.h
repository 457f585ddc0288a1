/* A server for what an HTTP library will not do on the wire: it runs on threads of its own in
 * the test's process, follows a script of steps, and keeps every request that arrived.
 *
 * For each request the first step is taken that matches it and is not used up. Steps that act
 * on a connection before anything is read (FAULT_..._AT_ONCE) are taken at the accept, if they
 * are the first that is not used up. A connection without a step is answered with 404.
 *
 * On HTTP/2 a request is a stream: FAULT_HANG leaves it open and goes on with the others,
 * FAULT_TRUNCATE ends it alone, FAULT_CLOSE and FAULT_RESET end the connection under all of
 * them. Of the kinds that are bytes of HTTP/1.1 there, each is a FAULT_CLOSE. */
#ifndef FAULT_SERVER_H
#define FAULT_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fault_kind {
    FAULT_ANSWER,          /* status, headers, body; the connection stays open */
    FAULT_RAW,             /* `body` as the bytes on the wire, then an orderly close */
    FAULT_CLOSE,           /* the request is read; then a close without a byte */
    FAULT_RESET,           /* the same with a reset */
    FAULT_HANG,            /* the request is read; no answer until the client gives up */
    FAULT_TRUNCATE,        /* announces all of the body, sends `cut` bytes of it, closes */
    FAULT_DRIP,            /* head at once, then one byte of the body every `delay` */
    FAULT_ENDLESS_HEADERS, /* a status line and headers without end */
    FAULT_ENDLESS_BODY,    /* a chunked body without end */
    FAULT_TUNNEL,          /* CONNECT: 200, then bytes to and from 127.0.0.1:`port` */
    FAULT_REFUSE_STREAM,   /* HTTP/2: RST_STREAM with REFUSED_STREAM */
    FAULT_HTTP_1_1,        /* HTTP/2: RST_STREAM with HTTP_1_1_REQUIRED */
    FAULT_GO_AWAY,         /* HTTP/2: GOAWAY, as of a request never looked at; then a close */
    FAULT_CLOSE_AT_ONCE,   /* accepted and closed before a byte is read */
    FAULT_RESET_AT_ONCE    /* the same with a reset */
};

typedef struct fault_step {
    enum fault_kind kind;
    const char *match;   /* the beginning of "METHOD PATH"; NULL: any request */
    int times;           /* how many requests it serves; 0: any number */
    int status;          /* 0: 200 */
    const char *headers; /* more header lines, each ended by \r\n; NULL: none */
    const char *body;    /* NULL: `size` times the byte "x" */
    size_t size;         /* 0: strlen of body */
    size_t cut;          /* FAULT_TRUNCATE */
    double delay;        /* seconds before the answer (FAULT_DRIP: before each byte) */
    int port;            /* FAULT_TUNNEL */
    bool close;          /* closes after the answer, and says so */
} fault_step;

typedef struct fault_request {
    char line[512];     /* "POST /v1/video/assets" */
    char headers[4096]; /* the header lines as they came */
    char body[4096];    /* its beginning */
    size_t body_length;
    int connection; /* 1: the first that was accepted */
    bool http2;
    char offered[64]; /* TLS: the protocols that the client offered, "h2,http/1.1" */
    int64_t at;       /* CLOCK_MONOTONIC, ns, when it had been read */
} fault_request;

typedef struct fault_server fault_server;

/* Starts on a free loopback port. `steps` (and the strings in them) must live as long as they
 * are followed. `ca_file`: NULL for plain TCP; else TLS with a certificate made for 127.0.0.1
 * and localhost, of which the authority is written to that file. NULL on failure. */
fault_server *fault_server_start(const fault_step *steps, size_t count, const char *ca_file);

/* From now on a TLS connection speaks HTTP/2 if the client offers it. */
void fault_server_speak_http2(fault_server *server);

/* Another script; forgets the requests so far. Connections stay. */
void fault_server_script(fault_server *server, const fault_step *steps, size_t count);

int fault_server_port(const fault_server *server);

/* How many requests arrived that begin with `match` (NULL: all). */
size_t fault_server_count(fault_server *server, const char *match);

/* How many connections were accepted since the start. */
int fault_server_connections(fault_server *server);

/* The one with this index among those; false: there is none. */
bool fault_server_request(fault_server *server, const char *match, size_t index,
                          fault_request *request);

/* Ends every connection and thread. NULL is allowed. */
void fault_server_stop(fault_server *server);

/* A loopback port on which nobody listens. */
int fault_server_refused_port(void);

#endif
