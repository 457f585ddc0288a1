/* The main of a test program that has none. */
#include "cmocka_all.h"

int main(void)
{
    return tests_run(NULL, NULL);
}
