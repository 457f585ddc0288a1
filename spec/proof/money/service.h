/* A client, the service as the sandbox emulates it, and between them a network that does what
 * the test says. What the caller is told can be compared with what the service did. */
#ifndef SERVICE_H
#define SERVICE_H

#include "harness.h"
#include "sandbox.h"

#define SERVICE_STEPS 8

typedef struct service {
    harness h; /* h.server is the network */
    sandbox sb;
    fault_step steps[SERVICE_STEPS];
    char asset[64]; /* the id of one that is active */
    unsigned calls;
    char nonce[32]; /* of the last call */
} service;

void service_start(service *s, bool tls);
void service_stop(service *s);

/* A new client of h.options. */
void service_client(service *s);

/* The network does what `steps` say (with the port of the service filled in), and then hands
 * all on. */
void service_network(service *s, const fault_step *steps, size_t count);

/* A call that has this effect, marked by a nonce of its own: a generation in its prompt, an
 * upload in the file name of its url. */
pomex_operation *service_call(service *s, enum pomex_effect effect);

/* How many tasks or assets the service made of the last call, and in id (64 bytes) the last
 * one's. */
size_t service_made(service *s, enum pomex_effect effect, char *id);

/* The id (GETs, uploads, generations) or h5_link (sessions) of a good answer; fails the test
 * without one. Valid until the next call. */
const char *service_reply_id(const pomex_operation *operation);

#endif
