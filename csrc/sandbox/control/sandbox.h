/* The whole sandbox: one process, one thread, one loop. */
#ifndef POMEX_SB_SANDBOX_H
#define POMEX_SB_SANDBOX_H

#include "sandbox/base/clock.h"
#include "sandbox/base/random.h"
#include "sandbox/control/config.h"
#include "sandbox/control/faults.h"
#include "sandbox/control/journal.h"
#include "sandbox/control/limits.h"
#include "sandbox/http/waiting.h"
#include "sandbox/store/store.h"

#include <microhttpd.h>

typedef struct pomex_sb {
    char host[64];               /* as bound, with the brackets of an IPv6 address */
    bool any_host;               /* bound to a wildcard address */
    int port;                    /* as bound */
    char token[POMEX_SB_SECRET]; /* of /_sandbox/, new at each start */
    unsigned char link_key[16];  /* signs links; kept in the store */
    char request_prefix[9];      /* of X-Request-Id */
    uint64_t requests;           /* seen so far */
    unsigned idle_seconds;       /* see options.h */
    double request_seconds;
    pomex_sb_config config;
    pomex_sb_clock clock;
    pomex_sb_store *store;
    pomex_sb_faults faults;
    pomex_sb_journal journal;
    pomex_sb_limits limits;
    pomex_sb_waiting waiting;
    json_t *strings; /* web/strings.json */
    struct MHD_Daemon *daemon;
    struct pomex_sb_connection *connections;
} pomex_sb;

#endif
