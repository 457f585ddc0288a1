/* The endpoint table against the document, row by row. */
#include "cmocka_all.h"

#include "rules/endpoint.h"

#include <string.h>

TEST_CASE(every_row_stands_at_its_number)
{
    for (int id = 0; id < POMEX_ENDPOINTS; id++)
        assert_int_equal(pomex_endpoint_of((pomex_endpoint_id)id)->id, id);
}

TEST_CASE(rows_are_those_of_the_document)
{
    static const struct {
        const char *name, *limit, *method, *path, *object;
        double rate;
        enum pomex_effect effect;
    } rows[] = {
        {"sessions.create", "sessions", "POST", "/v1/video/assets/sessions",
         "video.asset_session", 3, POMEX_EFFECT_SPARE},
        {"assets.create", "asset_create", "POST", "/v1/video/assets", "video.asset", 0,
         POMEX_EFFECT_ASSET},
        {"assets.get", "asset_get", "GET", "/v1/video/assets/", "video.asset", 100,
         POMEX_EFFECT_NONE},
        {"assets.list", "asset_list", "GET", "/v1/video/assets", "list", 10, POMEX_EFFECT_NONE},
        {"generations.create", "generation_create", "POST", "/v1/video/generations",
         "video.generation.task", 0, POMEX_EFFECT_BILLED},
        {"generations.get", "generation_get", "GET", "/v1/video/generations/",
         "video.generation.task", 0, POMEX_EFFECT_NONE},
        {"generations.list", "generation_list", "GET", "/v1/video/generations", "list", 0,
         POMEX_EFFECT_NONE},
        {"generations.cancel", "generation_cancel", "DELETE", "/v1/video/generations/",
         "video.generation.task", 0, POMEX_EFFECT_CANCEL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const pomex_endpoint *row = pomex_endpoint_named(rows[i].name);
        assert_non_null(row);
        assert_ptr_equal(row, pomex_endpoint_named(rows[i].limit));
        assert_string_equal(row->method, rows[i].method);
        assert_string_equal(row->path, rows[i].path);
        assert_string_equal(row->object, rows[i].object);
        assert_true(row->rate_limit >= rows[i].rate && row->rate_limit <= rows[i].rate);
        assert_int_equal(row->effect, rows[i].effect);
        assert_int_equal(row->has_id, row->path[strlen(row->path) - 1] == '/');
    }
    assert_null(pomex_endpoint_named("assets.delete"));
    assert_int_equal(pomex_endpoint_of(POMEX_REQUEST)->effect, POMEX_EFFECT_UNKNOWN);
}

static void matches(const char *method, const char *path, const char *name, const char *id)
{
    const char *found = "unset";
    const pomex_endpoint *row = pomex_endpoint_match(method, path, &found);
    if (!name) {
        assert_null(row);
        assert_null(found);
        return;
    }
    assert_non_null(row);
    assert_string_equal(row->name, name);
    if (id)
        assert_string_equal(found, id);
    else
        assert_null(found);
}

TEST_CASE(requests_find_their_row)
{
    matches("POST", "/v1/video/assets/sessions", "sessions.create", NULL);
    matches("POST", "/v1/video/assets", "assets.create", NULL);
    matches("GET", "/v1/video/assets", "assets.list", NULL);
    matches("GET", "/v1/video/assets/asset-20260619150241-b8xd4", "assets.get",
            "asset-20260619150241-b8xd4");
    matches("GET", "/v1/video/assets/a%20b", "assets.get", "a%20b");
    matches("GET", "/v1/video/assets/sessions", "assets.get", "sessions");
    matches("POST", "/v1/video/generations", "generations.create", NULL);
    matches("GET", "/v1/video/generations/cgt-1", "generations.get", "cgt-1");
    matches("GET", "/v1/video/generations", "generations.list", NULL);
    matches("DELETE", "/v1/video/generations/cgt-1", "generations.cancel", "cgt-1");
}

TEST_CASE(other_requests_find_none)
{
    matches("PUT", "/v1/video/generations", NULL, NULL);
    matches("GET", "/v1/video/assets/", NULL, NULL);
    matches("GET", "/v1/video/assets/a/b", NULL, NULL);
    matches("DELETE", "/v1/video/assets/a", NULL, NULL);
    matches("get", "/v1/video/assets", NULL, NULL);
    matches("POST", "/v1/video/assets/", NULL, NULL);
    matches("GET", "/v1/video", NULL, NULL);
    matches("GET", "", NULL, NULL);
}
