#include "rules/endpoint.h"

#include <string.h>

/* In the order of pomex_endpoint_id, so that a row is found by its number. */
static const pomex_endpoint endpoints[POMEX_ENDPOINTS] = {
    {POMEX_SESSION_CREATE, "sessions.create", "sessions", "POST", "/v1/video/assets/sessions",
     false, POMEX_EFFECT_SPARE, 3, "video.asset_session", true},
    {POMEX_ASSET_CREATE, "assets.create", "asset_create", "POST", "/v1/video/assets", false,
     POMEX_EFFECT_ASSET, 0, "video.asset", true},
    {POMEX_ASSET_GET, "assets.get", "asset_get", "GET", "/v1/video/assets/", true,
     POMEX_EFFECT_NONE, 100, "video.asset", true},
    {POMEX_ASSET_LIST, "assets.list", "asset_list", "GET", "/v1/video/assets", false,
     POMEX_EFFECT_NONE, 10, "list", true},
    {POMEX_GENERATION_CREATE, "generations.create", "generation_create", "POST",
     "/v1/video/generations", false, POMEX_EFFECT_BILLED, 0, "video.generation.task", true},
    {POMEX_GENERATION_GET, "generations.get", "generation_get", "GET", "/v1/video/generations/",
     true, POMEX_EFFECT_NONE, 0, "video.generation.task", true},
    {POMEX_GENERATION_LIST, "generations.list", "generation_list", "GET",
     "/v1/video/generations", false, POMEX_EFFECT_NONE, 0, "list", true},
    {POMEX_GENERATION_CANCEL, "generations.cancel", "generation_cancel", "DELETE",
     "/v1/video/generations/", true, POMEX_EFFECT_CANCEL, 0, "video.generation.task", true},
    {POMEX_REQUEST, "request", "request", NULL, NULL, false, POMEX_EFFECT_UNKNOWN, 0, NULL,
     true},
    {POMEX_DOWNLOAD, "download", "download", "GET", NULL, false, POMEX_EFFECT_NONE, 0, NULL,
     false},
};

const pomex_endpoint *pomex_endpoint_of(pomex_endpoint_id id)
{
    return &endpoints[id];
}

const char *pomex_endpoint_limit_name(pomex_endpoint_id id)
{
    return endpoints[id].limit_name;
}

pomex_endpoint_id pomex_endpoint_by_name(const char *name)
{
    const pomex_endpoint *row = pomex_endpoint_named(name);
    return row ? row->id : POMEX_ENDPOINTS;
}

const pomex_endpoint *pomex_endpoint_named(const char *name)
{
    for (size_t i = 0; i < POMEX_ENDPOINTS; i++)
        if (strcmp(name, endpoints[i].name) == 0 || strcmp(name, endpoints[i].limit_name) == 0)
            return &endpoints[i];
    return NULL;
}

const pomex_endpoint *pomex_endpoint_match(const char *method, const char *path,
                                           const char **id)
{
    *id = NULL;
    for (size_t i = 0; i < POMEX_ENDPOINTS; i++) {
        const pomex_endpoint *row = &endpoints[i];
        if (!row->path || strcmp(method, row->method) != 0)
            continue;
        if (!row->has_id) {
            if (strcmp(path, row->path) == 0)
                return row;
            continue;
        }
        size_t prefix = strlen(row->path);
        if (strncmp(path, row->path, prefix) == 0 && path[prefix] &&
            !strchr(path + prefix, '/')) {
            *id = path + prefix;
            return row;
        }
    }
    return NULL;
}
