#include "base/numeric.h"

#include <stdio.h>
#include <stdlib.h>

/* The C library keeps this locale ready, so nothing is allocated or freed. */
locale_t pomex_numeric_begin(void)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return uselocale(plain);
}

void pomex_numeric_end(locale_t before)
{
    uselocale(before);
}

bool pomex_numeric_survives(double value, int digits)
{
    char text[40];
    snprintf(text, sizeof text, "%.*g", digits, value);
    double back = strtod(text, NULL);
    return back >= value && back <= value;
}
