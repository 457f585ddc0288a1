#include "cmocka_all.h"

#include <stdlib.h>

static struct CMUnitTest tests[64];
static size_t count;

void tests_add(const char *name, CMUnitTestFunction function)
{
    if (count == sizeof tests / sizeof *tests)
        abort();
    tests[count++] = (struct CMUnitTest){.name = name, .test_func = function};
}

int tests_run(CMFixtureFunction set_up, CMFixtureFunction tear_down)
{
    return _cmocka_run_group_tests("tests", tests, count, set_up, tear_down);
}
