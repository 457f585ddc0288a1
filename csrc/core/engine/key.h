/* The API key: from an option, a file or the environment. No error shows it, not even a wrong one.
 * What a service would answer with a 401 that nobody can explain is refused here, by name. */
#ifndef POMEX_KEY_H
#define POMEX_KEY_H

#include "base/settings.h"

/* Sets the key from what the options name. NULL, or what is wrong. */
pomex_error *pomex_key_take(pomex_settings *settings, const pomex_options *options);

#endif
