#include "net/headers.h"

#include "base/ascii.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_HEADER_BYTES       (64u << 10)
#define MAX_RETRY_AFTER_DIGITS 9

/* The value of a header line, and its length, if the header has that name; else NULL. */
static const char *value_of(const char *line, size_t length, const char *name, size_t *count)
{
    size_t n = strlen(name);
    if (length <= n || line[n] != ':' || !pomex_ascii_begins(line, name))
        return NULL;
    const char *from = line + n + 1, *end = line + length;
    while (from < end && (*from == ' ' || *from == '\t'))
        from++;
    while (end > from &&
           (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r' || end[-1] == '\n'))
        end--;
    *count = (size_t)(end - from);
    return from;
}

/* Copies the value of the header `name`; false if the line is another header. A value that does not
 * fit is stored as empty, because a shortened value would mean something else. */
static bool take(char *to, size_t size, const char *line, size_t length, const char *name)
{
    size_t count;
    const char *value = value_of(line, length, name, &count);
    if (!value)
        return false;
    count = count < size ? count : 0;
    memcpy(to, value, count);
    to[count] = '\0';
    return true;
}

/* A Content-Type that does not fit is cut, because only its beginning matters. */
static bool take_content_type(pomex_headers *h, const char *line, size_t length)
{
    size_t count;
    const char *value = value_of(line, length, "Content-Type", &count);
    if (value)
        snprintf(h->content_type, sizeof h->content_type, "%.*s", (int)count, value);
    return value;
}

/* The length that a Content-Length names, also where a gateway has repeated it: "20, 20". -1 if it
 * is unreadable. */
static int64_t number_of(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 18)
        return -1;
    int64_t number = strtoll(text, NULL, 10);
    const char *rest = text + digits + strspn(text + digits, " \t");
    if (!*rest)
        return number;
    return *rest == ',' && number_of(rest + 1 + strspn(rest + 1, " \t")) == number ? number
                                                                                   : -1;
}

void pomex_headers_forget(pomex_headers *h)
{
    h->status = 0;
    h->ended = false;
    h->chunked = false;
    h->content_length = -1;
    h->content_encoding[0] = h->retry_after[0] = h->date[0] = h->request_id[0] =
        h->content_type[0] = '\0';
    h->content_range[0] = h->etag[0] = '\0';
}

void pomex_headers_note(pomex_headers *h, const char *line, size_t length)
{
    char text[64];
    if (length > 5 && memcmp(line, "HTTP/", 5) == 0) {
        const char *space = memchr(line, ' ', length);
        pomex_headers_forget(h); /* an interim answer came before this one */
        if (space && line + length - space > 3)
            for (int i = 1; i <= 3 && space[i] >= '0' && space[i] <= '9'; i++)
                h->status = h->status * 10 + (space[i] - '0');
        return;
    }
    if (line[0] == '\r' || line[0] == '\n')
        h->ended = true;
    switch (line[0] | 0x20) {
    case 'c':
        if (take(text, sizeof text, line, length, "Content-Length"))
            h->content_length = number_of(text);
        else if (!take_content_type(h, line, length) &&
                 !take(h->content_encoding, sizeof h->content_encoding, line, length,
                       "Content-Encoding"))
            take(h->content_range, sizeof h->content_range, line, length, "Content-Range");
        break;
    case 'd':
        take(h->date, sizeof h->date, line, length, "Date");
        break;
    case 'e':
        take(h->etag, sizeof h->etag, line, length, "ETag");
        break;
    case 'r':
        take(h->retry_after, sizeof h->retry_after, line, length, "Retry-After");
        break;
    case 't':
        if (take(text, sizeof text, line, length, "Transfer-Encoding"))
            h->chunked = pomex_ascii_contains(text, "chunked");
        break;
    case 'x':
        take(h->request_id, sizeof h->request_id, line, length, "X-Request-Id");
        break;
    default:
        break;
    }
}

bool pomex_headers_count(pomex_headers *h, size_t length)
{
    h->bytes += length;
    h->too_long = h->bytes > MAX_HEADER_BYTES;
    return !h->too_long;
}

double pomex_headers_retry_after(const char *value, const char *date, int64_t wall)
{
    size_t digits = strspn(value, "0123456789");
    if (digits && !value[digits])
        return digits > MAX_RETRY_AFTER_DIGITS ? 1e9 : (double)strtol(value, NULL, 10);
    time_t until = *value ? curl_getdate(value, NULL) : -1;
    if (until < 0)
        return -1;
    time_t now = *date ? curl_getdate(date, NULL) : -1;
    if (now < 0)
        now = (time_t)(wall / POMEX_SECOND);
    return until > now ? (double)(until - now) : 0;
}
