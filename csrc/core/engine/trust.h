/* Whose certificates are trusted: those that the options name, else those that the environment
 * names, in the way of the curl tool. If neither names any, the system's are trusted
 * (net/handle.c). */
#ifndef POMEX_TRUST_H
#define POMEX_TRUST_H

#include "base/settings.h"

/* Sets ca_file and ca_path. NULL, or what is wrong. */
pomex_error *pomex_trust_take(pomex_settings *settings, const pomex_options *options);

/* Checks and copies the certificate that the client shows itself. NULL, or what is wrong; the error
 * names an option and a path, and never the password. */
pomex_error *pomex_trust_take_own(pomex_settings *settings, const pomex_options *options);

#endif
