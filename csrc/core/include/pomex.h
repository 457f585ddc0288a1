/* pomex.h - the C face of pomex, a client for PomexAI's Real-Human Asset API.
 *
 * The core knows no Lua and never blocks. A client is one pollable descriptor: wait until it is
 * readable (or until pomex_client_timeout has passed), call pomex_client_step, take the operations
 * with news from pomex_client_next, and repeat.
 *
 * Conventions that hold for every prototype here:
 *   - Times are seconds, as doubles; any fraction is allowed.
 *   - Strings are NUL-terminated UTF-8 unless a length stands beside them. A string that is passed
 *     in is copied before the call returns. A string that is handed out belongs to the object that
 *     handed it out, and lives as long as that object.
 *   - No pointer that is passed in or handed out is NULL, unless the comment at the function or
 *     the field allows it.
 *   - A client belongs to one thread at a time. It opens no descriptor before its first use,
 *     so one that was made before a fork works in each child; once used, it works only in the
 *     process that used it.
 *   - A failed allocation is an ordinary error, of the type "memory_error".
 */
#ifndef POMEX_H
#define POMEX_H

#include "pomex_options.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define POMEX_VERSION "0.1.0"

/* Room for a SHA-256 in hexadecimal digits and its NUL. */
#define POMEX_SUM_SIZE 65

typedef struct pomex_client pomex_client;
typedef struct pomex_operation pomex_operation;

/* ---------------------------------------------------------------------------------- errors */

/* Whether a video is paid for. Only the answer to a create gives the id of a task, so YES always
 * comes with an id; the `object` and `type` of the error tell what became of the task. MAYBE: pomex
 * cannot know, or the task failed, expired or was cancelled; the document does not say whether such
 * a task is billed. */
typedef enum pomex_billed {
    POMEX_BILLED_NO,
    POMEX_BILLED_MAYBE,
    POMEX_BILLED_YES,
} pomex_billed;

/* What went wrong. `type` is one of those in docs/reference.md, "Errors". A pointer
 * without a value is NULL, a number without a value is 0 (retry_after: -1). */
typedef struct pomex_error {
    const char *type;
    char *message;
    int status;           /* HTTP status of the last answer; 0: there was none */
    const char *endpoint; /* "assets.get", …; NULL before a request was formed */
    int attempts;         /* attempts that were begun; 0: nothing was sent */
    bool retryable;       /* the same call can succeed later, and repeating it is safe */
    double retry_after;   /* seconds that the service asked for; -1: it did not */
    pomex_billed billed;  /* is a video paid for? */
    bool maybe_billed;    /* billed != POMEX_BILLED_NO */
    const char *cause;    /* ambiguous_error: the type of the error behind it */
    char *hint;           /* how to go on, or the value at fault */
    bool client;          /* pomex refused the call; nothing was sent */
    bool proxy;           /* the proxy failed, and not the service */
    char *id;             /* the asset or task that the call was about (not of an error that
                           * says that memory ran out: ask pomex_operation_object) */
    char *last_status;    /* time-outs of a wait: the last status seen */
    char *object; /* the service's answer as JSON text, if it says that the object failed */
    /* Of an ambiguous upload or generation: ids of assets, or of tasks, that could be its own. */
    json_t *candidates;
    char *body; /* the first 512 bytes of an answer that is no envelope */
    size_t body_length;
    char *request_id;   /* the X-Request-Id of the answer */
    char *service_code; /* the service's own error.code and error.type, where it gives them */
    char *service_type;
} pomex_error;

/* Frees an error that a pomex_* call handed to the caller. NULL is allowed, and does nothing. */
void pomex_error_free(pomex_error *error);

/* ---------------------------------------------------------------------------------- client */

/* Makes a client; opens nothing. `options`: NULL for the defaults. On failure returns NULL and sets
 * *error, which the caller frees; on success *error is NULL. `error` can be NULL. Document section:
 * Basics. */
pomex_client *pomex_client_new(const pomex_options *options, pomex_error **error);

/* Whether the numbers and the headers of the options can be used: NULL, or the error that
 * pomex_client_new would give, for the caller to free. Looks at neither the key nor any file. */
pomex_error *pomex_options_check(const pomex_options *options);

/* Ends every operation (each reports what became of it), and closes every connection. A second call
 * does nothing. In a process other than the one that used the client it only closes descriptors. */
void pomex_client_close(pomex_client *client);

/* Closes, and gives up the caller's reference. Operations that the caller still holds stay
 * readable. NULL is allowed. */
void pomex_client_free(pomex_client *client);

