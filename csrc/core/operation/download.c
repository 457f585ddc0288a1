#include "operation/download.h"
#include "operation/held.h"

#include "operation/attempt.h"
#include "operation/fetch.h"
#include "operation/held.h"
#include "operation/video_url.h"
#include "rules/rules.h"

#include <stdlib.h>
#include <string.h>

static void download_free(void *own)
{
    struct pomex_download *d = own;
    pomex_partfile_close(d->file);
    pomex_partsum_free(&d->summed);
    free(d->video_url);
    free(d->redirect);
    free(d);
}

static void download_progress(const pomex_operation *op, int64_t *done, int64_t *total)
{
    const struct pomex_download *d = op->own;
    *done = d->file ? pomex_partfile_size(d->file) : d->saved;
    *total = d->total;
}

static const char *download_looks_like(const pomex_operation *op)
{
    const struct pomex_download *d = op->own;
    return d->looks_like ? d->looks_like : "unknown";
}

static const char *download_sum(const pomex_operation *op)
{
    const struct pomex_download *d = op->own;
    return d->sum;
}

/* Closes the file, which also unlocks it. */
static void download_over(pomex_operation *op)
{
    struct pomex_download *d = op->own;
    d->saved = d->file ? pomex_partfile_size(d->file) : d->saved;
    pomex_partfile_close(d->file);
    d->file = NULL;
    pomex_buffer_free(&op->reply);
}

void pomex_download_fail(pomex_operation *op, const char *type, const char *message,
                         const char *detail)
{
    pomex_operation_finish(op, pomex_operation_error_new(op, type, "%s%s", message, detail));
}

void pomex_download_enter(pomex_operation *op, const pomex_stage *stage,
                          pomex_endpoint_id endpoint)
{
    op->stage = stage;
    op->endpoint = pomex_endpoint_of(endpoint);
    pomex_attempt_count_anew(op);
    pomex_queue_add(op);
}

void pomex_download_rang(pomex_operation *op)
{
    if (op->state == POMEX_PAUSED && pomex_context_now(op->context) < op->deadline)
        pomex_queue_add(op);
    else
        pomex_operation_finish(
            op, pomex_operation_timed_out(op, "the download did not end in the time given"));
}

/* Which bytes the part is of: a task has two files. */
static char *name_of_part(const pomex_operation *op)
{
    const struct pomex_download *d = op->own;
    char *name = NULL;
    int length = asprintf(&name, "%s%s", op->object_id,
                          d->what == POMEX_WHAT_LAST_FRAME ? POMEX_LAST_FRAME_MARK : "");
    return length < 0 ? NULL : name;
}

static pomex_error *prepare(pomex_operation *op, const char *id, size_t id_length,
                            const char *path, bool overwrite)
{
    struct pomex_download *d = op->own;
    char why[1024];
    pomex_violation violation;
    if (!pomex_rules_check_id(id, id_length, &violation))
        return pomex_violation_error(op->endpoint->name, &violation);
    op->object_id = strndup(id, id_length);
    if (op->object_id && d->what != POMEX_WHAT_ASSET)
        pomex_held_note(op->object_id, pomex_context_recent(op->context));
    char *part = op->object_id ? name_of_part(op) : NULL;
    if (!part)
        return pomex_error_memory();
    d->file = pomex_partfile_open(path, part, overwrite, why, sizeof why);
    free(part);
    if (d->file)
        return NULL;
    pomex_error *error = pomex_operation_error_new(op, "file_error", "%s", why);
    pomex_error_set_client(error);
    return error;
}

static const pomex_kind download_kind = {
    .over = download_over,
    .free = download_free,
    .progress = download_progress,
    .looks_like = download_looks_like,
    .sum = download_sum,
    .about_task = true,
};

static const pomex_kind asset_kind = {
    .over = download_over,
    .free = download_free,
    .progress = download_progress,
    .looks_like = download_looks_like,
    .sum = download_sum,
};

pomex_operation *pomex_download_begin(pomex_context *c, const char *id, size_t id_length,
                                      const char *link, const char *path,
                                      const pomex_call_options *options)
{
    int64_t now = pomex_context_now(c); /* the first attempt's deadline counts from it, too */
    int64_t deadline =
        options->timeout >= 0 ? pomex_clock_after(now, options->timeout) : POMEX_NEVER;
    pomex_operation *op = pomex_operation_new(
        c, options->what == POMEX_WHAT_ASSET ? &asset_kind : &download_kind,
        &pomex_video_url_stage, pomex_endpoint_of(POMEX_DOWNLOAD), deadline);
    if (!op)
        return NULL;
    op->max_retries =
        options->max_retries >= 0 ? options->max_retries : c->settings->options.max_retries;
    struct pomex_download *d = op->own = calloc(1, sizeof *d);
    if (d) {
        d->what = options->what;
        d->of = &pomex_video_url_of[options->what];
    }
    pomex_error *error =
        d ? prepare(op, id, id_length, path, options->overwrite) : pomex_error_memory();
    if (!error)
        error = pomex_operation_take(op, options);
    if (d) {
        d->total = -1;
        d->progress = options->progress;
        d->sync = options->sync;
        d->hold = options->hold;
    }
    if (error)
        pomex_operation_finish(op, error);
    else if (link)
        pomex_video_url_take(op, link);
    else
        pomex_download_enter(op, &pomex_video_url_stage, d->of->endpoint);
    return op;
}
