/* Header lines and Retry-After, as any server may send them. */
#include "net/headers.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held)
        abort();
}

static bool ends_within(const char *text, size_t size)
{
    return memchr(text, '\0', size) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t wall = INT64_C(1790000000) * POMEX_SECOND;
    pomex_headers h = {0};
    pomex_headers_forget(&h);
    /* One allocation a line, so that a read past its end is seen. */
    while (size > 0) {
        const uint8_t *newline = memchr(data, '\n', size);
        size_t length = newline ? (size_t)(newline - data) + 1 : size;
        char *line = malloc(length);
        must(line != NULL);
        memcpy(line, data, length);
        if (pomex_headers_count(&h, length))
            pomex_headers_note(&h, line, length);
        free(line);
        data += length;
        size -= length;
    }
    must(ends_within(h.retry_after, sizeof h.retry_after));
    must(ends_within(h.etag, sizeof h.etag));
    must(h.status >= 0 && h.status <= 999 && h.content_length >= -1);
    double seconds = pomex_headers_retry_after(h.retry_after, h.date, wall);
    must(seconds >= 0 || seconds == -1);
    return 0;
}
