/* Checks of URLs before they are used. */
#ifndef POMEX_URL_H
#define POMEX_URL_H

#include <stdbool.h>
#include <stddef.h>

/* Whether it holds a byte below 0x20, or 0x7f. */
bool pomex_url_has_control(const char *text, size_t length);

/* Whether `url` is an absolute https URL with a host, and has no control byte or space. */
bool pomex_url_is_https(const char *url, size_t length);

/* Whether `host` (as it stands in a URL) is a literal loopback address or "localhost". */
bool pomex_url_is_loopback(const char *host);

#endif
