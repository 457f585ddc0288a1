/* The controls under /_sandbox/, with which a test drives the sandbox: docs/testing.md. */
#ifndef POMEX_SB_CONTROL_H
#define POMEX_SB_CONTROL_H

#include "sandbox/http/request.h"

/* Answers a request to /_sandbox/, if it bears the token. */
void pomex_sb_control(pomex_sb_request *request);

#endif
