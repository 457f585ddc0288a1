#include "sandbox/pages/links.h"

#include "sandbox/base/form.h"
#include "sandbox/control/sandbox.h"
#include "sandbox/http/guard.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool sign(const pomex_sb *sandbox, const char *path, int64_t expires,
                 char out[POMEX_SB_SECRET])
{
    char text[POMEX_SB_LINK];
    int length = snprintf(text, sizeof text, "%" PRId64 " %.400s", expires, path);
    return pomex_sb_secret_sign(sandbox->link_key, text, (size_t)length, out);
}

void pomex_sb_links_for(pomex_sb *sandbox, const char *host, const char *path, double seconds,
                        char out[POMEX_SB_LINK])
{
    char signature[POMEX_SB_SECRET] = "";
    int64_t expires = (pomex_sb_clock_now(&sandbox->clock) + (int64_t)(seconds * 1000)) / 1000;
    if (!sign(sandbox, path, expires, signature))
        signature[0] = '\0'; /* a link that does not work is better than no response */
    snprintf(out, POMEX_SB_LINK, "http://%.80s%.300s?expires=%" PRId64 "&signature=%s", host,
             path, expires, signature);
}

void pomex_sb_links_make(const pomex_sb_request *request, const char *path, double seconds,
                         char out[POMEX_SB_LINK])
{
    pomex_sb_links_for(request->sandbox, pomex_sb_guard_host(request), path, seconds, out);
}

bool pomex_sb_links_check(pomex_sb_request *request)
{
    pomex_sb *sandbox = request->sandbox;
    char expires[32];
    char given[64];
    char wanted[POMEX_SB_SECRET];
    char *end = expires;
    bool whole = pomex_sb_form_value(request->query, "expires", expires, sizeof expires) &&
                 pomex_sb_form_value(request->query, "signature", given, sizeof given);
    int64_t until = whole ? strtoll(expires, &end, 10) : 0;
    whole = whole && sign(sandbox, request->target, until, wanted);
    if (!whole || *end || !pomex_sb_secret_same(given, strlen(given), wanted, strlen(wanted))) {
        pomex_sb_response_error(&request->response, 403,
                                "the signature of this link is not valid");
        return false;
    }
    if (pomex_sb_clock_now(&sandbox->clock) >= until * 1000) {
        pomex_sb_response_error(&request->response, 403, "this link has expired");
        return false;
    }
    return true;
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '.' || c == '_' || c == '-';
}

void pomex_sb_links_file(const char *url, size_t length, char *out, size_t size)
{
    size_t end = 0;
    while (end < length && url[end] != '?' && url[end] != '#')
        end++;
    size_t begin = end;
    while (begin > 0 && url[begin - 1] != '/')
        begin--;
    size_t at = 0;
    for (size_t i = begin; i < end && at + 1 < size; i++)
        out[at++] = is_plain(url[i]) ? url[i] : '_';
    out[at] = '\0';
    if (at == 0 || strcmp(out, ".") == 0 || strcmp(out, "..") == 0)
        snprintf(out, size, "asset");
}
