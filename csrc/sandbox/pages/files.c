#include "sandbox/pages/files.h"

#include "sandbox/control/sandbox.h"
#include "sandbox/pages/embed.h"
#include "sandbox/pages/links.h"
#include "sandbox/pages/mp4.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char asset_folder[] = "/files/assets/";
static const char video_folder[] = "/files/videos/";
static const char last_frame[] = "/last_frame.png";

static bool read_position(const char **at, uint64_t *out)
{
    char *end;
    if (**at < '0' || **at > '9')
        return false;
    *out = strtoull(*at, &end, 10);
    *at = end;
    return true;
}

enum range { RANGE_NONE, RANGE_PART, RANGE_OUTSIDE };

/* Reads a header with one range of bytes. Several ranges, or a header that cannot be read, count
 * as none: the whole file is sent. */
static enum range read_range(const char *text, uint64_t size, uint64_t *first, uint64_t *last)
{
    if (!text || strncmp(text, "bytes=", 6) != 0)
        return RANGE_NONE;
    text += 6;
    bool from = read_position(&text, first);
    if (*text++ != '-')
        return RANGE_NONE;
    bool to = read_position(&text, last);
    if (*text || (!from && !to) || (from && to && *last < *first))
        return RANGE_NONE;
    if (!from) {
        if (*last == 0)
            return RANGE_OUTSIDE;
        *first = *last < size ? size - *last : 0;
        *last = size - 1;
        return RANGE_PART;
    }
    if (*first >= size)
        return RANGE_OUTSIDE;
    if (!to || *last >= size)
        *last = size - 1;
    return RANGE_PART;
}

/* Narrows the response to the Range of the request, unless If-Range names another file. */
static void serve_range(pomex_sb_request *request, const char *etag)
{
    pomex_sb_response *response = &request->response;
    uint64_t size = response->length;
    uint64_t first = 0;
    uint64_t last = 0;
    const char *condition = pomex_sb_request_header(request, "If-Range");
    if (strcmp(request->method, "GET") != 0 || (condition && strcmp(condition, etag) != 0))
        return;
    char text[80];
    switch (read_range(pomex_sb_request_header(request, "Range"), size, &first, &last)) {
    case RANGE_NONE:
        return;
    case RANGE_PART:
        response->status = 206;
        response->start = first;
        response->length = last - first + 1;
        snprintf(text, sizeof text, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, first, last,
                 size);
        break;
    case RANGE_OUTSIDE:
        pomex_sb_response_error(response, 416, "the range is outside of the file");
        snprintf(text, sizeof text, "bytes */%" PRIu64, size);
        break;
    }
    pomex_sb_response_header(response, "Content-Range", text);
}

static void serve(pomex_sb_request *request, const char *id, int64_t modified)
{
    pomex_sb_response *response = &request->response;
    char mac[POMEX_SB_SECRET];
    char etag[POMEX_SB_SECRET + 2] = "";
    bool tagged = pomex_sb_secret_sign(request->sandbox->link_key, id, strlen(id), mac);
    if (tagged)
        snprintf(etag, sizeof etag, "\"%s\"", mac);
    char date[POMEX_SB_TIME];
    pomex_sb_clock_http(modified, date);
    if (tagged)
        pomex_sb_response_header(response, "ETag", etag);
    pomex_sb_response_header(response, "Last-Modified", date);
    pomex_sb_response_header(response, "Accept-Ranges", "bytes");
    serve_range(request, etag);
}

static void not_found(pomex_sb_request *request, int found)
{
    if (found < 0)
        pomex_sb_response_unavailable(&request->response);
    else
        pomex_sb_response_error(&request->response, 404, "file not found");
}

static void serve_last_frame(pomex_sb_request *request, const char *id)
{
    pomex_sb_task task;
    char name[POMEX_SB_ID + 16];
    int found = pomex_sb_store_tasks_find(request->sandbox->store, 0, id, strlen(id), &task);
    if (found != 1) {
        not_found(request, found);
        return;
    }
    pomex_sb_blob blob = pomex_sb_embed(POMEX_SB_PORTRAIT);
    pomex_sb_response_fixed(&request->response, 200, "image/png", blob.bytes, blob.length);
    snprintf(name, sizeof name, "%s/last_frame", id); /* its ETag is not the video's */
    serve(request, name, task.ready);
}

static void serve_video(pomex_sb_request *request, const char *id)
{
    pomex_sb_task task;
    pomex_sb_video video;
    int found = pomex_sb_store_tasks_find(request->sandbox->store, 0, id, strlen(id), &task);
    if (found == 1 && !pomex_sb_mp4_make(task.prompt, task.images, &video))
        found = -1;
    if (found != 1) {
        not_found(request, found);
        return;
    }
    pomex_sb_response_own(&request->response, 200, "video/mp4", video.moov, video.moov_length);
    request->response.fixed = video.fixed;
    request->response.fixed_length = video.fixed_length;
    request->response.length += video.fixed_length;
    serve(request, id, task.ready);
}

static void serve_asset(pomex_sb_request *request, const char *id)
{
    pomex_sb_asset asset;
    int found = pomex_sb_store_assets_find(request->sandbox->store, 0, id, strlen(id), &asset);
    if (found != 1) {
        not_found(request, found);
        return;
    }
    enum pomex_sb_file file = POMEX_SB_PORTRAIT;
    const char *type = "image/png";
    if (strcmp(asset.type.bytes, "Video") == 0) {
        file = POMEX_SB_CLIP;
        type = "video/mp4";
    } else if (strcmp(asset.type.bytes, "Audio") == 0) {
        file = POMEX_SB_VOICE;
        type = "audio/wav";
    }
    pomex_sb_blob blob = pomex_sb_embed(file);
    pomex_sb_response_fixed(&request->response, 200, type, blob.bytes, blob.length);
    serve(request, id, asset.created);
}

void pomex_sb_files(pomex_sb_request *request)
{
    bool video = strncmp(request->target, video_folder, sizeof video_folder - 1) == 0;
    bool asset = strncmp(request->target, asset_folder, sizeof asset_folder - 1) == 0;
    if (!video && !asset) {
        not_found(request, 0);
        return;
    }
    if (!pomex_sb_links_check(request))
        return;
    const char *name =
        request->target + (video ? sizeof video_folder : sizeof asset_folder) - 1;
    char id[POMEX_SB_ID];
    snprintf(id, sizeof id, "%.*s", (int)strcspn(name, "/"), name);
    const char *file = strchr(name, '/');
    if (video && file && strncmp(file, last_frame, sizeof last_frame - 1) == 0)
        serve_last_frame(request, id);
    else if (video)
        serve_video(request, id);
    else
        serve_asset(request, id);
}
