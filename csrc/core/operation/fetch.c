#include "operation/fetch.h"

#include "base/fileio.h"
#include "operation/attempt.h"
#include "operation/outcome.h"
#include "operation/retry.h"
#include "operation/video_url.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A download that brings fewer bytes than this in this many seconds has stalled. */
#define STALL_SECONDS 30.0
#define STALL_BYTES   (30 * 1024)
/* An attempt that came this much further than any before starts the count of retries anew.
 * Measured against the furthest byte so far, and not by what the attempt received: otherwise a
 * server that always breaks off would be asked for ever. */
#define PROGRESS_BYTES (64 * 1024)
/* How long after the first answer that the video is not there pomex stops looking for it. */
#define MISSING_SECONDS 600.0
/* A server that brings the video in more answers than this is not served any longer. */
#define MAX_SLICES 10000

/* With each write, the sum catches up by this much with the bytes that the part held before. */
#define SUM_BYTES (1024 * 1024)

__attribute__((format(printf, 2, 3))) static bool unfit(struct pomex_download *d,
                                                        const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(d->why, sizeof d->why, format, arguments);
    va_end(arguments);
    d->unfit = d->why;
    return true;
}

/* Whether the first bytes are certainly something else than what is asked for. */
static bool is_other(struct pomex_download *d, const pomex_transfer *t)
{
    const char *other = pomex_sniff_other(t->head, t->head_length, t->reply.content_encoding);
    const char *looks_like = pomex_sniff_looks_like(t->head, t->head_length);
    bool picture = pomex_sniff_is_picture(looks_like);
    bool known = strcmp(looks_like, "unknown") != 0;
    if (other && strcmp(other, "text") == 0)
        return unfit(d, "the link gave text and not %s", d->of->a_noun);
    if (other)
        return unfit(d,
                     "the link gave compressed bytes (gzip, br, …), which pomex did not ask "
                     "for, and not %s",
                     d->of->a_noun);
    if ((d->what == POMEX_WHAT_VIDEO && picture) ||
        (d->what == POMEX_WHAT_LAST_FRAME && known && !picture))
        return unfit(d, "the link gave %s and not %s", looks_like, d->of->a_noun);
    return false;
}

/* Called before the first byte of a body, from libcurl's callback: makes file calls only. A nonzero
 * result ends the transfer. */
static int begin(pomex_transfer *t)
{
    const pomex_operation *op = t->owner;
    struct pomex_download *d = op->own;
    const pomex_headers *h = &t->reply;
    if (h->status != 200 && h->status != 206)
        return 0; /* an error's body, kept in memory */
    d->kind = pomex_slice_of(h, d->file, d->resume, !d->whole_only, &d->slice);
    d->contradicted = d->kind == POMEX_SLICE_CONTRADICTS;
    if (d->kind == POMEX_SLICE_UNMEASURED)
        unfit(d,
              "the server did not say how long the %s is, so pomex cannot tell whether it is "
              "whole",
              d->of->noun);
    if (d->contradicted || d->unfit)
        return 1;
    if (d->slice.offset == 0 && is_other(d, t))
        return 1; /* the part keeps the bytes that it holds */
    d->total = d->slice.total;
    d->went_back = false;
    d->missing_at = d->looks = 0;
    t->to_file = true;
    pomex_partsum_cut(&d->summed, d->slice.offset);
    return pomex_partfile_begin(d->file, d->slice.offset, d->total, h->etag[0] ? h->etag : NULL,
                                d->why, sizeof d->why)
               ? 0
               : 1;
}

static void wrote(pomex_transfer *t)
{
    const pomex_operation *op = t->owner;
    struct pomex_download *d = op->own;
    if (d->progress)
        pomex_operation_tell(t->owner, POMEX_NEWS_PROGRESS);
    if (d->hold) /* what fails here is repeated, and reported, at the end */
        pomex_partsum_follow(&d->summed, pomex_partfile_fd(d->file),
                             pomex_partfile_size(d->file), SUM_BYTES);
}

