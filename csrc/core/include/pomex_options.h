/* pomex_options.h - the endpoints, and the options of a client and of a call. pomex.h includes it,
 * and has the conventions that hold here, too.
 */
#ifndef POMEX_OPTIONS_PUBLIC_H
#define POMEX_OPTIONS_PUBLIC_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------ time */

enum pomex_clock_kind { POMEX_CLOCK_MONOTONIC, POMEX_CLOCK_BOOTTIME, POMEX_CLOCK_WALL };

/* The core reads all times through one function of this type. It returns nanoseconds of the clock
 * asked for. `user` is clock_user of the options. */
typedef int64_t (*pomex_clock_fn)(void *user, enum pomex_clock_kind kind);

/* ------------------------------------------------------------------------------- endpoints */

/* The six endpoints of the API document; two more that another page of the service names, without
 * saying their shapes; a request of the caller's own; and a download. */
typedef enum pomex_endpoint_id {
    POMEX_SESSION_CREATE,    /* POST /v1/video/assets/sessions */
    POMEX_ASSET_CREATE,      /* POST /v1/video/assets */
    POMEX_ASSET_GET,         /* GET  /v1/video/assets/{id} */
    POMEX_ASSET_LIST,        /* GET  /v1/video/assets */
    POMEX_GENERATION_CREATE, /* POST /v1/video/generations */
    POMEX_GENERATION_GET,    /* GET  /v1/video/generations/{id} */
    POMEX_GENERATION_LIST,   /* GET  /v1/video/generations; a query is sent as it is given */
    POMEX_GENERATION_CANCEL, /* DELETE /v1/video/generations/{id}; see pomex_client_call */
    POMEX_REQUEST,           /* pomex_client_request */
    POMEX_DOWNLOAD,          /* a signed link; the key is not sent there */
    POMEX_ENDPOINTS
} pomex_endpoint_id;

/* The endpoint with this name: its own name, as in errors and events ("assets.get"), or the name of
 * its rate limit ("asset_get"). POMEX_ENDPOINTS: there is none. */
pomex_endpoint_id pomex_endpoint_by_name(const char *name);

/* The name of an endpoint's rate limit ("asset_get"): a static string. */
const char *pomex_endpoint_limit_name(pomex_endpoint_id endpoint);

/* --------------------------------------------------------------------- options of a client */

/* When a wait looks: the first time `first` seconds after the creation. Each pause is `factor`
 * times the one before, up to `max` seconds, and is varied by up to 20 % either way. */
typedef struct pomex_schedule {
    double first;
    double factor;
    double max;
} pomex_schedule;

typedef struct pomex_options {
    const char *api_key;      /* NULL: api_key_file, then $POMEX_API_KEY */
    const char *api_key_file; /* NULL: none; the key is its first line; it can be a pipe */
    const char *base_url;     /* NULL: $POMEX_BASE_URL, then https://api.pomex.ai */
    double connect_timeout;   /* 10; > 0; measured by the system's clock, whatever `clock` is */
    double request_timeout;   /* 30; > 0; one attempt; a create waits for its deadline */
    double budget;            /* 120; > 0; all attempts of a call and the pauses between */
    int max_retries;          /* 2; 0 to 100 */
    int max_in_flight;        /* 64; 1 to 10000 */
    int max_downloads;        /* 4; 1 to 1000 */
    double rate_limits[POMEX_ENDPOINTS]; /* requests a second; 0: none; 0.001 to 10000 */
    double rate_share; /* 1; above 0: the share of these that is the client's, see below */
    pomex_schedule poll_asset;      /* 1, 1.5, 5 */
    pomex_schedule poll_generation; /* 5, 1.25, 10 */
    /* true: a wait of a generation takes about as many looks as by poll_generation, and spreads them
     * by how long the last 64 tasks of that model and duration took that this client waited for, if
     * it knows of 8 or more. */
    bool learn_pauses;
    bool billed_retry_unsent; /* true: a billed request is repeated only if it never left */
    const char *user_agent;   /* NULL: pomex/VERSION */
    const char *proxy;        /* NULL: the environment's, but never for http; "": none */
    const char *ca_file;      /* PEM; NULL: see ca_path */
    /* A folder of hashed certificates. If ca_file is NULL too: $CURL_CA_BUNDLE (PEM) alone, else
     * $SSL_CERT_FILE and $SSL_CERT_DIR, else the system's. */
    const char *ca_path;
    /* PEM files, for a service that demands a certificate of its clients: the certificate (with those
     * that lead to its issuer behind it) and its private key. client_key NULL: the key is in the
     * same file. Shown to base_url's host alone, and to no proxy. Read anew for each connection. */
    const char *client_cert;
    const char *client_key;
    const char *client_key_password; /* NULL: the key is not encrypted */
    /* More headers of every request to the service: an object of strings; NULL: none. Those that
     * pomex sets (Authorization, Content-Type, User-Agent, …) are refused, and so are values with
     * control characters. No proxy, redirect or host of a link is sent them. */
    json_t *headers;
    bool allow_http;      /* false: http only to a literal loopback host */
    bool events;          /* queue events for pomex_client_next_event */
    pomex_clock_fn clock; /* NULL: the system's clocks */
    void *clock_user;     /* passed to clock; NULL is allowed */
} pomex_options;

