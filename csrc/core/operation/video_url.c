#include "operation/video_url.h"

#include "base/json.h"
#include "base/url.h"
#include "operation/attempt.h"
#include "operation/fetch.h"
#include "operation/outcome.h"
#include "operation/request.h"
#include "operation/retry.h"
#include "rules/rules.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>

#define MAX_REDIRECTS 5

const pomex_saved pomex_video_url_of[] = {
    [POMEX_WHAT_VIDEO] = {.endpoint = POMEX_GENERATION_GET,
                          .object = "content",
                          .field = "video_url",
                          .noun = "video",
                          .a_noun = "a video",
                          .owner = "task"},
    [POMEX_WHAT_LAST_FRAME] = {.endpoint = POMEX_GENERATION_GET,
                               .object = "content",
                               .field = "last_frame_url",
                               .noun = "picture",
                               .a_noun = "a picture",
                               .owner = "task",
                               .on_absent =
                                   "only a task that was made with return_last_frame = "
                                   "true has a last frame"},
    [POMEX_WHAT_ASSET] = {.endpoint = POMEX_ASSET_GET,
                          .field = "url",
                          .noun = "file",
                          .a_noun = "an asset's file",
                          .owner = "asset",
                          .on_absent = "the service says no link of this asset"},
};

/* The host of `url` as it is looked up, in ASCII; the caller frees it with curl_free. libcurl reads
 * an international name in the letters of the program's locale, and a link is always UTF-8. */
static CURLUcode host_of(CURLU *url, char **host)
{
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t before = utf8 ? uselocale(utf8) : (locale_t)0;
    CURLUcode code = curl_url_get(url, CURLUPART_HOST, host, CURLU_PUNYCODE);
    if (utf8) {
        uselocale(before);
        freelocale(utf8);
    }
    return code;
}

/* `link` as it can be asked for: spaces and letters beyond ASCII are escaped. The caller frees it
 * with curl_free; NULL: it is no URL, or memory ran out, which *code says. */
static char *readable(const char *link, CURLUcode *code)
{
    char *text = NULL, *host = NULL;
    CURLU *url = curl_url();
    *code = !url ? CURLUE_OUT_OF_MEMORY
                 : curl_url_set(url, CURLUPART_URL, link,
                                CURLU_PATH_AS_IS | CURLU_ALLOW_SPACE | CURLU_URLENCODE |
                                    CURLU_NON_SUPPORT_SCHEME);
    if (*code == CURLUE_OK)
        *code = host_of(url, &host);
    if (*code == CURLUE_OK)
        *code = curl_url_set(url, CURLUPART_HOST, host, 0);
    if (*code == CURLUE_OK)
        *code = curl_url_get(url, CURLUPART_URL, &text, 0);
    curl_free(host);
    curl_url_cleanup(url);
    return text;
}