static bool fetch_request(pomex_operation *op, pomex_request *r)
{
    struct pomex_download *d = op->own;
    char line[300];
    d->contradicted = false;
    d->unfit = NULL;
    d->window_bytes = 0;
    r->file = d->file;
    r->begin = begin;
    r->wrote = d->progress || d->hold ? wrote : NULL;
    d->resume = d->whole_only ? 0 : pomex_partfile_resume_from(d->file);
    r->url = strdup(d->redirect ? d->redirect : d->video_url);
    if (d->resume <= 0)
        return true;
    snprintf(line, sizeof line, "Range: bytes=%lld-", (long long)d->resume);
    r->headers = curl_slist_append(NULL, line);
    snprintf(line, sizeof line, "If-Range: %s", pomex_partfile_etag(d->file));
    struct curl_slist *both = r->headers ? curl_slist_append(r->headers, line) : NULL;
    if (both)
        return true;
    curl_slist_free_all(r->headers);
    free(r->url);
    pomex_operation_finish(op, pomex_error_memory());
    return false;
}

static int64_t fetch_deadline(const pomex_operation *op, int64_t now)
{
    int64_t at = pomex_clock_after(now, STALL_SECONDS);
    return at < op->deadline ? at : op->deadline;
}

static bool fetch_stalled(pomex_operation *op, int64_t now)
{
    struct pomex_download *d = op->own;
    if (op->transfer->received - d->window_bytes < STALL_BYTES)
        return true;
    d->window_bytes = op->transfer->received;
    int64_t at = pomex_clock_after(now, STALL_SECONDS);
    pomex_timer_set(&op->context->timers, &op->timer, at < op->deadline ? at : op->deadline);
    return false;
}

/* The server breaks its own byte ranges: from now on pomex asks for the whole video. The part keeps
 * its bytes until the whole video comes. */
static void ask_for_all(pomex_operation *op)
{
    struct pomex_download *d = op->own;
    if (d->whole_only) {
        pomex_download_fail(op, "decode_error",
                            "the server does not keep to its own byte ranges", "");
        return;
    }
    d->whole_only = true;
    pomex_attempt_go_on(op);
}

/* The answer brought all that it announced, but only a part of the video: asks for the rest. */
static void ask_for_more(pomex_operation *op)
{
    struct pomex_download *d = op->own;
    if (++d->slices > MAX_SLICES) {
        pomex_operation_finish(
            op, pomex_operation_error_new(op, "decode_error",
                                          "the server gave the %s in too many small parts",
                                          d->of->noun));
        return;
    }
    pomex_attempt_count_anew(op);
    pomex_queue_add(op);
}

/* Ends with the reason why the answer, or its beginning, is no video. */
static void end_unfit(pomex_operation *op, int status)
{
    const struct pomex_download *d = op->own;
    pomex_error *error = pomex_operation_error_new(op, "decode_error", "%s", d->unfit);
    pomex_error_set_status(error, status);
    pomex_operation_finish(op, error);
}

/* Sums the whole part, which keeps the name PATH.part. */
static bool hold(struct pomex_download *d, char *why, size_t why_size)
{
    if (!pomex_partfile_hold(d->file, why, why_size))
        return false;
    return pomex_partsum_end(&d->summed, pomex_partfile_fd(d->file), d->saved, d->sum) ||
           pomex_fileio_say(why, why_size, "the part cannot be summed: %s", strerror(errno));
}

static bool is_saved(struct pomex_download *d, char *why, size_t why_size)
{
    return d->hold ? hold(d, why, why_size)
                   : pomex_partfile_finish(d->file, d->sync, why, why_size);
}

static void complete(pomex_operation *op)
{
    struct pomex_download *d = op->own;
    char why[1024]; /* it can name two paths */
    d->saved = pomex_partfile_size(d->file);
    if (d->kind == POMEX_SLICE_SOME && d->saved < d->total) {
        ask_for_more(op);
    } else if (d->saved < d->total || d->saved == d->slice.rest) {
        ask_for_all(op); /* the answer was the rest alone, but did not say so */
    } else if (is_saved(d, why, sizeof why)) {
        char head[POMEX_SNIFF_BYTES];
        size_t length = pomex_partfile_head(d->file, head, sizeof head);
        d->looks_like = pomex_sniff_looks_like(head, length);
        d->total = d->saved;
        pomex_operation_finish(op, NULL);
    } else {
        pomex_download_fail(op, "file_error", why, "");
    }
}

/* A link that is refused has perhaps expired: the service is asked for a new one, once. */
static bool is_stale_url(int status)
{
    return status == 400 || status == 401 || status == 403 || status == 404 || status == 410;
}

