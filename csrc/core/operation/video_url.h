/* Where a video is: the link in the service's answer. A link is signed, so no error shows it. */
#ifndef POMEX_VIDEO_URL_H
#define POMEX_VIDEO_URL_H

#include "operation/download.h"

/* What each of pomex_what is. */
extern const pomex_saved pomex_video_url_of[];

/* The stage that asks the service for the link. */
extern const pomex_stage pomex_video_url_stage;

/* Goes on to fetch the bytes behind `link`. */
void pomex_video_url_take(pomex_operation *operation, const char *link);

/* The answer is a redirect: goes on to its target. */
void pomex_video_url_redirect(pomex_operation *operation, const pomex_outcome *outcome);

/* The next request goes to the link itself again, because a target can be signed for a short while
 * only. */
void pomex_video_url_go_back(struct pomex_download *download);

#endif
