/* cmocka, with what it wants before it, and the one way to write a test:
 *
 *     TEST_CASE(a_404_of_a_new_id)
 *     {
 *         …
 *     }
 *
 * A program runs its tests in the order in which they stand. It needs no main of its own, unless it
 * has something to set up: then that ends with `return tests_run(set_up, tear_down);`. */
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

/* Adds itself before main begins. `state` is cmocka's: what set_up left there. */
#define TEST_CASE(name)                                                                        \
    static void name(void **state);                                                            \
    __attribute__((constructor)) static void add_##name(void)                                  \
    {                                                                                          \
        tests_add(#name, name);                                                                \
    }                                                                                          \
    static void name(__attribute__((unused)) void **state)

void tests_add(const char *name, CMUnitTestFunction function);

/* Runs all that were added, between `set_up` and `tear_down` (NULL: nothing); what main returns. */
int tests_run(CMFixtureFunction set_up, CMFixtureFunction tear_down);

/* Leaves the test that runs; spec/run.sh says that it was not run, and why. */
#define tests_skip(why) (print_message("# SKIP %s\n", why), skip())

#endif
