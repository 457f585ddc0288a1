/* The page on which a person would show their face, and what comes of it. */
#ifndef POMEX_SB_H5_H
#define POMEX_SB_H5_H

#include "sandbox/http/request.h"

/* Answers /h5: the page, or the choice made on it. */
void pomex_sb_h5(pomex_sb_request *request);

/* "pass", "fail", "pre_record" or "expire". */
bool pomex_sb_h5_outcome(const char *name, enum pomex_sb_outcome *outcome);

/* Makes the choice. 1: *before is how the session stood, and *location is the callback's URL
 * with the result (the caller frees it), or NULL if the browser goes nowhere: the session had
 * been used or has expired. 0: no such session. -1: the store or memory failed. */
int pomex_sb_h5_scan(pomex_sb *sandbox, const char *token, enum pomex_sb_outcome outcome,
                     enum pomex_sb_outcome *before, char **location);

#endif
