#include "base/gzip.h"

#include <string.h>
#include <zlib.h>

#define GZIP_ONLY (16 + MAX_WBITS) /* zlib's way to ask for gzip with its checksum */

static bool is_gzip(const unsigned char *bytes, size_t count)
{
    return count >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

/* Decodes one gzip, or several one after another, from z->next_in. */
static enum pomex_gzip decode(z_stream *z, pomex_buffer *out, size_t limit)
{
    unsigned char piece[16384];
    int code = Z_OK;
    enum pomex_gzip result = POMEX_GZIP_DONE;
    while (result == POMEX_GZIP_DONE && code == Z_OK) {
        /* cppcheck-suppress autoVariables // not read after this function */
        z->next_out = piece;
        z->avail_out = sizeof piece;
        code = inflate(z, Z_NO_FLUSH);
        size_t count = sizeof piece - z->avail_out;
        if (code == Z_MEM_ERROR)
            result = POMEX_GZIP_NO_MEMORY;
        else if (code != Z_OK && code != Z_STREAM_END)
            result = POMEX_GZIP_SPOILT; /* Z_BUF_ERROR: cut */
        else if (count > limit - out->length)
            result = POMEX_GZIP_LONG;
        else if (!pomex_buffer_append(out, piece, count, limit))
            result = POMEX_GZIP_NO_MEMORY;
        else if (code == Z_STREAM_END && is_gzip(z->next_in, z->avail_in))
            code = inflateReset(z);
    }
    explicit_bzero(piece, sizeof piece); /* the service may have echoed the API key */
    return result;
}

enum pomex_gzip pomex_gzip_open(pomex_buffer *body, size_t limit)
{
    z_stream z = {0};
    pomex_buffer out = {0};
    if (!is_gzip((unsigned char *)body->data, body->length))
        return POMEX_GZIP_PLAIN;
    if (inflateInit2(&z, GZIP_ONLY) != Z_OK)
        return POMEX_GZIP_NO_MEMORY;
    z.next_in = (unsigned char *)body->data;
    z.avail_in = (unsigned)body->length;
    enum pomex_gzip result = decode(&z, &out, limit);
    inflateEnd(&z);
    if (result == POMEX_GZIP_DONE) {
        pomex_buffer_free(body);
        *body = out;
    } else {
        pomex_buffer_free(&out);
    }
    return result;
}
