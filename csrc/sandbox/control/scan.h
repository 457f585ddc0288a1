/* The face scan: what happens when a person has made a choice on the page of a session. */
#ifndef POMEX_SB_SCAN_H
#define POMEX_SB_SCAN_H

#include "sandbox/control/sandbox.h"

/* Reads "pass", "fail", "pre_record" or "expire". False for any other name. */
bool pomex_sb_scan_outcome(const char *name, enum pomex_sb_outcome *outcome);

/* Makes the choice `outcome` for the session that has this token. Returns
 *   1: *before is the outcome that the session had. *location is the callback's URL with the
 *      result, which the caller frees, or NULL if the browser is sent nowhere: because the session
 *      had been used or had expired, or because `outcome` lets it expire;
 *   0: no session has this token;
 *  -1: the store or memory failed. */
int pomex_sb_scan(pomex_sb *sandbox, const char *token, enum pomex_sb_outcome outcome,
                  enum pomex_sb_outcome *before, char **location);

#endif
