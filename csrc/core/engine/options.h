/* The options of a client: checks them, copies them, and frees the copies. */
#ifndef POMEX_OPTIONS_H
#define POMEX_OPTIONS_H

#include "base/settings.h"

/* Checks and copies the options. NULL, or what is wrong (for the caller to free). */
pomex_error *pomex_options_take(pomex_settings *settings, const pomex_options *options);

/* Frees the copies, and wipes the secrets among them. */
void pomex_options_forget(pomex_settings *settings);

#endif
