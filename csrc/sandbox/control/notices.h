/* The notices that tasks with a `callback_url` are still to send, in the order of their time. They
 * are in memory alone: a restart forgets them. */
#ifndef POMEX_SB_NOTICES_H
#define POMEX_SB_NOTICES_H

#include "sandbox/base/id.h"
#include "sandbox/http/post.h"

#include <stdbool.h>
#include <stdint.h>

#define POMEX_SB_NOTICE_HOST 96

typedef struct pomex_sb_notice {
    struct pomex_sb_notice *next;
    char id[POMEX_SB_ID];            /* of the task */
    int64_t at;                      /* it tells of the task as it was then … */
    int64_t due;                     /* … and goes out then */
    char host[POMEX_SB_NOTICE_HOST]; /* of the links in it */
    char *url;
} pomex_sb_notice;

typedef struct pomex_sb_notices {
    pomex_sb_notice *first;
    pomex_sb_post *post; /* begun with the first notice that goes out */
} pomex_sb_notices;

/* Adds a copy of `notice`, behind those that are due at the same time. None if memory ran out. */
void pomex_sb_notices_add(pomex_sb_notices *notices, const pomex_sb_notice *notice);

/* Takes out those of a task, and returns one of them, which the caller frees; NULL: none. */
pomex_sb_notice *pomex_sb_notices_take(pomex_sb_notices *notices, const char *id);

void pomex_sb_notices_free(pomex_sb_notice *notice);

/* Sends nothing more, and forgets all. */
void pomex_sb_notices_clear(pomex_sb_notices *notices);

#endif
