/* The names beside that of a video: of its part, of the part's note, and of the note's draft. */
#ifndef POMEX_PARTNAME_H
#define POMEX_PARTNAME_H

#include <stdbool.h>

/* PATH.part, PATH.part.note and PATH.part.note~. If the longest of them is too long for the
 * folder, all three use the beginning of PATH's name and a hash of the whole name instead of
 * it. */
typedef struct pomex_partname {
    char *part;
    char *note;
    char *draft; /* the name under which the note is written until it is whole */
} pomex_partname;

/* False: no memory. To be freed in either case. */
bool pomex_partname_make(pomex_partname *names, const char *path);
void pomex_partname_free(pomex_partname *names);

/* Whether the system takes paths as long as these. */
bool pomex_partname_fits(const pomex_partname *names);

#endif
