/* The options of a client, checked and copied. engine/options.c fills them in; every layer reads
 * what it needs, and none changes them. */
#ifndef POMEX_SETTINGS_H
#define POMEX_SETTINGS_H

#include "pomex.h"

typedef struct pomex_settings {
    pomex_options options; /* its pointers are unset, except for the clock's */
    char *authorization;   /* "Authorization: Bearer …", in memory of pomex_secret_new */
    size_t authorization_size;
    const char *key; /* the API key, within `authorization`; NULL once the client is closed */
    char *user_agent;
    char *base_url; /* without a trailing slash */
    bool base_is_loopback;
    char *proxy; /* NULL: the environment's proxy, but none for http; "": none */
    char *ca_file;
    char *ca_path;
} pomex_settings;

#endif
