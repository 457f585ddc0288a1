/* Numbers as JSON writes them, with a decimal point, whatever locale the program has set. */
#ifndef POMEX_NUMERIC_H
#define POMEX_NUMERIC_H

#include <locale.h>
#include <stdbool.h>

/* This thread reads and writes numbers as the C locale does, until pomex_numeric_end gets what
 * this returned. Nothing of the host's is called in between. */
locale_t pomex_numeric_begin(void);
void pomex_numeric_end(locale_t before);

/* Whether `value` written with `digits` digits reads back the same; between begin and end. */
bool pomex_numeric_survives(double value, int digits);

#endif
