#include "sandbox/base/fold.h"

#include <stdlib.h>
#include <wchar.h>
#include <wctype.h>

/* The copy has room for letters whose lower case takes up to twice as many bytes. A letter whose
 * lower case takes more is copied unchanged. */
char *pomex_sb_fold(const char *bytes, size_t length, size_t *folded_length)
{
    char *folded = malloc(2 * length + MB_CUR_MAX + 1);
    if (!folded)
        return NULL;
    mbstate_t in = {0};
    mbstate_t out = {0};
    size_t at = 0;
    for (size_t i = 0; i < length;) {
        wchar_t c;
        size_t used = mbrtowc(&c, bytes + i, length - i, &in);
        size_t made = used > 0 && used <= length - i
                          ? wcrtomb(folded + at, (wchar_t)towlower((wint_t)c), &out)
                          : (size_t)-1;
        if (made == (size_t)-1 || made > 2 * used) {
            in = out = (mbstate_t){0};
            folded[at++] = bytes[i++];
            continue;
        }
        at += made;
        i += used;
    }
    folded[at] = '\0';
    *folded_length = at;
    return folded;
}
