#include "files.h"

#include "cmocka_all.h"

#include <stdio.h>

void files_put(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(text, file);
    int closed = fclose(file);
    assert_int_equal(closed, 0);
}

void files_hold(const char *name, const char *text)
{
    char found[256] = "";
    FILE *file = fopen(name, "r");
    assert_non_null(file);
    size_t count = fread(found, 1, sizeof found - 1, file);
    fclose(file);
    found[count] = '\0';
    assert_string_equal(found, text);
}
