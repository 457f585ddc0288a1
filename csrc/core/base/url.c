#include "base/url.h"

#include "base/ascii.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <string.h>

bool pomex_url_has_control(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7f)
            return true;
    }
    return false;
}

bool pomex_url_is_https(const char *url, size_t length)
{
    static const char scheme[] = "https://";
    size_t prefix = sizeof scheme - 1;
    if (length <= prefix || !pomex_ascii_begins(url, scheme) || url[prefix] == '/' ||
        pomex_url_has_control(url, length) || memchr(url, ' ', length))
        return false;
    CURLU *parsed = curl_url();
    char *host = NULL;
    CURLUcode code =
        parsed ? curl_url_set(parsed, CURLUPART_URL, url, 0) : CURLUE_OUT_OF_MEMORY;
    if (code == CURLUE_OK)
        code = curl_url_get(parsed, CURLUPART_HOST, &host, 0);
    /* A lack of memory says nothing about the URL; whoever uses the URL will meet it. */
    bool valid = code == CURLUE_OUT_OF_MEMORY || (code == CURLUE_OK && *host);
    curl_free(host);
    curl_url_cleanup(parsed);
    return valid;
}

bool pomex_url_is_loopback(const char *host)
{
    if (pomex_ascii_equal(host, "localhost"))
        return true;
    struct in_addr v4;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return (ntohl(v4.s_addr) >> 24) == 127;
    char bare[INET6_ADDRSTRLEN];
    size_t length = strlen(host);
    if (length > 2 && host[0] == '[' && host[length - 1] == ']' && length - 2 < sizeof bare) {
        memcpy(bare, host + 1, length - 2);
        bare[length - 2] = '\0';
        host = bare;
    }
    struct in6_addr v6;
    return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

size_t pomex_url_shown(const char *text, size_t length, size_t *from)
{
    size_t behind = 0; /* the scheme */
    *from = 0;
    for (size_t i = 0; i < length; i++) {
        if (!behind && i + 3 <= length && memcmp(text + i, "://", 3) == 0)
            behind = i + 3;
        if ((text[i] == '?' || text[i] == '#') &&
            (memchr(text, '/', i) || memchr(text, ':', i)))
            length = i + 1;
    }
    size_t host = behind;
    for (size_t i = behind; behind && i < length && !strchr("/?#", text[i]); i++)
        if (text[i] == '@')
            host = i;
    if (host > behind)
        *from = host;
    return length;
}
