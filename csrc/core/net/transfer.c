#include "net/transfer.h"

#include "base/json.h"
#include "net/handle.h"
#include "net/net.h"
#include "net/own_headers.h"
#include "net/proxy.h"

#include <stdlib.h>
#include <string.h>

/* ----------------------------------------------- callbacks: append bytes, or record a fact */

static int on_prereq(void *user, char *remote_ip, char *local_ip, int remote_port,
                     int local_port)
{
    pomex_transfer *t = user;
    if (t->sent && t->once) {
        /* libcurl repeats a request whose kept-alive connection died before the first byte of
         * an answer; a request that costs money goes out once. */
        t->repeated = true;
        return CURL_PREREQFUNC_ABORT;
    }
    (void)remote_ip;
    (void)local_ip;
    (void)remote_port;
    (void)local_port;
    if (!t->sent) {
        int64_t now = pomex_clock_now(t->net->clock);
        if (t->once && now > t->send_by) {
            t->late = true;
            return CURL_PREREQFUNC_ABORT;
        }
        if (t->once && pomex_clock_expired(t->net->clock, t->expires)) {
            t->expired = true;
            return CURL_PREREQFUNC_ABORT;
        }
        if (!pomex_limiter_sent(t->net->limiter, &t->slot, now)) {
            t->no_slot = true;
            return CURL_PREREQFUNC_ABORT;
        }
        t->sent = true;
        t->sent_at = now;
    }
    return CURL_PREREQFUNC_OK;
}

static size_t on_header(char *line, size_t size, size_t count, void *user)
{
    pomex_transfer *t = user;
    size_t length = size * count;
    if (!pomex_headers_count(&t->reply, length))
        return 0;
    /* Neither trailers nor a proxy's answer to CONNECT are recorded. */
    if (t->sent && !t->begun && !t->head_length && length)
        pomex_headers_note(&t->reply, line, length);
    return length;
}

/* libcurl reads a connection as long as bytes are there. A quick server always has more, so without
 * this limit no step would end. */
#define TURN_BYTES (512u << 10)

/* Stores bytes of a body; false if they cannot be stored. */
static bool take(pomex_transfer *t, const char *bytes, size_t length)
{
    if (t->to_file) {
        t->file_failed = !pomex_partfile_write(t->file, bytes, length);
        if (t->wrote)
            t->wrote(t);
        return !t->file_failed;
    }
    t->body_too_long = t->received > (int64_t)POMEX_MAX_BODY;
    if (t->body_too_long)
        return false;
    t->no_memory = !pomex_buffer_append(t->body, bytes, length, POMEX_MAX_BODY);
    return !t->no_memory;
}

/* Lets `begin` judge by the first bytes, and stores those. */
static bool begin_body(pomex_transfer *t)
{
    t->begun = true;
    t->file_failed = t->begin(t) != 0;
    return !t->file_failed && take(t, t->head, t->head_length);
}

/* Gathers the first bytes of a body for `begin`. Returns how many of `bytes` it took. */
static size_t gather(pomex_transfer *t, const char *bytes, size_t length)
{
    size_t room = sizeof t->head - t->head_length;
    size_t taken = length < room ? length : room;
    memcpy(t->head + t->head_length, bytes, taken);
    t->head_length += taken;
    return taken;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *user)
{
    pomex_transfer *t = user;
    size_t length = size * count, gathered = 0;
    if (t->to_file && t->turn >= TURN_BYTES) {
        if (!pomex_list_linked(&t->in_yielded))
            pomex_list_append(&t->net->yielded, &t->in_yielded);
        return CURL_WRITEFUNC_PAUSE;
    }
    t->turn += length;
    t->received += (int64_t)length;
    if (t->begin && !t->begun) {
        gathered = gather(t, bytes, length);
        if (t->head_length < sizeof t->head)
            return length;
        if (!begin_body(t))
            return 0;
    }
    t->begun = true;
    return gathered == length || take(t, bytes + gathered, length - gathered) ? length : 0;
}

void pomex_transfer_body_over(pomex_transfer *t)
{
    if (t->begin && !t->begun && t->head_length > 0)
        begin_body(t);
}

/* --------------------------------------------------------------------------------- handles */

/* Applies the settings that are the same for every request of a client, and the callbacks. */
static CURLcode prepare(pomex_transfer *t)
{
    CURL *e = t->easy;
    CURLcode code = pomex_handle_prepare(e, t->net);
    POMEX_SET(PRIVATE, t);
    POMEX_SET(ERRORBUFFER, t->why);
    POMEX_SET(PREREQFUNCTION, on_prereq);
    POMEX_SET(PREREQDATA, t);
    POMEX_SET(HEADERFUNCTION, on_header);
    POMEX_SET(HEADERDATA, t);
    POMEX_SET(WRITEFUNCTION, on_body);
    POMEX_SET(WRITEDATA, t);
    /* libcurl decodes nothing: it would lose an answer that only claims to be compressed. gzip.c
     * opens what the service compresses; a link that gives compressed bytes gives no video. */
    POMEX_SET(ACCEPT_ENCODING, "identity");
    POMEX_SET(HTTP_CONTENT_DECODING, 0L);
    return code == CURLE_OK && !t->stranger ? pomex_handle_certify(e, t->net, NULL) : code;
}