/* Whether this process can use the client: NULL, or why not ("closed", "used in another
 * process"). */
const char *pomex_client_unusable(const pomex_client *client);

/* Why the last call of this client returned NULL or -1 although the client is usable: no memory, or
 * no descriptors. The caller frees the error; it is never NULL. */
pomex_error *pomex_client_failure(const pomex_client *client);

/* The base URL in use, without the key; lives as long as the client. */
const char *pomex_client_base_url(const pomex_client *client);

/* Whether a call, a wait or a download of any client of this process was about the task `id`, or made
 * it, in the last minutes (four of them at the least). */
bool pomex_client_holds(const pomex_client *client, const char *id);

/* The one descriptor to watch: it is readable when pomex_client_step has work. -1 with errno on
 * failure. */
int pomex_client_pollfd(pomex_client *client);

/* Seconds until step has work even if the descriptor stays silent; 0: now; -1: there is no such
 * time. The descriptor becomes readable at that time too, so waiting for it alone is enough. */
double pomex_client_timeout(pomex_client *client);

/* Makes the descriptor readable in `seconds` (0: now; -1: no longer), for a host that has work of
 * its own at that time and watches this loop alone. The client keeps one such time, the last one
 * given, until a step finds that it has come. */
void pomex_client_wake_in(pomex_client *client, double seconds);

/* Does the work that is ready, and returns without waiting. Stops early after `budget` seconds of
 * work (<= 0: 5 ms); the descriptor then stays readable. Returns how many operations are not
 * done. */
size_t pomex_client_step(pomex_client *client, double budget);

/* Waits in the kernel until step has work, `seconds` have passed (-1: for ever) or a signal
 * came. Returns 1, 0 or -1 with errno (EINTR for the signal). For hosts without a loop. */
int pomex_client_poll(pomex_client *client, double seconds);

/* Makes the client's descriptor readable whenever `fd` is, so that the host watches one loop only.
 * Each time `fd` becomes readable, one step returns for it. Read `fd` empty after that step, since
 * bytes that were there already wake nobody again. At most 8 descriptors. Unwatch a descriptor
 * before it is closed. False with errno. */
bool pomex_client_watch(pomex_client *client, int fd);
void pomex_client_unwatch(pomex_client *client, int fd);

/* A mark that tells whether the API key changed, but does not reveal the key: the SHA-256 of the
 * key and `salt`. False: no memory. */
bool pomex_client_key_mark(const pomex_client *client, const char *salt,
                           char mark[POMEX_SUM_SIZE]);

enum pomex_news { POMEX_NEWS_UPDATE = 1, POMEX_NEWS_PROGRESS = 2, POMEX_NEWS_DONE = 4 };

/* The next operation with news since this function last returned it, and in *news which news (a set
 * of pomex_news); NULL: none. The pointer is borrowed: it stays valid at least until the next call
 * of step or close. Each operation reports POMEX_NEWS_DONE exactly once.
 *
 * News arises in step: take all of it after each step. News also arises in the calls that start or
 * cancel an operation: when such a call returns, that operation can be done, and others with it.
 * The descriptor then becomes readable, and the news can be taken at once or after the next
 * step. */
pomex_operation *pomex_client_next(pomex_client *client, unsigned *news);

/* Whether pomex_client_next has anything to tell. */
bool pomex_client_has_news(const pomex_client *client);

/* Takes the news of one operation out of turn: pomex_client_next will not tell of it. */
void pomex_client_hush(pomex_client *client, pomex_operation *operation);

typedef struct pomex_event {
    const char *name;     /* "request" "response" "retry" "update" "done" "dropped" */
    const char *endpoint; /* "assets.get", …; NULL: "dropped" */
    uint64_t operation;   /* pomex_operation_id; 0: "dropped" */
    int attempt;          /* 1 for the first */
    int status;           /* "response": HTTP status; 0: none came */
    double seconds;       /* "response": its duration; "retry": the pause; "done": the whole */
    /* "response" of an attempt that failed, "retry", "done": the type of the error; or NULL. */
    const char *type;
    /* "update", and "response" of a look: the status of the object. "dropped": how many events were
     * lost. */
    char detail[64];
    const char *id;         /* the asset or task, as soon as it is known; or NULL */
    const char *request_id; /* not of "request": that of the latest answer; or NULL */
    /* Of a pomex_client_request; else NULL. The path comes without its query, which can identify a
     * person. The id of a group in the path is shown as "group-*". The path is cut after 255
     * bytes. */
    const char *method;
    const char *path;
    double next;      /* "response": seconds until the next attempt; -1: it is over */
    const char *ends; /* "response": the type of the error that ends the operation; or NULL */
    bool between;     /* "done": the operation ended while no attempt ran */
    pomex_billed billed; /* "done": pomex_operation_billed */
} pomex_event;

