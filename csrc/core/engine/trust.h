/* Whose certificates are trusted: what the options name, else what the environment names, read as
 * the curl tool reads it. Where neither does, the system's are (net/handle.c). */
#ifndef POMEX_TRUST_H
#define POMEX_TRUST_H

#include "base/settings.h"

/* Sets ca_file and ca_path. NULL, or what is wrong. */
pomex_error *pomex_trust_take(pomex_settings *settings, const pomex_options *options);

#endif
