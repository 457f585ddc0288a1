/* The client, which holds the part that each layer needs. */
#ifndef POMEX_CLIENT_H
#define POMEX_CLIENT_H

#include "engine/admission.h"
#include "engine/loop.h"
#include "operation/context.h"

#include <sys/types.h>

struct pomex_client {
    pid_t pid;        /* the process that uses it; 0: not used yet */
    int open_problem; /* errno of pomex_client_open */
    pomex_node told;  /* done operations that the host has taken; released at the next step */
    pomex_settings settings;
    pomex_clock clock;
    pomex_net net;
    pomex_context context;
    pomex_admission admission;
    pomex_loop loop;
};

/* Opens the descriptors of a client at its first use. False with errno. */
bool pomex_client_open(pomex_client *client);

#endif
