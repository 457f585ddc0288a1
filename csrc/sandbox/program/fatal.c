#include "sandbox/program/fatal.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* A name of a file, or a word of the command line, need not be valid UTF-8. */
static void make_ascii(char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text >= 0x80)
            *text = '?';
    }
}

void pomex_sb_fatal(bool json, const char *format, ...)
{
    char reason[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    if (!json) {
        fprintf(stderr, "pomex-sandbox: %s\n", reason);
        return;
    }
    make_ascii(reason);
    json_t *line = json_pack("{s:s}", "error", reason);
    char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
    if (text)
        puts(text);
    fflush(stdout);
    free(text);
    json_decref(line);
}
