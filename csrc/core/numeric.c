#include "numeric.h"

/* The C library has this one ready: no memory is taken, nothing is to be freed. */
locale_t pomex_numeric_begin(void)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return uselocale(plain);
}

void pomex_numeric_end(locale_t before)
{
    uselocale(before);
}
