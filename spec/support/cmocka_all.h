/* cmocka wants these before it. */
#ifndef POMEX_CMOCKA_ALL_H
#define POMEX_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* cmocka 2 has a macro of this name, and for whole numbers a new one in place of this. */
#undef stop
#ifdef assert_int_in_range
#undef assert_in_range
#define assert_in_range(value, low, high) assert_int_in_range(value, low, high)
#endif

#endif
