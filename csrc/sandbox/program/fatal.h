/* Why the program could not begin. */
#ifndef POMEX_SB_FATAL_H
#define POMEX_SB_FATAL_H

#include <stdbool.h>

/* Prints "pomex-sandbox: REASON" to stderr or, with `json`, {"error":"REASON"} to stdout, where
 * the program that started this one reads it. */
__attribute__((format(printf, 2, 3))) void pomex_sb_fatal(bool json, const char *format, ...);

#endif
