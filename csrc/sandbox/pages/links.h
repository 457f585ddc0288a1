/* Signed links: they need no API key, and work for a limited time. */
#ifndef POMEX_SB_LINKS_H
#define POMEX_SB_LINKS_H

#include "sandbox/control/sandbox.h"
#include "sandbox/http/request.h"

#define POMEX_SB_LINK 512 /* bytes that hold any link with its NUL */

/* Writes "http://HOST/PATH?expires=…&signature=…", which works for `seconds` from now. HOST is the
 * one that the request named. */
void pomex_sb_links_make(const pomex_sb_request *request, const char *path, double seconds,
                         char out[POMEX_SB_LINK]);

/* The same for whoever has no request. */
void pomex_sb_links_for(pomex_sb *sandbox, const char *host, const char *path, double seconds,
                        char out[POMEX_SB_LINK]);

/* Whether the request bears a valid signature and the link still works. If not, the response says
 * so. */
bool pomex_sb_links_check(pomex_sb_request *request);

/* Writes a file name for a link, made from the last part of a URL's path. Characters other than
 * letters, digits and "._-" become "_"; an empty name becomes "asset". */
void pomex_sb_links_file(const char *url, size_t length, char *out, size_t size);

#endif
