#include "file/sniff.h"

#include "base/ascii.h"

#include <string.h>

static int begins(const char *bytes, size_t length, size_t at, const char *mark, size_t count)
{
    return length >= at + count && memcmp(bytes + at, mark, count) == 0;
}

const char *pomex_sniff_looks_like(const char *bytes, size_t length)
{
    if (begins(bytes, length, 4, "ftyp", 4))
        return "mp4";
    return begins(bytes, length, 0, "\x1a\x45\xdf\xa3", 4) ? "webm" : "unknown";
}

/* Whether this is an error page or an API's answer: its first byte opens markup or JSON, and
 * all bytes occur in text. */
static int is_markup(const char *bytes, size_t length)
{
    size_t at = begins(bytes, length, 0, "\xef\xbb\xbf", 3) ? 3 : 0;
    while (at < length && strchr(" \t\r\n", bytes[at]) && bytes[at])
        at++;
    if (at == length || !strchr("<{[", bytes[at]) || !bytes[at])
        return 0;
    for (; at < length; at++) {
        unsigned char c = (unsigned char)bytes[at];
        if (c == 0x7f || (c < 0x20 && c != '\t' && c != '\r' && c != '\n'))
            return 0;
    }
    return 1;
}

const char *pomex_sniff_other(const char *bytes, size_t length, const char *encoding)
{
    if (strcmp(pomex_sniff_looks_like(bytes, length), "unknown") != 0)
        return NULL;
    if (begins(bytes, length, 0, "\x1f\x8b", 2))
        return "gzip";
    if (is_markup(bytes, length))
        return "text";
    /* These encodings have no bytes of their own at the beginning, so the header is believed. */
    static const char *const encodings[] = {"br", "zstd", "deflate", "compress"};
    for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++)
        if (pomex_ascii_equal(encoding, encodings[i]))
            return encodings[i];
    return NULL;
}
