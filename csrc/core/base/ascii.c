#include "base/ascii.h"

#include <curl/curl.h>
#include <string.h>

bool pomex_ascii_equal(const char *a, const char *b)
{
    return curl_strequal(a, b) != 0;
}

bool pomex_ascii_begins(const char *text, const char *prefix)
{
    return curl_strnequal(text, prefix, strlen(prefix)) != 0;
}

bool pomex_ascii_contains(const char *text, const char *part)
{
    for (; *text; text++)
        if (pomex_ascii_begins(text, part))
            return true;
    return false;
}
