/* Notices: a POST to the `callback_url` of a task's body at each change of its status. */
#include "sandbox/api/api.h"

#include "sandbox/control/sandbox.h"
#include "sandbox/http/guard.h"

#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long the answer to a create waits for its first notice, with `notices_first`. */
#define PATIENCE 2.0

void pomex_sb_api_notices_plan(pomex_sb_request *request, const pomex_sb_task *task,
                               const char *url)
{
    pomex_sb *sandbox = request->sandbox;
    const pomex_sb_config *config = &sandbox->config;
    int64_t at[] = {task->created, pomex_sb_store_tasks_runs_from(task), task->ready};
    size_t count = sizeof at / sizeof *at;
    pomex_sb_notice notice;
    if (!url || !pomex_sb_post_may(url))
        return;
    snprintf(notice.id, sizeof notice.id, "%s", task->id.bytes);
    snprintf(notice.host, sizeof notice.host, "%s", pomex_sb_guard_host(request));
    notice.url = (char *)(uintptr_t)url;
    for (size_t i = 0; i < count; i++) {
        notice.at = config->notices_reversed ? at[count - 1 - i] : at[i];
        notice.due = pomex_sb_clock_after(config->notices_reversed ? task->ready : at[i],
                                          config->notice_delay_seconds);
        for (int times = config->notices_twice ? 2 : 1; times > 0; times--)
            pomex_sb_notices_add(&sandbox->notices, &notice);
    }
    if (config->notices_first) {
        pomex_sb_api_notices_send(sandbox);
        if (sandbox->notices.post)
            pomex_sb_post_wait(sandbox->notices.post, PATIENCE);
    }
}

void pomex_sb_api_notices_end(pomex_sb *sandbox, const char *id, bool cancelled)
{
    pomex_sb_notice *notice = pomex_sb_notices_take(&sandbox->notices, id);
    if (notice && cancelled) {
        notice->at = pomex_sb_clock_now(&sandbox->clock);
        notice->due = pomex_sb_clock_after(notice->at, sandbox->config.notice_delay_seconds);
        pomex_sb_notices_add(&sandbox->notices, notice);
    }
    pomex_sb_notices_free(notice);
}

/* Takes over what json_pack made. */
static void post(pomex_sb *sandbox, const char *url, json_t *json)
{
    size_t length;
    char *body = json ? pomex_json_text(json, &length) : NULL;
    json_decref(json);
    if (!sandbox->notices.post)
        sandbox->notices.post = pomex_sb_post_start();
    pomex_sb_post_send(sandbox->notices.post, strdup(url), body);
}

/* What an attacker can send: who knows the URL, with an id that is none; and who does not know it,
 * with an id that is. */
static void forge(pomex_sb *sandbox, const pomex_sb_notice *notice, json_t *json)
{
    char id[POMEX_SB_ID];
    pomex_sb_id_make("cgt", notice->at, id);
    json_t *foreign = json_copy(json);
    if (foreign && json_object_set_new(foreign, "id", json_string(id)) == 0 &&
        json_object_set_new(foreign, "status", json_string("succeeded")) == 0)
        post(sandbox, notice->url, json_incref(foreign));
    json_decref(foreign);
    char *url = strdup(notice->url);
    size_t length = url ? strlen(url) : 0;
    if (length && url[length - 1] != '/') {
        url[length - 1] = url[length - 1] == 'A' ? 'B' : 'A';
        post(sandbox, url, json_incref(json));
    }
    free(url);
}

static void send_one(pomex_sb *sandbox, const pomex_sb_notice *notice)
{
    pomex_sb_task task;
    if (!sandbox->config.notices || pomex_sb_store_tasks_find(sandbox->store, 0, notice->id,
                                                              strlen(notice->id), &task) != 1)
        return;
    json_t *json = pomex_sb_api_tasks_json(sandbox, notice->host, &task, notice->at, false);
    if (json && sandbox->config.notices_forged)
        forge(sandbox, notice, json);
    post(sandbox, notice->url, json);
}

double pomex_sb_api_notices_send(pomex_sb *sandbox)
{
    pomex_sb_notice *first;
    int64_t now = pomex_sb_clock_now(&sandbox->clock);
    while ((first = sandbox->notices.first) && first->due <= now) {
        sandbox->notices.first = first->next;
        send_one(sandbox, first);
        pomex_sb_notices_free(first);
    }
    return first ? (double)(first->due - now) / 1000 : INFINITY;
}
