#include "net/own_headers.h"

#include "base/ascii.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Headers that pomex or libcurl sets (a second one would contradict the first), and one that is a
 * secret of the proxy's. */
static bool is_reserved(const char *name)
{
    static const char *const names[] = {
        "Accept-Encoding",     "Authorization",     "Cache-Control", "Connection",
        "Content-Length",      "Content-Type",      "Expect",        "Host",
        "Proxy-Authorization", "Transfer-Encoding", "Upgrade",       "User-Agent"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (pomex_ascii_equal(name, names[i]))
            return true;
    return false;
}

static bool is_control(unsigned char c)
{
    return (c < 0x20 && c != '\t') || c == 0x7f;
}

/* Whether another header of the object has this name, in other letters. */
static bool is_twice(const json_t *given, const char *name)
{
    const char *other;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)given, other, value)
    {
        (void)value;
        if (other != name && pomex_ascii_equal(other, name))
            return true;
    }
    return false;
}

/* NULL: the header can be sent. */
static const char *problem_of(const json_t *given, const char *name, const json_t *value)
{
    static const char token[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const char *text = json_string_value(value);
    if (!*name || name[strspn(name, token)])
        return "is not a valid header name";
    if (is_reserved(name))
        return "is set by pomex";
    if (is_twice(given, name))
        return "is given twice";
    if (!text || strlen(text) != json_string_length(value))
        return "must be a string without NUL";
    for (; *text; text++)
        if (is_control((unsigned char)*text))
            return "must not contain control characters";
    return NULL;
}

static bool has_name(const char *line, const char *name, size_t length)
{
    return pomex_ascii_begins(line, name) && (line[length] == ':' || line[length] == ';');
}

static void drop(struct curl_slist *node)
{
    node->next = NULL;
    pomex_own_headers_free(node);
}

/* Appends a line, and removes the one of the same name that was there. */
static bool put(struct curl_slist **list, const char *line, const char *name)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (!longer)
        return false;
    *list = longer;
    for (struct curl_slist **next = list; (*next)->next; next = &(*next)->next)
        if (has_name((*next)->data, name, strlen(name))) {
            struct curl_slist *old = *next;
            *next = old->next;
            drop(old);
            break;
        }
    return true;
}

bool pomex_own_headers_add(struct curl_slist **list, const json_t *given, char *why,
                           size_t why_size)
{
    const char *name;
    json_t *value;
    *why = '\0';
    json_object_foreach((json_t *)(uintptr_t)given, name, value)
    {
        const char *problem = problem_of(given, name, value);
        if (problem) {
            snprintf(why, why_size, "header \"%.64s\" %s", name, problem);
            return false;
        }
        char *line = NULL;
        const char *text = json_string_value(value);
        /* libcurl takes a line that has nothing but blanks behind the colon for no header at all. */
        bool blank = !text[strspn(text, " \t")];
        if (asprintf(&line, blank ? "%s;" : "%s: %s", name, text) < 0)
            return false;
        bool added = put(list, line, name);
        explicit_bzero(line, strlen(line));
        free(line);
        if (!added)
            return false;
    }
    return true;
}

bool pomex_own_headers_copy(struct curl_slist **list, const struct curl_slist *more)
{
    for (; more; more = more->next) {
        struct curl_slist *longer = curl_slist_append(*list, more->data);
        if (!longer)
            return false;
        *list = longer;
    }
    return true;
}

void pomex_own_headers_free(struct curl_slist *list)
{
    for (const struct curl_slist *node = list; node; node = node->next)
        explicit_bzero(node->data, strlen(node->data));
    curl_slist_free_all(list);
}
