/* cmocka wants these before it. */
#ifndef POMEX_CMOCKA_ALL_H
#define POMEX_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
