/* A server for what an HTTP library will not do on the wire: it runs on threads of its own in
 * the test's process, follows a script of steps, and keeps every request that arrived. It may
 * stand before another server, hand requests on, and do to the answers what a network does.
 *
 * For each request the first step is taken that matches it and is not used up. Steps that act
 * on a connection before anything is read (FAULT_..._AT_ONCE) are taken at the accept, if they
 * are the first that is not used up. A connection without a step is answered with 404.
 *
 * Over TLS it takes `h2` where a client offers that, and then says nothing more: pomex speaks
 * HTTP/1.1 alone. */
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
    FAULT_RELAY,           /* the answer of the server at `port`; `cut`: only so many bytes of
                              it, then a close */
    FAULT_RESET_WITHIN,    /* `cut` bytes of the request's body are read; then a reset */
    FAULT_CLOSE_AT_ONCE,   /* accepted and closed before a byte is read */
    FAULT_RESET_AT_ONCE,   /* the same with a reset */
    FAULT_RAW_AT_ONCE,     /* accepted and told `body`, in clear also where TLS is expected */
    FAULT_HANG_AT_ONCE,    /* accepted, and left alone */
    FAULT_CUT_AT_ONCE,     /* reset after `cut` bytes have come, of TLS's handshake for one */
    FAULT_STRANGER         /* TLS with a certificate of nobody's */
};

typedef struct fault_step {
    enum fault_kind kind;
    const char *match;   /* the beginning of "METHOD PATH"; NULL: any request */
    int times;           /* how many requests it serves; 0: any number */
    int status;          /* 0: 200 */
    const char *headers; /* more header lines, each ended by \r\n; NULL: none */
    const char *body;    /* NULL: `size` times the byte "x" */
    size_t size;         /* 0: strlen of body */
    size_t cut;          /* FAULT_TRUNCATE, FAULT_RELAY, …: a number of bytes */
    double delay;        /* seconds before the answer (FAULT_DRIP: before each byte) */
    int port;            /* FAULT_TUNNEL, FAULT_RELAY, `forward`: on 127.0.0.1 */
    bool close;          /* closes after the answer, and says so */
    bool reset;          /* the connection, if it ends here, ends with a reset */
    bool forward;        /* before all else, hands the request on and awaits the answer, which
                            only FAULT_RELAY (and FAULT_DRIP) passes on */
    size_t forward_cut;  /* … only so many bytes of it, and then ends that connection */
} fault_step;

typedef struct fault_request {
    char line[512];     /* "POST /v1/video/assets" */
    char headers[4096]; /* the header lines as they came */
    char body[4096];    /* its beginning */
    size_t body_length;
    int connection;   /* 1: the first that was accepted */
    char offered[64]; /* TLS: the protocols that the client offered, "http/1.1" */
    char certificate
        [64];      /* TLS: the name (CN) in the client's certificate; "": it showed none */
    int64_t at;    /* CLOCK_MONOTONIC, ns, when it had been read */
    bool followed; /* by all that its step had to send */
} fault_request;

typedef struct fault_result {
    bool handed_on;   /* all of the request was */
    bool whole;       /* all of an answer was written */
    int status;       /* of the answer of the server behind us; 0: it gave none */
    const char *body; /* … and its beginning, up to the first NUL; "" */
} fault_result;

/* In the place of a script. Called from the threads of the connections, several at once. */
typedef struct fault_chooser {
    /* The step for a request, of which at least the head and the first FAULT_BEGINNING bytes of
     * the body (or all of it) are here; `request` NULL: for a connection, before anything is
     * read. False: a 404; a connection that is served. */
    bool (*choose)(void *user, const fault_request *request, fault_step *step);
    /* The step has been followed. For a connection's the line is empty, and `body` is what had
     * been read. */
    void (*followed)(void *user, const fault_request *request, const fault_step *step,
                     const fault_result *result);
    void *user;
} fault_chooser;

#define FAULT_BEGINNING 512

typedef struct fault_server fault_server;

/* Starts on a free loopback port. `steps` (and the strings in them) must live as long as they
 * are followed. `ca_file`: NULL for plain TCP; else TLS with a certificate made for 127.0.0.1
 * and localhost, of which the authority is written to that file. NULL on failure. */
fault_server *fault_server_start(const fault_step *steps, size_t count, const char *ca_file);

/* From now on TLS is of version 1.2 alone, whatever the system's configuration says. */
void fault_server_speak_tls_1_2(fault_server *server);

/* From now on it asks clients for a certificate, of whatever issuer; `demands`: one that shows none is
 * turned away in the handshake. */
void fault_server_ask_certificate(fault_server *server, bool demands);

/* From now on the chooser is asked, and no request is kept. It must live as long. */
void fault_server_choose(fault_server *server, const fault_chooser *chooser);

/* Ends every connection and refuses new ones; listens at the same port again (false: it was
 * taken). */
void fault_server_leave(fault_server *server);
bool fault_server_return(fault_server *server);

/* Another script; forgets the requests so far. Connections stay. */
void fault_server_script(fault_server *server, const fault_step *steps, size_t count);

int fault_server_port(const fault_server *server);

/* How many requests arrived that begin with `match` (NULL: all). */
size_t fault_server_count(fault_server *server, const char *match);

/* … and how many of those have been followed by the whole of an answer. */
size_t fault_server_answered(fault_server *server, const char *match);

/* How many connections were accepted since the start. */
int fault_server_connections(fault_server *server);

/* How many of them were lost to a client that offered `h2`. */
int fault_server_lost_to_h2(fault_server *server);

/* The one with this index among those; false: there is none. */
bool fault_server_request(fault_server *server, const char *match, size_t index,
                          fault_request *request);

/* Ends every connection and thread. NULL is allowed. */
void fault_server_stop(fault_server *server);

/* A loopback port on which nobody listens. */
int fault_server_refused_port(void);

#endif
