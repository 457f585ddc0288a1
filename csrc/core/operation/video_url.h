/* Where a video is to be had: the link in the service's answer. A link is signed, so it never
 * stands in an error. */
#ifndef POMEX_VIDEO_URL_H
#define POMEX_VIDEO_URL_H

#include "operation/download.h"

/* Asks the service for the link. */
extern const pomex_stage pomex_video_url_stage;

/* Goes on to the bytes of this link. */
void pomex_video_url_take(pomex_operation *operation, const char *link);

/* The answer leads elsewhere: goes on there. */
void pomex_video_url_redirect(pomex_operation *operation, const pomex_outcome *outcome);

/* The next request goes to the link again, whose targets may be signed for a short while. */
void pomex_video_url_go_back(struct pomex_download *download);

#endif