/* libcurl 7.88 frees the headers of an answer and keeps a pointer to the last of them: if the next
 * answer to the same handle begins with a folded line, libcurl appends that line there (curl
 * #11101). So a transfer to the host of a link has a handle of its own, which is not used again. */
static pomex_transfer *take_transfer(pomex_net *net, bool stranger, CURLcode *code)
{
    pomex_transfer *t = stranger ? NULL : net->pool;
    if (t) {
        net->pool = t->next;
        return t;
    }
    t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->net = net;
    t->stranger = stranger;
    t->easy = curl_easy_init();
    t->url = stranger ? NULL : curl_url_dup(net->base);
    if (t->easy && (t->url || stranger))
        *code = prepare(t);
    if (*code == CURLE_OK)
        return t;
    curl_easy_cleanup(t->easy);
    curl_url_cleanup(t->url);
    free(t);
    return NULL;
}

static void free_transfer(pomex_transfer *t)
{
    curl_easy_cleanup(t->easy);
    curl_url_cleanup(t->url);
    explicit_bzero(&t->reply, sizeof t->reply); /* a service could echo our key in a header */
    free(t);
}

void pomex_transfer_free_pool(pomex_net *net)
{
    while (net->pool) {
        pomex_transfer *t = net->pool;
        net->pool = t->next;
        free_transfer(t);
    }
}

/* libcurl forms its User-Agent anew for each request, so that of a plain GET is in the list. */
static struct curl_slist *headers_of(pomex_net *net, pomex_transfer *t, const pomex_request *r,
                                     bool plain)
{
    bool get = !r->body && strcmp(r->method, "GET") == 0;
    pomex_chain *c = r->headers ? &net->bare : &net->usual;
    struct curl_slist *tail = !r->authorized ? NULL
                              : !get         ? &c->type
                              : r->fresh     ? &c->cache
                              : plain        ? &c->agent
                                             : &c->auth;
    t->headers = r->headers;
    t->tail = tail;
    if (!t->headers)
        return tail;
    struct curl_slist *last = t->headers;
    while (last->next)
        last = last->next;
    last->next = tail;
    return t->headers;
}

/* Frees a transfer's own headers, and not pomex's that hang behind them. */
static void free_headers(pomex_transfer *t)
{
    struct curl_slist **next = &t->headers;
    while (*next && *next != t->tail)
        next = &(*next)->next;
    *next = NULL;
    pomex_own_headers_free(t->headers);
    t->headers = NULL;
}

/* libcurl reads a URL anew for each request, which is a sixth of a GET's work. Of a plain GET only
 * path and query are new. CURLU changes escapes (%C3 becomes %c3), so a URL that has one is given
 * as text, and so is that of every request that could be billed. */
static CURLcode set_url(pomex_transfer *t, char *url, bool plain)
{
    CURL *e = t->easy;
    CURLcode code = CURLE_OK;
    bool parts = plain && t->net->origin_length && !strchr(url, '%');
    char *path = url + t->net->origin_length, *query = parts ? strchr(path, '?') : NULL;
    if (query)
        *query++ = '\0';
    if (parts && (curl_url_set(t->url, CURLUPART_PATH, path, 0) != CURLUE_OK ||
                  curl_url_set(t->url, CURLUPART_QUERY, query, 0) != CURLUE_OK))
        return CURLE_OUT_OF_MEMORY;
    /* In this order: newer versions forget the URL when CURLU is set, be it to NULL. */
    POMEX_SET(CURLU, parts ? t->url : NULL);
    if (!parts || !t->by_parts)
        POMEX_SET(URL, parts ? NULL : url);
    t->by_parts = parts && code == CURLE_OK;
    return code;
}

pomex_transfer *pomex_transfer_start(pomex_net *net, const pomex_request *r, CURLcode *code)
{
    *code = CURLE_OUT_OF_MEMORY;
    pomex_transfer *t = take_transfer(net, !r->authorized, code);
    if (!t) {
        pomex_own_headers_free(r->headers);
        return NULL;
    }
    t->owner = r->owner;
    t->body = r->into;
    t->once = r->once;
    t->send_by = r->send_by;
    t->expires = r->expires;
    t->file = r->file;
    t->begin = r->begin;
    t->wrote = r->wrote;
    t->started = pomex_clock_recent(net->clock);
    t->number = ++net->last_attempt;
    pomex_headers_forget(&t->reply);
    bool plain =
        r->authorized && !r->once && !r->body && !r->headers && strcmp(r->method, "GET") == 0;
    *code = set_url(t, r->url, plain);
    if (*code == CURLE_OK && t->stranger)
        *code = pomex_handle_certify(t->easy, net, r->url);
    if (!plain || !t->plain || r->fresh != t->fresh) {
        const struct curl_slist *headers = headers_of(net, t, r, plain); /* owned by t */
        if (*code == CURLE_OK)
            *code = pomex_handle_request(t->easy, r, headers,
                                         plain ? NULL : net->settings->user_agent);
        if (*code == CURLE_OK)
            *code = pomex_proxy_set(t, r->url);
    }
    t->plain = plain && *code == CURLE_OK;
    t->fresh = r->fresh;
    if (*code == CURLE_OK && curl_multi_add_handle(net->multi, t->easy) == CURLM_OK)
        return t;
    *code = *code == CURLE_OK ? CURLE_OUT_OF_MEMORY : *code;
    t->owner = NULL;
    free_headers(t);
    free_transfer(t);
    return NULL;
}

