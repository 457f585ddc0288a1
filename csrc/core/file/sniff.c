#include "file/sniff.h"

#include "base/ascii.h"

#include <string.h>

static int begins(const char *bytes, size_t length, size_t at, const char *mark, size_t count)
{
    return length >= at + count && memcmp(bytes + at, mark, count) == 0;
}

/* Files of these kinds begin with `first`, and have `second` at the place `at`. */
static const struct {
    const char *name, *first, *second;
    unsigned char first_count, at, second_count;
    bool picture;
} marks[] = {
    {"jpeg", "\xff\xd8\xff", "", 3, 0, 0, true},
    {"png", "\x89PNG\r\n\x1a\n", "", 8, 0, 0, true},
    {"gif", "GIF87a", "", 6, 0, 0, true},
    {"gif", "GIF89a", "", 6, 0, 0, true},
    {"webp", "RIFF", "WEBP", 4, 8, 4, true},
    {"heic", "", "ftypheic", 0, 4, 8, true},
    {"heic", "", "ftypheix", 0, 4, 8, true},
    {"heic", "", "ftypmif1", 0, 4, 8, true},
    {"avif", "", "ftypavif", 0, 4, 8, true},
    {"avif", "", "ftypavis", 0, 4, 8, true},
    {"bmp", "BM", "\0\0\0\0", 2, 6, 4, true},
    {"tiff", "II*\0", "", 4, 0, 0, true},
    {"tiff", "MM\0*", "", 4, 0, 0, true},
    {"mp4", "", "ftyp", 0, 4, 4, false},
    {"webm", "\x1a\x45\xdf\xa3", "", 4, 0, 0, false},
    {"wav", "RIFF", "WAVE", 4, 8, 4, false},
    {"mp3", "ID3", "", 3, 0, 0, false},
    {"mp3", "\xff\xfb", "", 2, 0, 0, false},
    {"ogg", "OggS", "", 4, 0, 0, false},
    {"flac", "fLaC", "", 4, 0, 0, false},
};
#define MARKS (sizeof marks / sizeof *marks)

const char *pomex_sniff_looks_like(const char *bytes, size_t length)
{
    for (size_t i = 0; i < MARKS; i++)
        if (begins(bytes, length, 0, marks[i].first, marks[i].first_count) &&
            begins(bytes, length, marks[i].at, marks[i].second, marks[i].second_count))
            return marks[i].name;
    return "unknown";
}

bool pomex_sniff_is_picture(const char *looks_like)
{
    for (size_t i = 0; i < MARKS; i++)
        if (marks[i].picture && strcmp(marks[i].name, looks_like) == 0)
            return true;
    return false;
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