/* Fills in the defaults given above, and the documented rate limits (sessions 3, list 10, asset get
 * 100 a second). A limit holds for any 1.05 s, since requests take different times on their way. A
 * limit of 2.5 allows 2 requests in 1.05 s, a limit of 0.5 one in 2.1 s. The limits are the
 * account's, and a process knows of no other machine's requests: whoever has several machines gives
 * each a rate_share, which all limits are multiplied by. */
void pomex_options_init(pomex_options *options);

/* ----------------------------------------------------------------------- options of a call */

/* A generation whose answer is lost: the tasks of the account that can be it are named in the error,
 * where the service lists tasks; or the only one is taken for it; or nobody looks. */
typedef enum pomex_adopt {
    POMEX_ADOPT_NONE,
    POMEX_ADOPT_SINGLE,
    POMEX_ADOPT_UNSOUGHT
} pomex_adopt;

/* What a download saves: the video of a task (content.video_url); its last frame, a picture
 * (content.last_frame_url, of a task that was made with return_last_frame); or an asset's own
 * file (url). */
typedef enum pomex_what {
    POMEX_WHAT_VIDEO,
    POMEX_WHAT_LAST_FRAME,
    POMEX_WHAT_ASSET
} pomex_what;

/* The note of a part names the last frame of a task by the task's id and this mark. */
#define POMEX_LAST_FRAME_MARK "#last_frame"

/* When a billed request is repeated: as the client's options say; also after a clear refusal (429,
 * 503); or only if it never left. */
typedef enum pomex_billed_retry {
    POMEX_BILLED_RETRY_USUAL,
    POMEX_BILLED_RETRY_REFUSED,
    POMEX_BILLED_RETRY_UNSENT
} pomex_billed_retry;

/* Per-call settings; a field at its "unset" value takes the client's. */
typedef struct pomex_call_options {
    double timeout;     /* -1: the client's budget (a wait: 600 or 1800; a download: none) */
    int max_retries;    /* -1: the client's; waits have none */
    bool no_validation; /* do not check the request by the document's rules */
    double first;       /* waits: -1: the client's schedule */
    double factor;      /* waits: -1 */
    double max;         /* waits: -1 */
    bool updates;       /* waits: report POMEX_NEWS_UPDATE after each look but the last */
    bool progress;      /* downloads: report POMEX_NEWS_PROGRESS */
    bool sync;          /* downloads: fsync before the rename */
    bool overwrite;     /* downloads: replace a file at the path, or a foreign part */
    pomex_what what;    /* downloads: what is saved; the id is that of its task or asset */
    bool hold;          /* downloads: keep the name PATH.part; see below */
    double send_by;     /* creates: no byte is sent after this time (seconds of CLOCK_BOOTTIME):
                         * then it is a "late_error", and nothing was sent; -1: no such time */
    bool stand_by;      /* calls: send nothing before pomex_operation_proceed */
    pomex_adopt adopt;  /* generations */
    const char *group;  /* waits: the group of the asset; NULL: what this client knows of it */
    double
        request_timeout; /* -1: the client's; > 0: seconds of one attempt; not of the bytes of a
                             * download */
    pomex_billed_retry billed_retry;
    json_t
        *headers; /* as `headers` of the client, whose ones of the same names it replaces; NULL:
                      * the client's alone */
} pomex_call_options;

void pomex_call_options_init(pomex_call_options *options);

#ifdef __cplusplus
}
#endif
#endif
