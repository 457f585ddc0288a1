#include "sandbox/api/api.h"

#include "sandbox/control/sandbox.h"
#include "sandbox/http/guard.h"
#include "sandbox/pages/links.h"

#include "base/json.h"

#include <stdio.h>
#include <string.h>

static int64_t seconds_of(int64_t ms)
{
    return ms / 1000;
}

/* What the upstream says besides, in its own form: times are seconds since 1970. */
static int add_fields(json_t *json, const pomex_sb_task *task, int64_t now)
{
    json_t *given = pomex_json_parse(task->given.bytes, task->given.length);
    json_object_del(given, POMEX_SB_LAST_FRAME); /* which is heeded, and not repeated */
    int failed = given ? json_object_update(json, given) : 0;
    json_decref(given);
    failed |=
        json_object_set_new(json, "model", json_stringn(task->model.bytes, task->model.length));
    failed |= json_object_set_new(json, "created_at", json_integer(seconds_of(task->created)));
    failed |= json_object_set_new(
        json, "updated_at", json_integer(seconds_of(pomex_sb_store_tasks_changed(task, now))));
    return failed;
}

static bool has_last_frame(const pomex_sb_task *task)
{
    json_t *given = pomex_json_parse(task->given.bytes, task->given.length);
    bool asked = json_is_true(json_object_get(given, POMEX_SB_LAST_FRAME));
    json_decref(given);
    return asked;
}

/* What has come of a task that is over. */
static int add_end(pomex_sb *sandbox, const char *host, json_t *json, const pomex_sb_task *task,
                   const char *status)
{
    char path[128];
    char link[POMEX_SB_LINK];
    if (strcmp(status, "succeeded") == 0) {
        snprintf(path, sizeof path, "/files/videos/%.64s/output.mp4", task->id.bytes);
        pomex_sb_links_for(sandbox, host, path, sandbox->config.video_link_seconds, link);
        json_t *content = json_pack("{s:s}", "video_url", link);
        snprintf(path, sizeof path, "/files/videos/%.64s/last_frame.png", task->id.bytes);
        pomex_sb_links_for(sandbox, host, path, sandbox->config.video_link_seconds, link);
        if (has_last_frame(task) &&
            json_object_set_new(content, "last_frame_url", json_string(link)) != 0) {
            json_decref(content);
            return -1;
        }
        return json_object_set_new(json, "content", content);
    }
    if (strcmp(status, "failed") == 0)
        return json_object_set_new(
            json, "error",
            json_pack("{s:s}", "message", "the prompt asked for this: " POMEX_SB_FAIL_MARK));
    return 0;
}

json_t *pomex_sb_api_tasks_json(pomex_sb *sandbox, const char *host, const pomex_sb_task *task,
                                int64_t now, bool item)
{
    const char *status = pomex_sb_store_tasks_status(task, now);
    json_t *json = json_pack("{s:s, s:s*, s:s}", "id", task->id.bytes, "object",
                             item ? NULL : "video.generation.task", "status", status);
    int failed = json ? add_end(sandbox, host, json, task, status) : -1;
    if (sandbox->config.task_fields)
        failed |= add_fields(json, task, now);
    if (!failed)
        return json;
    json_decref(json);
    return NULL;
}

static json_t *task_json(const pomex_sb_request *request, const pomex_sb_task *task,
                         int64_t now, bool item)
{
    return pomex_sb_api_tasks_json(request->sandbox, pomex_sb_guard_host(request), task, now,
                                   item);
}

/* The earliest creation of a task that the service has not forgotten. */
static int64_t kept_since(const pomex_sb_request *request, int64_t now)
{
    return now - (int64_t)(request->sandbox->config.task_kept_seconds * 1000);
}

/* Finds a task of the account that is not forgotten. Otherwise the response says so. */
static bool find(pomex_sb_request *request, const char *id, size_t length, int64_t now,
                 pomex_sb_task *task)
{
    int found =
        pomex_sb_store_tasks_find(request->sandbox->store, request->account, id, length, task);
    if (found < 0)
        return pomex_sb_response_unavailable(&request->response);
    if (found == 1 && task->created >= kept_since(request, now))
        return true;
    pomex_sb_response_error(&request->response, 404, "generation task not found");
    return false;
}

