/* Settings of libcurl's easy handles. Each is a promise (sent once, to nobody else, over TLS that is
 * checked), and so one that libcurl refuses ends the attempt before anything is sent. */
#ifndef POMEX_HANDLE_H
#define POMEX_HANDLE_H

#include "base/error.h"
#include "net/transfer.h"

/* Sets an option of the handle `e`, unless an earlier one was refused: `code` keeps the first. */
#define POMEX_SET(option, value)                                                               \
    do {                                                                                       \
        if (code == CURLE_OK)                                                                  \
            code = curl_easy_setopt(e, CURLOPT_##option, value);                               \
    } while (0)

/* What is the same for every request of a client. */
CURLcode pomex_handle_prepare(CURL *easy, const pomex_net *net);

/* Method, body, headers and connection of one request. */
CURLcode pomex_handle_request(CURL *easy, const pomex_request *request,
                              const struct curl_slist *headers);

/* The error of a libcurl that is older than the one that pomex needs, or NULL. Another one than
 * CMake found may be there at run time: programs bring their own. */
pomex_error *pomex_handle_library(void);

#endif
