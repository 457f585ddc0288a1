#include "rules/violation.h"

#include "base/error.h"
#include "base/numeric.h"
#include "base/url.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Bytes that a shown value leaves free for a note after it. */
#define NOTE_ROOM 96

/* The length of the UTF-8 character at `text`; 0 if it is malformed or a control character. */
static size_t printable(const char *text, size_t length)
{
    unsigned char c = (unsigned char)text[0];
    if (c < 0x80)
        return c >= 0x20 && c != 0x7f;
    size_t count = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (c < 0xc2 || c > 0xf4 || count > length)
        return 0;
    for (size_t i = 1; i < count; i++)
        if (((unsigned char)text[i] & 0xc0) != 0x80)
            return 0;
    return c == 0xc2 && (unsigned char)text[1] < 0xa0 ? 0 : count;
}

/* Appends `text` quoted, on one line; an ellipsis stands for what does not fit, and for what is
 * secret in a link: errors go into logs. */
static void show_text(char *out, size_t size, const char *text, size_t length)
{
    size_t at = strlen(out);
    size_t end = size - sizeof "…\"";
    size_t from;
    size_t shown = pomex_url_shown(text, length, &from);
    size_t i = 0;
    out[at++] = '"';
    while (i < shown && at + 4 <= end) {
        if (i >= 3 && i < from && memcmp(text + i - 3, "://", 3) == 0) {
            at += (size_t)snprintf(out + at, size - at, "…@");
            i = from + 1;
            continue;
        }
        size_t count = printable(text + i, length - i);
        if (count == 0) {
            at += (size_t)snprintf(out + at, size - at, "\\x%02x", (unsigned char)text[i++]);
            continue;
        }
        if (text[i] == '"' || text[i] == '\\')
            out[at++] = '\\';
        memcpy(out + at, text + i, count);
        at += count;
        i += count;
    }
    snprintf(out + at, size - at, "%s\"", i < length ? "…" : "");
}

static const char *constant(const json_t *value)
{
    if (json_is_object(value))
        return "an object";
    if (json_is_array(value))
        return json_array_size(value) ? "an array" : "an empty array";
    if (json_is_boolean(value))
        return json_is_true(value) ? "true" : "false";
    return "null";
}

static void show_number(char *out, size_t size, double number)
{
    locale_t before = pomex_numeric_begin();
    snprintf(out, size, "%.15g", number);
    pomex_numeric_end(before);
}

static void show_value(char *out, size_t size, const char *what, const json_t *value)
{
    out[0] = '\0';
    if (!value)
        return;
    snprintf(out, size / 2, "%s is ", what);
    size_t used = strlen(out);
    if (json_is_string(value))
        show_text(out, size - NOTE_ROOM, json_string_value(value), json_string_length(value));
    else if (json_is_number(value))
        show_number(out + used, size - used, json_number_value(value));
    else
        snprintf(out + used, size - used, "%s", constant(value));
}

bool pomex_violation_set(pomex_violation *violation, const char *what, const json_t *value,
                         const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(violation->message, sizeof violation->message, format, arguments);
    va_end(arguments);
    show_value(violation->value, sizeof violation->value, what, value);
    return false;
}

bool pomex_violation_set_text(pomex_violation *violation, const char *what, const char *text,
                              size_t length, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(violation->message, sizeof violation->message, format, arguments);
    va_end(arguments);
    snprintf(violation->value, sizeof violation->value / 2, "%s is ", what);
    show_text(violation->value, sizeof violation->value - NOTE_ROOM, text, length);
    return false;
}

void pomex_violation_explain(pomex_violation *violation, const char *note)
{
    size_t used = strlen(violation->value);
    if (used)
        snprintf(violation->value + used, sizeof violation->value - used, "; %s", note);
}

pomex_error *pomex_violation_error(const char *endpoint, const pomex_violation *violation)
{
    pomex_error *error = pomex_error_new("invalid_request_error", "%s", violation->message);
    pomex_error_set_client(error);
    pomex_error_set_endpoint(error, endpoint);
    if (violation->value[0])
        pomex_error_set_hint(error, "%s", violation->value);
    return error;
}
