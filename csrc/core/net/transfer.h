/* One HTTP exchange: an easy handle of libcurl's, what was recorded while it ran, and how it
 * ended. libcurl's callbacks append bytes or record a fact, nothing else. */
#ifndef POMEX_TRANSFER_H
#define POMEX_TRANSFER_H

#include "base/buffer.h"
#include "base/list.h"
#include "file/partfile.h"
#include "file/sniff.h"
#include "net/headers.h"
#include "net/limiter.h"

#include <curl/curl.h>

typedef struct pomex_net pomex_net;

/* How an attempt ended. */
enum pomex_ending {
    POMEX_ANSWERED,  /* a whole answer came */
    POMEX_NETWORK,   /* the network or the other side failed */
    POMEX_UNTRUSTED, /* the certificate of the other side is not trusted */
    POMEX_TIMED_OUT, /* our deadline passed */
    POMEX_STALLED,   /* a download crawled */
    POMEX_OVERSIZED, /* more bytes than we take */
    POMEX_LOCAL,     /* a file of ours could not be written */
    POMEX_LATE,      /* the caller's send_by passed before a byte was sent */
    POMEX_CANCELLED, /* the caller ended it, or closed the client */
    POMEX_NO_MEMORY
};

typedef struct pomex_transfer {
    CURL *easy;
    CURLU *url; /* the base URL with the path and query of a plain GET; NULL: a stranger's */
    pomex_net *net;
    void *owner;                 /* who started it; NULL: it is in the pool */
    struct pomex_transfer *next; /* in the pool */
    struct curl_slist *headers;  /* this request's own, before pomex's; or NULL */
    struct curl_slist *tail;     /* pomex's, which hang behind them */
    bool stranger;               /* it speaks to the host of a link, not to the service */
    bool by_parts;               /* libcurl takes the URL from `url` */
    bool plain;                  /* the handle is set up for a plain GET to the service */
    bool fresh;                  /* … whose headers forbid caches to answer */
    bool by_proxy;   /* an http request that goes through a proxy, which can answer it */
    bool once;       /* it must not be sent a second time */
    bool sent;       /* the request went onto the wire, or could have */
    bool repeated;   /* libcurl was about to send it again; we refused */
    bool late;       /* it was connected after send_by, so it was not sent */
    bool no_slot;    /* it took so long to connect that others took its slot */
    int64_t send_by; /* if `once`: the latest time to send it */
    int64_t expires; /* if `once`: the same in BOOTTIME, as the caller set it */
    bool expired;    /* `expires` had passed, so it was not sent */
    int64_t sent_at;
    int64_t started;
    uint64_t number; /* among the client's attempts */
    pomex_slot slot;
    bool body_too_long;
    bool no_memory;
    pomex_buffer *body;
    pomex_partfile *file; /* downloads: where a good answer's bytes go */
    /* Downloads: called before the first byte of a body. Sets to_file if the body goes to the file;
     * returns a nonzero value if the body is not wanted. Makes file calls only. */
    int (*begin)(struct pomex_transfer *transfer);
    void (*wrote)(struct pomex_transfer *transfer); /* called after bytes went to the file */
    char head[POMEX_SNIFF_BYTES]; /* the first bytes of the body, for `begin` */
    size_t head_length;
    bool begun;
    bool to_file;
    bool file_failed;
    int64_t received; /* body bytes */
    size_t turn;      /* body bytes since it last yielded */
    pomex_node in_yielded;
    pomex_headers reply;
    char why[CURL_ERROR_SIZE];
} pomex_transfer;

typedef struct pomex_outcome {
    enum pomex_ending ending;
    CURLcode code;
    bool sent;
    int status;         /* 0 unless ANSWERED */
    bool envelope;      /* the body is the document's error envelope */
    json_t *refusal;    /* the parsed body of a status of 400 and more; NULL: it is no JSON */
    double retry_after; /* seconds, -1: none or unreadable */
    int64_t took;       /* ns since the attempt began */
    int64_t sent_at;    /* when it went onto the wire, if sent */
    int64_t received;   /* bytes of body */
    bool of_proxy;      /* it was the proxy that failed, not the service */
    bool refused_there; /* … in a way that asking again does not change */
    const pomex_headers *reply;
    const char *why;      /* one line on what the network did */
    const char *leads_to; /* the URL that a redirect names; NULL: none */
} pomex_outcome;

typedef struct pomex_request {
    const char *method;
    char *url;        /* the caller of pomex_transfer_start frees it */
    const char *body; /* NULL: none */
    size_t body_length;
    bool fresh;                 /* no cache on the way is allowed to answer */
    bool authorized;            /* false: the key stays here */
    bool once;                  /* a connection of its own, never repeated */
    int64_t send_by;            /* … and not sent after this time */
    int64_t expires;            /* … nor after this one, of CLOCK_BOOTTIME */
    struct curl_slist *headers; /* taken over; to the service: the client's are among them */
    pomex_partfile *file;       /* downloads */
    int (*begin)(struct pomex_transfer *transfer);
    void (*wrote)(struct pomex_transfer *transfer); /* NULL: nobody wants to know */
    pomex_buffer *into;
    void *owner;
} pomex_request;

/* Takes a handle from the pool and starts the request. NULL, with libcurl's reason in *code, if
 * memory ran out or libcurl does not know an option. */
pomex_transfer *pomex_transfer_start(pomex_net *net, const pomex_request *request,
                                     CURLcode *code);

/* Stops the transfer if it still runs, and puts its handle back into the pool. */
void pomex_transfer_end(pomex_transfer *transfer);

/* Frees the pool. */
void pomex_transfer_free_pool(pomex_net *net);

/* The body has ended: if it is shorter than the bytes that `begin` waits for, `begin` judges it
 * now. */
void pomex_transfer_body_over(pomex_transfer *transfer);

/* Lets a transfer that had yielded go on. True: the transfer ended in this call, and *outcome says
 * how. */
bool pomex_transfer_resume(pomex_transfer *transfer, pomex_outcome *outcome);

/* Turns libcurl's result into an outcome. */
void pomex_transfer_outcome(const pomex_transfer *transfer, CURLcode code,
                            pomex_outcome *outcome);

#endif
