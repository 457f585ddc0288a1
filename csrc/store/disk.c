#include "store/disk.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define MIB       INT64_C(1048576)
#define ROOM_FILE (256 * MIB) /* where videos are saved */

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

bool pomex_store_lacks_room(pomex_store_request *request, const char *file, int64_t bytes)
{
    char buffer[4096];
    const char *folder = pomex_store_folder_of(file, buffer, sizeof buffer);
    struct statvfs room;
    if (pomex_store_has_room(file, bytes))
        return false;
    request->begin.reason = POMEX_STORE_REASON_ROOM;
    if (folder && statvfs(folder, &room) == 0) {
        char line[512];
        snprintf(line, sizeof line, "only %llu MiB are free in %.300s, and %lld are needed",
                 (unsigned long long)room.f_bavail * room.f_frsize / MIB, folder,
                 (long long)(bytes / MIB));
        request->begin.lacking = pomex_store_copy(request, line);
    }
    return true;
}

void pomex_store_look_at_file(pomex_store_request *request)
{
    pomex_store_begin *begin = &request->begin;
    struct stat at;
    begin->reason = POMEX_STORE_REASON_NONE;
    begin->lacking = NULL;
    if (begin->file && lstat(begin->file, &at) == 0)
        begin->reason = POMEX_STORE_REASON_EXISTS;
    else if (begin->file)
        pomex_store_lacks_room(request, begin->file, ROOM_FILE);
}
