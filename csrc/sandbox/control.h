/* What a test drives the sandbox with: everything under /_sandbox/. */
#ifndef POMEX_SB_CONTROL_H
#define POMEX_SB_CONTROL_H

#include "request.h"

void pomex_sb_control(pomex_sb_request *request);

#endif
