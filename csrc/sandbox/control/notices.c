#include "sandbox/control/notices.h"

#include <stdlib.h>
#include <string.h>

void pomex_sb_notices_free(pomex_sb_notice *notice)
{
    if (notice)
        free(notice->url);
    free(notice);
}

void pomex_sb_notices_add(pomex_sb_notices *notices, const pomex_sb_notice *notice)
{
    pomex_sb_notice *added = malloc(sizeof *added);
    if (!added)
        return;
    *added = *notice;
    added->url = strdup(notice->url);
    if (!added->url) {
        free(added);
        return;
    }
    pomex_sb_notice **place = &notices->first;
    while (*place && (*place)->due <= added->due)
        place = &(*place)->next;
    added->next = *place;
    *place = added;
}

pomex_sb_notice *pomex_sb_notices_take(pomex_sb_notices *notices, const char *id)
{
    pomex_sb_notice *taken = NULL;
    for (pomex_sb_notice **place = &notices->first; *place;) {
        pomex_sb_notice *one = *place;
        if (strcmp(one->id, id) != 0) {
            place = &one->next;
            continue;
        }
        *place = one->next;
        pomex_sb_notices_free(taken);
        taken = one;
    }
    return taken;
}

void pomex_sb_notices_clear(pomex_sb_notices *notices)
{
    pomex_sb_post_stop(notices->post);
    notices->post = NULL;
    while (notices->first) {
        pomex_sb_notice *one = notices->first;
        notices->first = one->next;
        pomex_sb_notices_free(one);
    }
}
