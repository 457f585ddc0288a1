#include "file/partname.h"

#include <inttypes.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PART  ".part"
#define NOTE  ".part.note"
#define DRAFT ".part.note~" /* the longest */
/* "~" and 16 hexadecimal digits. */
#define NUMBER 17

/* The most bytes that a name in the folder of `path` can have. File systems that encrypt names
 * take fewer than others; those that report more do not count in bytes. */
static size_t longest_name(const char *path, size_t folder)
{
    char *copy = folder ? strndup(path, folder) : strdup(".");
    long limit = copy ? pathconf(copy, _PC_NAME_MAX) : -1;
    free(copy);
    return limit >= 64 && limit < NAME_MAX ? (size_t)limit : NAME_MAX;
}

/* How many bytes of `name` fit into `room` without cutting a UTF-8 character. */
static size_t beginning(const char *name, size_t room)
{
    size_t length = room;
    while (length > 0 && room - length < 4 && ((unsigned char)name[length] & 0xC0) == 0x80)
        length--;
    return room - length < 4 ? length : room; /* otherwise the name is not UTF-8 */
}

/* FNV-1a: names that begin alike get parts of their own. */
static uint64_t number_of(const char *name)
{
    uint64_t number = UINT64_C(14695981039346656037);
    for (; *name; name++)
        number = (number ^ (unsigned char)*name) * UINT64_C(1099511628211);
    return number;
}

/* The common beginning of the three names; NULL: no memory. */
static char *stem_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    size_t folder = (size_t)(name - path), length = strlen(name);
    size_t limit = longest_name(path, folder);
    if (length + strlen(DRAFT) <= limit)
        return strdup(path);
    size_t room = limit - strlen(DRAFT) - NUMBER;
    int kept = (int)(folder + beginning(name, room < length ? room : length));
    char *stem = NULL;
    int made = asprintf(&stem, "%.*s~%016" PRIx64, kept, path, number_of(name));
    return made < 0 ? NULL : stem;
}

static char *with(const char *stem, const char *suffix)
{
    char *name = NULL;
    return stem && asprintf(&name, "%s%s", stem, suffix) >= 0 ? name : NULL;
}

bool pomex_partname_make(pomex_partname *names, const char *path)
{
    char *stem = stem_of(path);
    *names = (pomex_partname){with(stem, PART), with(stem, NOTE), with(stem, DRAFT)};
    free(stem);
    return names->part && names->note && names->draft;
}

void pomex_partname_free(pomex_partname *names)
{
    free(names->part);
    free(names->note);
    free(names->draft);
    *names = (pomex_partname){0};
}

bool pomex_partname_fits(const pomex_partname *names)
{
    return strlen(names->draft) < PATH_MAX;
}
