#include "store/disk.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define ROOM_FILE INT64_C(268435456) /* where videos are saved: 256 MiB */

const char *pomex_store_folder_of(const char *path, char *folder, size_t size)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    if (!slash)
        return ".";
    if (length == 0)
        return "/";
    if (length >= size)
        return NULL;
    memcpy(folder, path, length);
    folder[length] = '\0';
    return folder;
}

bool pomex_store_has_room(const char *file, int64_t bytes)
{
    char buffer[4096];
    const char *folder = pomex_store_folder_of(file, buffer, sizeof buffer);
    struct statvfs room;
    if (!folder || statvfs(folder, &room) != 0 || room.f_frsize == 0)
        return true;
    return room.f_bavail >= (uint64_t)bytes / room.f_frsize;
}

void pomex_store_look_at_file(pomex_store_begin *begin)
{
    struct stat at;
    begin->reason = POMEX_STORE_REASON_NONE;
    if (begin->file && lstat(begin->file, &at) == 0)
        begin->reason = POMEX_STORE_REASON_EXISTS;
    else if (begin->file && !pomex_store_has_room(begin->file, ROOM_FILE))
        begin->reason = POMEX_STORE_REASON_ROOM;
}
