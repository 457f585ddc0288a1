#include "itself.h"

#include <limits.h>
#include <stddef.h>
#include <unistd.h>

#define MOST 32 /* words */

/* The words before a program, each with its comma. */
static const char *const emulator[] = {POMEX_EMULATOR NULL};

void itself_become(const char *const words[])
{
    char path[PATH_MAX];
    /* Its name: what the link itself leads to is valgrind's, or the emulator's. */
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    const char *all[MOST] = {NULL};
    size_t count = 0;
    if (length < 0)
        return;
    path[length] = '\0';
    for (const char *const *word = emulator; *word && count < MOST - 2; word++)
        all[count++] = *word;
    all[count++] = path;
    for (; *words && count < MOST - 1; words++)
        all[count++] = *words;
    execvp(all[0], (char *const *)all);
}

bool itself_is_emulated(void)
{
    return emulator[0] != NULL;
}
