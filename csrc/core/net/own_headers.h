/* The headers that a caller adds to the requests to the service: those of a client and those of a
 * call, as lines that libcurl takes. */
#ifndef POMEX_OWN_HEADERS_H
#define POMEX_OWN_HEADERS_H

#include <curl/curl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Adds the headers of `given`, an object of strings (NULL: none), to the list; each replaces a line
 * of the same name. False: `why` says what is wrong with them; it is empty if memory ran out. */
bool pomex_own_headers_add(struct curl_slist **list, const json_t *given, char *why,
                           size_t why_size);

/* Adds copies of the lines of `more`. False: no memory. */
bool pomex_own_headers_copy(struct curl_slist **list, const struct curl_slist *more);

/* Frees the list, and wipes it: a header can hold a secret of the caller's. NULL is allowed. */
void pomex_own_headers_free(struct curl_slist *list);

#endif
