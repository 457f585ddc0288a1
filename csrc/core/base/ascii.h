/* Compares names without regard to letter case, as ASCII: under a Turkish locale the C library
 * takes "I" and "i" for different letters. */
#ifndef POMEX_ASCII_H
#define POMEX_ASCII_H

#include <stdbool.h>

bool pomex_ascii_equal(const char *a, const char *b);

bool pomex_ascii_begins(const char *text, const char *prefix);

bool pomex_ascii_contains(const char *text, const char *part);

#endif