/* A content network can take minutes until it has a new video. */
static bool is_missing(const pomex_outcome *o)
{
    return o->ending == POMEX_ANSWERED &&
           (o->status == 404 || o->status == 202 || o->status == 204 ||
            (o->status == 200 && o->received == 0));
}

static pomex_error *missing_error(pomex_operation *op, const pomex_outcome *o)
{
    if (o->status == 404)
        return pomex_outcome_error(op, o, &op->reply);
    pomex_error *error = pomex_operation_error_new(
        op, "decode_error", "the link gave no bytes (HTTP %d)", o->status);
    pomex_error_set_status(error, o->status);
    return error;
}

/* Looks for the video again: until the caller's deadline if there is one, else as long as a new
 * video usually takes. */
static void look_again(pomex_operation *op, const pomex_outcome *o)
{
    struct pomex_download *d = op->own;
    int64_t now = pomex_context_now(op->context);
    d->missing_at = d->missing_at ? d->missing_at : now;
    int64_t until = op->deadline < POMEX_NEVER
                        ? op->deadline
                        : pomex_clock_after(d->missing_at, MISSING_SECONDS);
    double pause = pomex_retry_pause(++d->looks, pomex_retry_obeyed(o->retry_after),
                                     pomex_random_next(&op->context->random));
    pomex_error *error = missing_error(op, o);
    if (pomex_clock_after(now, pause) >= until) {
        pomex_error_set_hint(error,
                             "the %s was not there for %.0f s; its %s is done, so "
                             "try the download again later",
                             d->of->noun, pomex_clock_seconds(now - d->missing_at),
                             d->of->owner);
        pomex_operation_finish(op, error);
        return;
    }
    pomex_event_retry(op, o->status, pause, error->type);
    pomex_error_free(error);
    pomex_video_url_go_back(d);
    pomex_attempt_count_anew(op);
    pomex_operation_pause(op, pomex_clock_after(now, pause));
}

/* The link, or the target of its redirect, is refused. The link can lead elsewhere by now, and the
 * service can have a new one. False: both were tried. */
static bool try_another_link(pomex_operation *op)
{
    struct pomex_download *d = op->own;
    if (d->redirect && !d->went_back) {
        d->went_back = true;
        pomex_video_url_go_back(d);
        pomex_attempt_go_on(op);
        return true;
    }
    if (d->renewed)
        return false;
    d->renewed = true;
    pomex_download_enter(op, &pomex_video_url_stage, d->of->endpoint);
    return true;
}

static void fetch_ended(pomex_operation *op, const pomex_outcome *o)
{
    struct pomex_download *d = op->own;
    int status = o->status;
    bool answered = o->ending == POMEX_ANSWERED;
    if (d->unfit) {
        end_unfit(op, o->reply->status);
    } else if (is_stale_url(status) && try_another_link(op)) {
        return;
    } else if (is_missing(o)) {
        look_again(op, o);
    } else if (answered && (status == 200 || status == 206)) {
        complete(op);
    } else if (d->contradicted || status == 416) {
        ask_for_all(op);
    } else if (status >= 300 && status < 400) {
        pomex_video_url_redirect(op, o);
    } else if (o->ending == POMEX_LOCAL) {
        const char *why = d->why[0] ? d->why : pomex_partfile_why(d->file);
        pomex_download_fail(op, "file_error", why, "");
    } else if (o->ending == POMEX_TIMED_OUT && pomex_context_now(op->context) >= op->deadline) {
        pomex_download_rang(op);
    } else {
        pomex_error *error = pomex_outcome_error(op, o, &op->reply);
        if (is_stale_url(status))
            pomex_error_set_hint(error, "the link was refused, and so was the new link");
        int64_t size = pomex_partfile_size(d->file);
        if (size >= d->best + PROGRESS_BYTES) {
            d->best = size;
            op->attempts = 1;
        }
        pomex_video_url_go_back(d);
        if (pomex_retry_transient(o))
            pomex_attempt_retry(op, o, error, 0);
        else
            pomex_operation_finish(op, error);
    }
}

const pomex_stage pomex_fetch_stage = {
    .request = fetch_request,
    .ended = fetch_ended,
    .rang = pomex_download_rang,
    .attempt_deadline = fetch_deadline,
    .stalled = fetch_stalled,
};
