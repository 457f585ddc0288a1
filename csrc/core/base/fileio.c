#include "base/fileio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

bool pomex_fileio_say(char *why, size_t size, const char *format, ...)
{
    va_list arguments;
    if (size == 0)
        return false;
    va_start(arguments, format);
    vsnprintf(why, size, format, arguments);
    va_end(arguments);
    for (char *c = why; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    return false;
}

bool pomex_fileio_say_errno(char *why, size_t size, const char *path)
{
    const char *reason = strerror(errno);
    size_t length = strlen(path), room = size / 2;
    if (length <= room)
        return pomex_fileio_say(why, size, "cannot write %s: %s", path, reason);
    return pomex_fileio_say(why, size, "cannot write ...%s: %s", path + length - room, reason);
}

int pomex_fileio_open(const char *path, int flags, mode_t mode)
{
    int fd;
    do {
        fd = open(path, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, mode);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

/* Whether a write at this offset would raise SIGXFSZ, which ends a program that does not expect
 * it. */
static bool is_past_limit(int64_t at)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
           (rlim_t)at >= limit.rlim_cur;
}

bool pomex_fileio_write(int fd, const char *bytes, size_t count, int64_t *at)
{
    while (count > 0) {
        if (is_past_limit(*at)) {
            errno = EFBIG;
            return false;
        }
        ssize_t written = pwrite(fd, bytes, count, (off_t)*at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            errno = written < 0 ? errno : ENOSPC;
            return false;
        }
        bytes += written;
        count -= (size_t)written;
        *at += written;
    }
    return true;
}

bool pomex_fileio_is_at(int fd, const char *name)
{
    struct stat named;
    struct stat opened;
    return fstat(fd, &opened) == 0 && lstat(name, &named) == 0 &&
           named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

bool pomex_fileio_give_name(int fd, const char *part, const char *path)
{
    struct stat info;
    if (renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
        return true;
    if (errno == EEXIST)
        return false;
    /* NFS answers EEXIST for a name that it has just given, if its first answer was lost. */
    if (link(part, path) == 0 || (errno == EEXIST && pomex_fileio_is_at(fd, path))) {
        unlink(part);
        return true;
    }
    if (lstat(path, &info) != 0)
        return rename(part, path) == 0;
    errno = EEXIST;
    return false;
}

bool pomex_fileio_sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    free(folder);
    return synced;
}
