/* From options to a sandbox that listens, and its end. */
#ifndef POMEX_SB_BEGIN_H
#define POMEX_SB_BEGIN_H

#include "sandbox/control/sandbox.h"
#include "sandbox/program/options.h"

/* Opens the store, the keys and the server of a zeroed sandbox, and writes the account's API
 * key to `key`. False, having said on stderr what failed; pomex_sb_end is still to be called.
 */
bool pomex_sb_begin(pomex_sb *sandbox, const pomex_sb_options *options, char *key, size_t size);

void pomex_sb_end(pomex_sb *sandbox);

#endif
