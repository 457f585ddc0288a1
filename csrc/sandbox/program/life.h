/* The begin and end of a sandbox: from the options to a server that listens. */
#ifndef POMEX_SB_LIFE_H
#define POMEX_SB_LIFE_H

#include "sandbox/control/sandbox.h"
#include "sandbox/program/options.h"

/* Opens the store, the keys and the server of a sandbox that is all zero, and writes the API key
 * of the first account to `key`. False if that fails, and pomex_sb_fatal has told why; call
 * pomex_sb_life_end even then. */
bool pomex_sb_life_begin(pomex_sb *sandbox, const pomex_sb_options *options, char *key,
                         size_t size);

void pomex_sb_life_end(pomex_sb *sandbox);

#endif
