/* What is recorded of an answer's headers. No call of libcurl's transfers is made here. */
#ifndef POMEX_HEADERS_H
#define POMEX_HEADERS_H

#include "base/clock.h"

typedef struct pomex_headers {
    size_t bytes;
    bool too_long;
    int status;
    bool ended; /* the empty line behind them came */
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

/* As before an answer; the count of bytes goes on. */
void pomex_headers_forget(pomex_headers *headers);

/* Counts a line; false: they are longer than pomex takes, which too_long then says. */
bool pomex_headers_count(pomex_headers *headers, size_t length);

/* Records what is of use in a line; a status line forgets what came before. */
void pomex_headers_note(pomex_headers *headers, const char *line, size_t length);

/* Seconds to wait as a Retry-After header says (delta or HTTP date, the latter against `date`,
 * the answer's own, or else the wall clock); -1 if it is unreadable. */
double pomex_headers_retry_after(const char *value, const char *date, int64_t wall);

#endif
