#include "sandbox/base/form.h"

#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool pomex_sb_form_decode(const char *text, size_t length, bool plus, char *out, size_t size,
                          size_t *out_length)
{
    size_t at = 0;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (c == '%') {
            int high = i + 2 < length ? hex_digit(text[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
            if (low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (at + 1 >= size)
            return false;
        out[at++] = c;
    }
    out[at] = '\0';
    *out_length = at;
    return true;
}

bool pomex_sb_form_value(const char *form, const char *name, char *out, size_t size)
{
    size_t wanted = strlen(name);
    while (*form) {
        size_t pair = strcspn(form, "&");
        if (pair > wanted && form[wanted] == '=' && memcmp(form, name, wanted) == 0) {
            size_t length;
            return pomex_sb_form_decode(form + wanted + 1, pair - wanted - 1, true, out, size,
                                        &length) &&
                   strlen(out) == length;
        }
        form += pair + (form[pair] == '&');
    }
    return false;
}
