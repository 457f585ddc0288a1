/* The options of a client, checked and copied. engine/options.c fills them in; every layer reads
 * what it needs, and none changes them. */
#ifndef POMEX_SETTINGS_H
#define POMEX_SETTINGS_H

#include "pomex.h"

struct curl_slist;

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
    char *client_cert;
    char *client_key;
    char *client_key_password; /* in memory of pomex_secret_new; "": none */
    size_t client_key_password_size;
    struct curl_slist *headers; /* of the caller's, for every request to the service; or NULL */
} pomex_settings;

#endif
