/* What a begin asks of this machine's own disk, on every back end. */
#ifndef POMEX_STORE_DISK_H
#define POMEX_STORE_DISK_H

#include "store/store.h"

#include <stdbool.h>

/* "DIR" of "DIR/NAME", at most `size` bytes of it; NULL: longer than that. */
const char *pomex_store_folder_of(const char *path, char *folder, size_t size);

/* Whether the folder of `file` has that many bytes left; true where nobody can tell. */
bool pomex_store_has_room(const char *file, int64_t bytes);

/* Whether the folder of `file` has less than that left; then a begin's reason is ROOM, and `lacking`
 * says which folder that is. */
bool pomex_store_lacks_room(pomex_store_request *request, const char *file, int64_t bytes);

/* Sets a begin's reason: EXISTS where there is a file at its name, ROOM where less than 256 MiB are
 * left there, else NONE. */
void pomex_store_look_at_file(pomex_store_request *request);

#endif
