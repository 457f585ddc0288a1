/* Makes numbers have a decimal point, as in JSON, whatever locale the program has set. */
#ifndef POMEX_NUMERIC_H
#define POMEX_NUMERIC_H

#include <locale.h>
#include <stdbool.h>

/* Sets the C locale's numbers for this thread, until pomex_numeric_end gets the returned value.
 * No code of the user's may run in between. */
locale_t pomex_numeric_begin(void);
void pomex_numeric_end(locale_t before);

/* Whether `value`, written with `digits` digits, reads back the same. Call it between begin and
 * end. */
bool pomex_numeric_survives(double value, int digits);

#endif
