/* Links that the service signs: they need no key, and end. */
#ifndef POMEX_SB_LINKS_H
#define POMEX_SB_LINKS_H

#include "sandbox/http/request.h"

#define POMEX_SB_LINK 512

/* "http://HOST/PATH?expires=…&signature=…": valid for `seconds` from now on. */
void pomex_sb_link_make(const pomex_sb_request *request, const char *path, double seconds,
                        char out[POMEX_SB_LINK]);

/* Whether the request is for a link that we signed and that has not ended; if not, the answer
 * says so. */
bool pomex_sb_link_check(pomex_sb_request *request);

/* The part of a URL that can be the file name of a link: letters, digits, "._-". */
void pomex_sb_link_file(const char *url, size_t length, char *out, size_t size);

#endif
