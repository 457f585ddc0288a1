/* One HTTP/2 connection of the fault server. */
#ifndef FAULT_HTTP2_H
#define FAULT_HTTP2_H

#include "fault_wire.h"

/* Says what is to become of a request that has arrived. */
typedef void (*fault_take)(void *user, const fault_request *request, fault_step *step);

/* Is told how it went (see fault_chooser). */
typedef void (*fault_followed)(void *user, const fault_wire *wire, const fault_request *request,
                               const fault_step *step);

/* Serves streams until the connection has ended. */
void fault_http2_serve(fault_wire *wire, fault_take take, fault_followed followed, void *user);

#endif