/* Takes the oldest event, if the options asked for events, also after a close; at most 1024 are
 * kept. No event carries a key, a link or a group. Its texts live until the next call of this
 * function. */
bool pomex_client_next_event(pomex_client *client, pomex_event *event);

/* ------------------------------------------------------------------------------ operations */

/* The four functions that start an operation. `options` can be NULL: the defaults. Each function
 * returns a new reference, to be given up with pomex_operation_release. An operation that could not
 * begin is returned done, with its error. NULL only if the client is unusable, or if memory or
 * descriptors ran out (see pomex_client_unusable and pomex_client_failure). */

/* One call of an endpoint. `id` goes into the path of those that are about one object; for the
 * others it can be NULL. `payload` is the body of a POST or the query of a list (an
 * object; NULL: none); the operation keeps a reference to it until the call has been sent.
 *
 * POMEX_GENERATION_CANCEL looks at the task first, and sends the DELETE only if it is "queued": once,
 * and at most 2 s after that look was sent, or it looks again. The reply is the task, "cancelled". A
 * task of any other status is a "cancel_failed" error with `last_status`. If the answer of the DELETE
 * is lost, looks follow; if they do not say "cancelled" it is an "ambiguous_error". */
pomex_operation *pomex_client_call(pomex_client *client, pomex_endpoint_id endpoint,
                                   const char *id, size_t id_length, json_t *payload,
                                   const pomex_call_options *options);

/* Any other request below the base URL. `path` begins with "/". `query` is NULL or an object of
 * strings, numbers, booleans and lists of them; a list repeats its key, and nulls are left out.
 * `body` is any JSON, or NULL. `headers` is an object of strings, or NULL; those of the options
 * replace the ones of the same names. A request other than GET and HEAD is sent once. */
pomex_operation *pomex_client_request(pomex_client *client, const char *method,
                                      const char *path, json_t *query, json_t *body,
                                      json_t *headers, const pomex_call_options *options);

/* Polls an asset (POMEX_ASSET_GET) or a task (POMEX_GENERATION_GET) until its status is
 * final. The reply is the last answer. Document sections: Get an Asset, Poll for the result.
 *
 * Where ten or more wait for assets of one group, a look is a page of the group's list for all of
 * them; the reply is then the item of that list, with the `object` of an asset. The group is known
 * from the options, for 300 s of an asset that this client made, or from the first look. */
pomex_operation *pomex_client_wait(pomex_client *client, pomex_endpoint_id endpoint,
                                   const char *id, size_t id_length,
                                   const pomex_call_options *options);

/* A notice says that asset or task `id` has changed: every wait for it looks now, and once more if it
 * is looking already; a wait that begins within 300 s looks at once. At most ten looks a second,
 * and none before a Retry-After is over. Afterwards, unless its caller chose `max`, the pauses of
 * that wait begin with 1 s and double, up to 60 s. Returns how many waits that are. */
int pomex_client_nudge(pomex_client *client, const char *id);

/* Saves the video of task `id` to `path`, or what `what` of the options says. `link` is the link of
 * that (content.video_url) if the caller has it, or NULL to ask the service. Bytes that begin as
 * text, compressed, or as another kind of file than the one that is asked for are refused. The reply's body is empty; see pomex_operation_progress.
 *
 * Until the file is whole its name is PATH.part, with PATH.part.note beside it; if such a name
 * would be longer than 244 bytes, it is cut and gets a number. A later call goes on from there. If
 * the path exists, or PATH.part exists without such a note, the operation ends in a file_error
 * before it asks the service, unless `overwrite` is set. */
pomex_operation *pomex_client_download(pomex_client *client, const char *id, size_t id_length,
                                       const char *link, const char *path,
                                       const pomex_call_options *options);

/* Whether pomex_client_download could save to `path` now: NULL, or the file_error that it would end
 * with, for the caller to free: a folder that is missing or not writable, or a name that is taken
 * or too long. Ask this before paying for what is to be saved. The check leaves nothing behind, and
 * reserves nothing. */
pomex_error *pomex_saving_check(const char *path, bool overwrite);

