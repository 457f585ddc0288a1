/* Settings of libcurl's easy handles. Each setting keeps a promise (the request is sent once, to
 * nobody else, over TLS that is checked). So if libcurl refuses one, the attempt ends before
 * anything is sent. */
#ifndef POMEX_HANDLE_H
#define POMEX_HANDLE_H

#include "base/error.h"
#include "net/transfer.h"

/* Sets an option of the handle `e`, unless libcurl refused an earlier one: `code` keeps the first
 * refusal. */
#define POMEX_SET(option, value)                                                               \
    do {                                                                                       \
        if (code == CURLE_OK)                                                                  \
            code = curl_easy_setopt(e, CURLOPT_##option, value);                               \
    } while (0)

/* Applies the settings that are the same for every request of a client. */
CURLcode pomex_handle_prepare(CURL *easy, const pomex_net *net);

/* Has the handle show the client's certificate, if there is one, to base_url's host: `link` is NULL
 * for a request to the service; else nothing is shown unless it leads to that scheme, host and
 * port. A proxy is never shown it. */
CURLcode pomex_handle_certify(CURL *easy, const pomex_net *net, const char *link);

/* Sets the method, body, headers and connection of one request. `agent`: its User-Agent; NULL: it
 * is among the headers. */
CURLcode pomex_handle_request(CURL *easy, const pomex_request *request,
                              const struct curl_slist *headers, const char *agent);

/* The version of the loaded libcurl, and its number if that is not NULL. libcurl's own function
 * writes into a buffer that all threads share. */
const char *pomex_handle_version(unsigned *number);

/* The error to report if the loaded libcurl is older than pomex needs; else NULL. The libcurl at
 * run time can differ from the one that CMake found, because programs bring their own. */
pomex_error *pomex_handle_library(void);

#endif
