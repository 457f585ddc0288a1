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

/* How much of `text` may be shown to others: of a link, up to the first ? or # and with it, since
 * what follows can be a signature. *from is set to where it begins to be shown again after its
 * scheme, behind a name and a password; 0: there are none. */
size_t pomex_url_shown(const char *text, size_t length, size_t *from);

#endif
