/* What a test drives the sandbox with. Every route needs the header X-Sandbox-Token with the
 * token that was shown at the start; none is noted in the journal. Bodies are JSON objects.
 *
 *   GET    /_sandbox/state      -> {"now", "sessions", "groups", "assets", "generations",
 *                               "config"}
 *   POST   /_sandbox/clock      {"advance": seconds} -> {"now"}; it is never moved back
 *   POST   /_sandbox/config     what is to change, all or nothing -> {"config"}; see config.h
 *   POST   /_sandbox/faults     what is to go wrong -> {"id"}; see faults.h
 *   DELETE /_sandbox/faults     removes all of them
 *   GET    /_sandbox/journal    [?endpoint=assets.get] -> {"requests": [...]}, oldest first
 *   DELETE /_sandbox/journal    empties it
 *   GET    /_sandbox/ledger     -> {"entries": [...], "generation": n, "verification": n}
 *   POST   /_sandbox/people     {} -> {"group_id"}: a verified person, unbilled
 *   POST   /_sandbox/accounts   {} -> {"key", "account"}: a stranger
 *   POST   /_sandbox/scan       {"h5_link", "outcome": "pass", "fail", "pre_record" or
 *                               "expire"} -> {"location": the callback's URL or null,
 *                               "status": 302 or 410}
 *   POST   /_sandbox/assets     {"count", "group_id", "name", "status", "asset_type"}
 *                               -> {"ids": the first hundred, "count"}; more than one are
 *                               named name-1, name-2, … */
#ifndef POMEX_SB_CONTROL_H
#define POMEX_SB_CONTROL_H

#include "sandbox/http/request.h"

void pomex_sb_control(pomex_sb_request *request);

#endif