void pomex_sb_api_tasks_get(pomex_sb_request *request, const char *id, size_t length)
{
    int64_t now = pomex_sb_clock_now(&request->sandbox->clock);
    pomex_sb_task task;
    if (find(request, id, length, now, &task))
        pomex_sb_response_json(&request->response, 200, task_json(request, &task, now, false));
}

/* The upstream's table: what is queued is cancelled, what runs stays, and of what is over the record
 * is deleted. */
void pomex_sb_api_tasks_delete(pomex_sb_request *request, const char *id, size_t length)
{
    pomex_sb_store *store = request->sandbox->store;
    int64_t now = pomex_sb_clock_now(&request->sandbox->clock);
    pomex_sb_task task;
    if (!find(request, id, length, now, &task))
        return;
    const char *status = pomex_sb_store_tasks_status(&task, now);
    if (strcmp(status, "running") == 0) {
        pomex_sb_response_error(&request->response, 409, "task %.64s is running",
                                task.id.bytes);
        return;
    }
    char name[POMEX_SB_ID]; /* a text of a row lives until the next call of the store */
    snprintf(name, sizeof name, "%s", task.id.bytes);
    bool queued = strcmp(status, "queued") == 0;
    int done = queued ? pomex_sb_store_tasks_cancel(store, name, now)
                      : pomex_sb_store_tasks_delete(store, name);
    if (done == 1)
        pomex_sb_api_notices_end(request->sandbox, name, queued);
    if (done == 1)
        pomex_sb_response_json(&request->response, 200, json_object());
    else
        pomex_sb_response_unavailable(&request->response);
}

/* ------------------------------------------------------------------------------------ list */

struct page {
    const pomex_sb_request *request;
    const char *model;  /* NULL: of every model */
    const char *status; /* NULL: of every status; otherwise some, with commas between */
    int64_t now;
    int64_t first; /* the number of the page's first task, from 0 */
    int64_t size;
    int64_t total;
    json_t *items;
};

static bool is_wanted(const struct page *page, const pomex_sb_task *task)
{
    if (page->model && strcmp(page->model, task->model.bytes) != 0)
        return false;
    if (!page->status)
        return true;
    const char *status = pomex_sb_store_tasks_status(task, page->now);
    size_t length = strlen(status);
    for (const char *at = page->status; (at = strstr(at, status)); at += length)
        if ((at == page->status || at[-1] == ',') && (at[length] == ',' || !at[length]))
            return true;
    return false;
}

static bool add_item(void *user, const pomex_sb_task *task)
{
    struct page *page = user;
    if (!is_wanted(page, task))
        return true;
    int64_t number = page->total++;
    return number < page->first || number >= page->first + page->size ||
           json_array_append_new(page->items,
                                 task_json(page->request, task, page->now, true)) == 0;
}

static json_t *page_json(const struct page *page, int64_t number)
{
    const pomex_sb_config *config = &page->request->sandbox->config;
    json_t *json = json_pack(
        "{s:s, s:O, s:I, s:I}", "object", "list", config->list_as_data ? "data" : "items",
        page->items, "page_number", (json_int_t)number, "page_size", (json_int_t)page->size);
    if (config->list_totals &&
        json_object_set_new(json, "total_count", json_integer(page->total)) != 0) {
        json_decref(json);
        return NULL;
    }
    return json;
}

void pomex_sb_api_tasks_list(pomex_sb_request *request, const json_t *query)
{
    const pomex_sb_config *config = &request->sandbox->config;
    const char *order = json_string_value(json_object_get(query, "sort_order"));
    int64_t number = pomex_sb_api_whole(query, "page", 1);
    int64_t size = pomex_sb_api_whole(query, "limit", 10);
    struct page page = {.request = request,
                        .model = json_string_value(json_object_get(query, "model")),
                        .status = json_string_value(json_object_get(query, "status")),
                        .now = pomex_sb_clock_now(&request->sandbox->clock),
                        .first = (number - 1) * size,
                        .size = size,
                        .items = json_array()};
    int64_t last = page.now - (int64_t)(config->list_lag_seconds * 1000);
    int done = page.items ? pomex_sb_store_tasks_each(request->sandbox->store, request->account,
                                                      kept_since(request, page.now), last,
                                                      order && strcmp(order, "asc") == 0,
                                                      add_item, &page)
                          : -1;
    if (done < 0)
        pomex_sb_response_unavailable(&request->response);
    else
        pomex_sb_response_json(&request->response, 200, page_json(&page, number));
    json_decref(page.items);
}
