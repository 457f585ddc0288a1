/* The page at "/": what the sandbox holds. */
#ifndef POMEX_SB_DASHBOARD_H
#define POMEX_SB_DASHBOARD_H

#include "sandbox/http/request.h"

void pomex_sb_dashboard(pomex_sb_request *request);

#endif
