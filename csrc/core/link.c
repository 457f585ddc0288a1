/* Where a video is to be had: the link in the service's answer. A link is signed, so it never
 * stands in an error. */
#include "download.h"
#include "json.h"
#include "retry.h"
#include "url.h"

#include <stdlib.h>
#include <string.h>

const char *pomex_link_fault(const pomex_client *c, const char *link, bool *http)
{
    char *scheme = NULL, *host = NULL;
    CURLU *url = curl_url();
    const char *fault = NULL;
    if (!url || curl_url_set(url, CURLUPART_URL, link, CURLU_PATH_AS_IS) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        fault = "is not a URL";
    else if (strcmp(scheme, "http") == 0 &&
             !(c->settings.base_is_loopback && pomex_url_is_loopback(host)))
        fault = "is http and not https";
    else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        fault = "is not https";
    *http = scheme && strcmp(scheme, "http") == 0;
    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(url);
    return fault;
}

void pomex_link_take(pomex_operation *op, const char *link)
{
    struct pomex_download *d = op->download;
    char *copy = strdup(link);
    if (!copy) {
        pomex_operation_finish(op, pomex_error_memory());
        return;
    }
    free(d->link);
    d->link = copy;
    d->redirects = 0;
    const char *fault = pomex_link_fault(op->client, copy, &d->http);
    if (fault)
        pomex_download_fail(op, "decode_error", "the link of the video ", fault);
    else
        pomex_download_enter(op, &pomex_file_stage, POMEX_DOWNLOAD);
}

static void read_task(pomex_operation *op)
{
    json_t *root = pomex_json_parse(op->reply.data, op->reply.length);
    const char *status = pomex_json_string(root, "status");
    const char *link = pomex_json_string(json_object_get(root, "content"), "video_url");
    enum pomex_progress progress =
        status ? pomex_rules_progress(POMEX_GENERATION_GET, status) : POMEX_GOING_ON;
    if (!status) {
        pomex_download_fail(op, "decode_error", "the answer has no status", "");
    } else if (progress == POMEX_FAILED) {
        pomex_error *error = pomex_operation_error_new(
            op, "generation_failed", "task %s ended as \"%s\"", op->object_id, status);
        if (!pomex_error_is_static(error)) {
            error->object = pomex_operation_shown(op, op->reply.data);
            error->last_status = pomex_operation_shown(op, status);
        }
        pomex_operation_finish(op, error);
    } else if (progress == POMEX_GOING_ON) {
        pomex_error *error = pomex_operation_error_new(
            op, "invalid_request_error", "task %s is \"%s\": there is nothing to download yet",
            op->object_id, status);
        if (!pomex_error_is_static(error)) {
            error->last_status = pomex_operation_shown(op, status);
            pomex_error_set(&error->hint, "wait for it first");
        }
        pomex_operation_finish(op, error);
    } else if (!link) {
        pomex_download_fail(op, "decode_error", "the answer has no content.video_url", "");
    } else {
        pomex_link_take(op, link);
    }
    json_decref(root);
}

static bool link_request(pomex_operation *op, pomex_request *r)
{
    r->url = pomex_operation_url(op);
    r->authorized = true;
    return true;
}

static void link_ended(pomex_operation *op, const pomex_outcome *o)
{
    enum pomex_verdict verdict = pomex_retry_verdict(POMEX_EFFECT_NONE, o, true, false);
    if (verdict == POMEX_ACCEPT) {
        read_task(op);
        return;
    }
    pomex_error *error = pomex_outcome_error(op, o, &op->reply);
    if (verdict == POMEX_AGAIN)
        pomex_operation_retry(op, o, error, 0);
    else
        pomex_operation_finish(op, error);
}

void pomex_download_rang(pomex_operation *op)
{
    if (op->state == POMEX_PAUSED && pomex_now(op->client) < op->deadline) {
        pomex_operation_queue(op);
        return;
    }
    pomex_error *error = pomex_operation_error_new(
        op, "timeout_error", "the download did not end in the time given");
    if (!pomex_error_is_static(error))
        error->retryable = true;
    pomex_operation_finish(op, error);
}

const pomex_stage pomex_link_stage = {
    .request = link_request,
    .ended = link_ended,
    .rang = pomex_download_rang,
    .attempt_deadline = pomex_attempt_deadline,
};
