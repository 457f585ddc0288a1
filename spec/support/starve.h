/* Makes allocations fail, of this thread alone. A program that uses it is linked with the
 * --wrap options of spec/support/CMakeLists.txt, which put its functions in the place of the
 * allocator's for the core and the test. */
#ifndef STARVE_H
#define STARVE_H

#include <stdbool.h>

enum starve_whose { STARVE_OWN = 1, STARVE_JANSSON = 2, STARVE_CURL = 4, STARVE_CRYPTO = 8 };

/* Has jansson, libcurl and libcrypto allocate here; before anything else is called of them. False
 * if that failed. */
bool starve_install(void);

/* From now on allocation number `n` (1: the next) of those named fails, and `lasting`: all that
 * come after it. */
void starve_begin(long n, bool lasting, unsigned whose);

/* Whether one has failed so far. */
bool starve_has_failed(void);

/* Ends that; whether one has failed. */
bool starve_end(void);

/* How many mappings this thread holds: no sanitizer tells of one that is left. */
long starve_mappings(void);

#endif
