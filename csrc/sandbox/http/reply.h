/* Sends an answer in the manner that was decided. */
#ifndef POMEX_SB_REPLY_H
#define POMEX_SB_REPLY_H

#include "sandbox/http/request.h"

/* False: the connection is to be closed. */
bool pomex_sb_reply(pomex_sb_request *request);

#endif
