#include "scene.h"

#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void scene_start(scene *s, const fault_step *steps, size_t count)
{
    scene_prepare(s, steps, count, false);
    harness_client(&s->h);
}

void scene_prepare(scene *s, const fault_step *steps, size_t count, bool tls)
{
    harness_start(&s->h, steps, count, tls);
    strcpy(s->folder, "/tmp/pomex-down-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->path, sizeof s->path, "%s/out.mp4", s->folder);
    snprintf(s->part, sizeof s->part, "%s.part", s->path);
    snprintf(s->note, sizeof s->note, "%s.note", s->part);
    snprintf(s->link, sizeof s->link, "%s/v.mp4?X-Sig=a%%2Fb", s->h.base_url);
    snprintf(s->task, sizeof s->task,
             "{\"id\":\"cgt-1\",\"status\":\"succeeded\",\"content\":{\"video_url\":\"%s\"}}",
             s->link);
}

void scene_stop(scene *s)
{
    harness_stop(&s->h);
    unlink(s->path);
    unlink(s->part);
    unlink(s->note);
    assert_int_equal(rmdir(s->folder), 0);
}

pomex_operation *scene_download(scene *s, const char *link)
{
    pomex_call_options options;
    pomex_call_options_init(&options);
    options.progress = true;
    return pomex_client_download(s->h.client, "cgt-1", 5, link, s->path, &options);
}

bool scene_exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

void scene_is_saved(scene *s, pomex_operation *op)
{
    char bytes[64] = "";
    int64_t done, total;
    harness_finish(&s->h, op);
    const pomex_error *error = pomex_operation_error(op);
    if (error)
        fail_msg("%s: %s", error->type, error->message);
    FILE *file = fopen(s->path, "r");
    assert_non_null(file);
    fread(bytes, 1, sizeof bytes - 1, file);
    fclose(file);
    assert_string_equal(bytes, SCENE_VIDEO);
    assert_false(scene_exists(s->part));
    assert_false(scene_exists(s->note));
    pomex_operation_progress(op, &done, &total);
    assert_int_equal(done, strlen(SCENE_VIDEO));
    assert_int_equal(total, strlen(SCENE_VIDEO));
    pomex_operation_release(op);
}

void scene_is_error(scene *s, pomex_operation *op, const char *type, const char *words)
{
    harness_finish(&s->h, op);
    const pomex_error *error = pomex_operation_error(op);
    assert_non_null(error);
    assert_string_equal(error->type, type);
    if (!strstr(error->message, words))
        fail_msg("%s: %s", error->type, error->message);
    assert_null(strstr(error->message, "X-Sig"));
    assert_false(scene_exists(s->path));
    pomex_operation_release(op);
}
