/* The API key: from an option, a file or the environment. No error shows it, not even a wrong one.
 * A key that the service could only answer with an unexplained 401 is refused here, with the
 * reason. */
#ifndef POMEX_KEY_H
#define POMEX_KEY_H

#include "base/settings.h"

/* Sets the key from where the options say. NULL, or what is wrong. */
pomex_error *pomex_key_take(pomex_settings *settings, const pomex_options *options);

#endif
