/* Fetches the bytes of a video, from the end of the part on. A server can break off, contradict
 * itself, redirect, or not have the video yet. */
#ifndef POMEX_FETCH_H
#define POMEX_FETCH_H

#include "operation/download.h"

extern const pomex_stage pomex_fetch_stage;

#endif