/* Why a readable link is not followed; NULL: it is fine. Sets *http to whether it is http. */
static const char *problem_of(const pomex_settings *settings, const char *link, bool *http)
{
    char *scheme = NULL, *host = NULL;
    CURLU *url = curl_url();
    const char *problem = NULL;
    if (!link || !url ||
        curl_url_set(url, CURLUPART_URL, link, CURLU_PATH_AS_IS) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        problem = "is not a URL";
    else if (strcmp(scheme, "http") == 0 &&
             !(settings->base_is_loopback && pomex_url_is_loopback(host)))
        problem = "is http and not https";
    else if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
        problem = "is not https";
    *http = scheme && strcmp(scheme, "http") == 0;
    curl_free(scheme);
    curl_free(host);
    curl_url_cleanup(url);
    return problem;
}

void pomex_video_url_go_back(struct pomex_download *d)
{
    free(d->redirect);
    d->redirect = NULL;
    d->redirects = 0;
}

/* A copy of `link`, made readable, to keep; *problem is set to what is wrong with it, or NULL.
 * NULL: the operation has ended, because memory ran out. */
static char *keep(pomex_operation *op, const char *link, bool *http, const char **problem)
{
    CURLUcode code;
    char *text = readable(link, &code);
    char *copy = strdup(text ? text : "");
    curl_free(text);
    *problem = problem_of(op->context->settings, copy, http);
    if (copy && code != CURLUE_OUT_OF_MEMORY)
        return copy;
    free(copy);
    pomex_operation_finish(op, pomex_error_memory());
    return NULL;
}

void pomex_video_url_take(pomex_operation *op, const char *link)
{
    struct pomex_download *d = op->own;
    const char *problem;
    char *copy = keep(op, link, &d->http, &problem);
    if (!copy)
        return;
    free(d->video_url);
    d->video_url = copy;
    pomex_video_url_go_back(d);
    if (problem)
        pomex_operation_finish(op, pomex_operation_error_new(op, "decode_error",
                                                             "the link of the %s %s",
                                                             d->of->noun, problem));
    else
        pomex_download_enter(op, &pomex_fetch_stage, POMEX_DOWNLOAD);
}

void pomex_video_url_redirect(pomex_operation *op, const pomex_outcome *o)
{
    struct pomex_download *d = op->own;
    bool http = false;
    const char *problem;
    char *redirect = keep(op, o->leads_to ? o->leads_to : "", &http, &problem);
    if (!redirect)
        return;
    if (!problem && http != d->http)
        problem = "is of another scheme";
    if (!problem && ++d->redirects > MAX_REDIRECTS)
        problem = "is beyond the 5 redirects that pomex follows";
    if (problem) {
        free(redirect);
        pomex_download_fail(op, "connection_error", "the target of the link's redirect ",
                            problem);
        return;
    }
    free(d->redirect);
    d->redirect = redirect;
    pomex_attempt_go_on(op); /* a redirect is no failure */
}

/* The task or asset is not there yet. */
static pomex_error *unready(const pomex_operation *op, const char *status)
{
    const struct pomex_download *d = op->own;
    pomex_error *error = pomex_operation_error_new(
        op, "invalid_request_error", "%s %s is \"%s\": there is nothing to download yet",
        d->of->owner, op->object_id, status);
    pomex_error_set_last_status(error, pomex_operation_shown(op, status));
    pomex_error_set_hint(error, "wait for the %s first", d->of->owner);
    pomex_operation_show_request(op, error);
    return error;
}

static pomex_error *absent(const pomex_operation *op)
{
    const struct pomex_download *d = op->own;
    pomex_error *error = pomex_operation_error_new(
        op, "decode_error", "the answer has no %s%s%s", d->of->object ? d->of->object : "",
        d->of->object ? "." : "", d->of->field);
    if (d->of->on_absent)
        pomex_error_set_hint(error, "%s", d->of->on_absent);
    return error;
}

static void read_answer(pomex_operation *op)
{
    const struct pomex_download *d = op->own;
    json_t *root = pomex_json_parse(op->reply.data, op->reply.length);
    const char *status = pomex_json_string(root, "status");
    const json_t *object = d->of->object ? json_object_get(root, d->of->object) : root;
    const char *link = pomex_json_string(object, d->of->field);
    enum pomex_status_class class =
        status ? pomex_rules_status_class(d->of->endpoint, status) : POMEX_GOING_ON;
    if (!status) {
        pomex_download_fail(op, "decode_error", "the answer has no status", "");
    } else if (link && d->what == POMEX_WHAT_ASSET) {
        pomex_video_url_take(op, link); /* its own file is there whatever became of the asset */
    } else if (class == POMEX_FAILED) {
        pomex_error *error = pomex_outcome_failed(op, status, root);
        pomex_error_set_last_status(error, pomex_operation_shown(op, status));
        pomex_operation_finish(op, error);
    } else if (class == POMEX_GOING_ON) {
        pomex_operation_finish(op, unready(op, status));
    } else if (!link) {
        pomex_operation_finish(op, absent(op));
    } else {
        pomex_video_url_take(op, link);
    }
    json_decref(root);
}

static bool video_url_request(pomex_operation *op, pomex_request *r)
{
    r->url = pomex_request_url(op);
    r->authorized = true;
    return true;
}

static void video_url_ended(pomex_operation *op, const pomex_outcome *o)
{
    enum pomex_verdict verdict = pomex_retry_verdict(POMEX_EFFECT_NONE, o, true, false);
    if (verdict == POMEX_ACCEPT) {
        read_answer(op);
        return;
    }
    pomex_error *error = pomex_outcome_error(op, o, &op->reply);
    if (verdict == POMEX_AGAIN)
        pomex_attempt_retry(op, o, error, 0);
    else
        pomex_operation_finish(op, error);
}

const pomex_stage pomex_video_url_stage = {
    .request = video_url_request,
    .ended = video_url_ended,
    .rang = pomex_download_rang,
    .attempt_deadline = pomex_attempt_deadline,
};
