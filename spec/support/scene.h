/* A download in a folder of its own, from a server that breaks off. */
#ifndef SCENE_H
#define SCENE_H

#include "harness.h"

#define SCENE_VIDEO "0123456789abcdefghij"
#define SCENE_ETAG  "ETag: \"v1\"\r\nContent-Type: video/mp4\r\n"

// clang-format off: its versions disagree
/* A step that answers with all of the video. */
#define SCENE_WHOLE                                                                            \
    {                                                                                          \
        .match = "GET /v.mp4", .headers = SCENE_ETAG, .body = SCENE_VIDEO                      \
    }

/* A step that answers once, and breaks off after ten bytes of the video; and one that answers a range
 * with the rest. */
#define SCENE_CUT                                                                              \
    {                                                                                          \
        .times = 1, .kind = FAULT_TRUNCATE, .headers = SCENE_ETAG, .body = SCENE_VIDEO,        \
        .cut = 10                                                                              \
    }
#define SCENE_REST                                                                             \
    {                                                                                          \
        .status = 206, .headers = SCENE_ETAG "Content-Range: bytes 10-19/20\r\n",              \
        .body = "abcdefghij"                                                                   \
    }
// clang-format on

typedef struct scene {
    harness h;
    char folder[48], path[64], part[72], note[80];
    char link[96];  /* of the video */
    char task[192]; /* the service's answer that holds it */
} scene;

void scene_start(scene *s, const fault_step *steps, size_t count);

/* The same, without the client yet: its options may be changed. */
void scene_prepare(scene *s, const fault_step *steps, size_t count, bool tls);

/* Fails if more is left in the folder than the video and its part. */
void scene_stop(scene *s);

/* link: NULL to ask the service for it. */
pomex_operation *scene_download(scene *s, const char *link);

/* Both finish the download and release it. */
void scene_is_saved(scene *s, pomex_operation *op);
void scene_is_error(scene *s, pomex_operation *op, const char *type, const char *words);

bool scene_exists(const char *path);

#endif
