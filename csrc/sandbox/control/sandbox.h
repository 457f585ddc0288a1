/* The whole sandbox: one process and one loop; a thread of its own sends notices. */
#ifndef POMEX_SB_SANDBOX_H
#define POMEX_SB_SANDBOX_H

#include "sandbox/base/clock.h"
#include "sandbox/base/secret.h"
#include "sandbox/control/config.h"
#include "sandbox/control/faults.h"
#include "sandbox/control/journal.h"
#include "sandbox/control/limits.h"
#include "sandbox/control/notices.h"
#include "sandbox/http/server.h"
#include "sandbox/store/store.h"

typedef struct pomex_sb {
    pomex_sb_server server;
    pomex_sb_store *store;
    pomex_sb_clock clock;
    pomex_sb_config config;
    pomex_sb_limits limits;
    pomex_sb_faults faults;
    pomex_sb_journal journal;
    pomex_sb_notices notices;
    char token[POMEX_SB_SECRET]; /* of /_sandbox/; a new one at each start */
    unsigned char link_key[16];  /* signs links; kept in the store */
    json_t *strings;             /* pages/web/strings.json */
} pomex_sb;

#endif
