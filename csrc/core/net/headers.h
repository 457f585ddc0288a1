/* The headers of an answer, as far as pomex records them. No function here calls libcurl's
 * transfers. */
#ifndef POMEX_HEADERS_H
#define POMEX_HEADERS_H

#include "base/clock.h"

typedef struct pomex_headers {
    size_t bytes;
    bool too_long;
    int status;
    bool ended; /* the empty line after the headers came */
    bool chunked;
    int64_t content_length; /* -1: not said */
    char retry_after[64];
    char date[64];
    char request_id[128];
    char content_type[96];
    char content_encoding[64];
    char content_range[64];
    char etag[256];
} pomex_headers;

/* Resets the record to its state before an answer; the count of bytes goes on. */
void pomex_headers_forget(pomex_headers *headers);

/* Counts a line. False: the headers are longer than pomex takes, and too_long is set. */
bool pomex_headers_count(pomex_headers *headers, size_t length);

/* Records a header line if pomex uses that header. A status line first resets the record. */
void pomex_headers_note(pomex_headers *headers, const char *line, size_t length);

/* The seconds to wait that a Retry-After header names; -1 if it is unreadable. The header holds a
 * number of seconds or an HTTP date. A date is compared with `date`, the answer's own Date header,
 * or with the wall clock if the answer has none. */
double pomex_headers_retry_after(const char *value, const char *date, int64_t wall);

#endif