void pomex_transfer_end(pomex_transfer *t)
{
    pomex_net *net = t->net;
    if (!t->sent)
        pomex_limiter_give_back(net->limiter, &t->slot);
    curl_multi_remove_handle(net->multi, t->easy);
    if (!t->plain) { /* a plain GET leaves the handle ready for the next plain GET */
        curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, NULL);
        curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, NULL);
        free_headers(t);
    }
    pomex_list_remove(&t->in_yielded);
    if (t->stranger) {
        free_transfer(t);
        return;
    }
    t->turn = 0;
    t->owner = NULL;
    t->body = NULL;
    t->file = NULL;
    t->begin = NULL;
    t->wrote = NULL;
    t->slot = (pomex_slot){0};
    t->received = t->sent_at = 0;
    t->head_length = 0;
    t->once = t->sent = t->repeated = t->late = t->expired = t->no_slot = t->body_too_long =
        t->no_memory = false;
    t->begun = t->to_file = t->file_failed = t->reply.too_long = false;
    t->reply.bytes = 0;
    t->why[0] = '\0';
    t->next = net->pool;
    net->pool = t;
}

/* --------------------------------------------------------------------------------- outcome */

static enum pomex_ending ending_of(const pomex_transfer *t, CURLcode code)
{
    if (t->no_memory || code == CURLE_OUT_OF_MEMORY)
        return POMEX_NO_MEMORY;
    if (t->body_too_long || t->reply.too_long)
        return POMEX_OVERSIZED;
    if (t->file_failed)
        return POMEX_LOCAL;
    if (t->late)
        return POMEX_TIMED_OUT;
    if (t->expired)
        return POMEX_LATE;
    switch (code) {
    case CURLE_OK:
        /* libcurl reports success for an answer that breaks off within its headers. */
        return t->reply.status && t->reply.ended ? POMEX_ANSWERED : POMEX_NETWORK;
    case CURLE_OPERATION_TIMEDOUT:
        return POMEX_TIMED_OUT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return POMEX_UNTRUSTED;
    default:
        return POMEX_NETWORK;
    }
}

/* libcurl's text can quote what the other side sent (since 8.14 a transfer coding that it does not
 * know). The host of a video link can echo the signed link, so its words are not shown. */
static const char *why_of(const pomex_transfer *t, CURLcode code)
{
    if (t->repeated)
        return "the connection died before an answer came";
    if (t->late)
        return "the connection came too late for a request that must not be sent twice";
    if (t->why[0] && !(t->stranger && t->sent))
        return t->why;
    return code == CURLE_OK ? "the connection ended before the answer did"
                            : curl_easy_strerror(code);
}

void pomex_transfer_outcome(const pomex_transfer *t, CURLcode code, pomex_outcome *outcome)
{
    const pomex_clock *clock = t->net->clock;
    *outcome = (pomex_outcome){
        .ending = ending_of(t, code),
        .code = code,
        .sent = t->sent,
        .sent_at = t->sent_at,
        .received = t->received,
        .retry_after = -1,
        .took = pomex_clock_recent(clock) - t->started,
        .reply = &t->reply,
        .why = why_of(t, code),
    };
    if (outcome->ending == POMEX_ANSWERED)
        outcome->status = t->reply.status;
    if (outcome->status >= 300 && outcome->status < 400)
        curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &outcome->leads_to);
    pomex_proxy_judge(t, code, outcome);
    if (outcome->ending != POMEX_ANSWERED)
        return;
    outcome->retry_after = pomex_headers_retry_after(
        t->reply.retry_after, t->reply.date, clock->read(clock->user, POMEX_CLOCK_WALL));
}

bool pomex_transfer_resume(pomex_transfer *t, pomex_outcome *outcome)
{
    pomex_list_remove(&t->in_yielded);
    t->turn = 0;
    CURLcode code = curl_easy_pause(t->easy, CURLPAUSE_CONT);
    if (code == CURLE_OK || code == CURLE_BAD_FUNCTION_ARGUMENT)
        return false; /* the latter: it has ended already, and libcurl will report how */
    /* libcurl reports this failure only here: the file takes no more, or memory ran out. */
    pomex_transfer_outcome(t, code, outcome);
    return true;
}
