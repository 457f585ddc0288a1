/* Sends the response of a request, in the manner that was decided. */
#ifndef POMEX_SB_SEND_H
#define POMEX_SB_SEND_H

#include "sandbox/http/request.h"

/* False: the connection has to be closed. */
bool pomex_sb_send(pomex_sb_request *request);

#endif