/* A download of a video with `hold` ends when PATH.part is whole, and does not rename it. The caller can first
 * note its length (pomex_operation_progress) and its sum (pomex_operation_sum), and then name it
 * with this function.
 *
 * Gives the part of task `id` the name `path`, if the part is whole and `length` bytes long and no
 * file has that name. The bytes and the name are on the disk when this returns. WAITS for the disk.
 * NULL, or a file_error for the caller to free. */
pomex_error *pomex_saving_finish(const char *path, const char *id, int64_t length);

/* The length and the SHA-256 of the file `path`. WAITS for the disk. NULL, or a file_error or
 * memory_error for the caller to free. */
pomex_error *pomex_saving_sum(const char *path, int64_t *length, char sum[POMEX_SUM_SIZE]);

/* Whether the service's rules allow the request, as far as pomex can check them without the
 * service: NULL, or the error that pomex_client_call would give without sending, for the caller to
 * free. */
pomex_error *pomex_call_check(pomex_endpoint_id endpoint, json_t *payload);

/* A number that no other operation of this client has; never 0. */
uint64_t pomex_operation_id(const pomex_operation *operation);

bool pomex_operation_done(const pomex_operation *operation);

/* Whether it is done and pomex_client_next has told so, or will not. */
bool pomex_operation_told(const pomex_operation *operation);

/* Ends the operation now; it is done when this returns. Its error says whether the request was
 * perhaps carried out. No effect on an operation that is done. */
void pomex_operation_cancel(pomex_operation *operation);

/* A call with `stand_by` queues for its turn and its slot of the rate limit as any other, and then
 * stands: it reports POMEX_NEWS_UPDATE, counts among those in flight, and sends nothing, so that its
 * caller can write down that it will be sent. What it holds it keeps for a second; after that it
 * still stands, and is first in the queue when it goes on. Cancelled, it has sent nothing. */
bool pomex_operation_stands(const pomex_operation *operation);

/* Sends what stands; its time begins now. No effect on any other operation. `send_by`: as in the
 * options; -1: no such time. */
void pomex_operation_proceed(pomex_operation *operation, double send_by);

/* Takes another reference, and gives one up (NULL is allowed for release). Giving up the last one
 * never cancels: the client keeps its own reference while the operation runs. */
pomex_operation *pomex_operation_retain(pomex_operation *operation);
void pomex_operation_release(pomex_operation *operation);

/* The error of a done operation; NULL on success. Belongs to the operation. */
const pomex_error *pomex_operation_error(const pomex_operation *operation);

/* Whether a video is paid for, as far as is known. A done operation with an error: the `billed` of
 * that error. A done operation without one: what its answer means (for callers who cannot read the
 * answer). A running operation that could be billed: MAYBE, from its beginning. */
pomex_billed pomex_operation_billed(const pomex_operation *operation);

/* The id of the asset or task that the operation is about, or that it has made; NULL if none is
 * known. Belongs to the operation. */
const char *pomex_operation_object(const pomex_operation *operation);

/* The body of the reply (of a running wait: of the latest look), and its length in *length (which
 * can be NULL). "" if there is none. Belongs to the operation until its next look or
 * pomex_operation_release. */
const char *pomex_operation_body(const pomex_operation *operation, size_t *length);

/* HTTP status of that reply; 0 if there is none. */
int pomex_operation_status(const pomex_operation *operation);

/* Downloads: bytes saved so far, and the whole length; -1 while that is unknown. */
void pomex_operation_progress(const pomex_operation *operation, int64_t *done, int64_t *total);

/* The SHA-256 of the file of a done download with `hold`; "" for any other operation. Belongs to
 * the operation. */
const char *pomex_operation_sum(const pomex_operation *operation);

/* What the first bytes of a saved download look like: "mp4" or "webm"; of pictures "jpeg", "png",
 * "gif", "webp", "heic", "avif", "bmp" or "tiff"; of sounds "wav", "mp3", "ogg" or "flac"; "unknown"
 * for anything else, and before it is saved. A static string. */
const char *pomex_operation_looks_like(const pomex_operation *operation);

/* The X-Request-Id of the last attempt's answer, also of a successful one; NULL if no answer came,
 * or none with that header. Belongs to the operation until its next attempt or
 * pomex_operation_release. */
const char *pomex_operation_request_id(const pomex_operation *operation);

/* When a list of tasks was answered, by the service's clock: seconds since 1970. -1: it is none, or
 * the answer did not say. */
double pomex_operation_date(const pomex_operation *operation);

/* A done download's attempts, a wait's looks, a call's attempts. */
int pomex_operation_attempts(const pomex_operation *operation);

#ifdef __cplusplus
}
#endif
#endif
