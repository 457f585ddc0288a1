/* File calls that outlive signals and short writes, and how their failures are told. */
#ifndef POMEX_FILEIO_H
#define POMEX_FILEIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Writes one line to `why`, as printf does; line breaks and control bytes of a path become "?".
 * Always false, so that the caller can return it. */
__attribute__((format(printf, 3, 4))) bool pomex_fileio_say(char *why, size_t size,
                                                            const char *format, ...);

/* Writes "cannot write PATH: " and errno's text to `why`; a path that is too long loses its
 * beginning. Always false. */
bool pomex_fileio_say_errno(char *why, size_t size, const char *path);

/* open(2), never through a symbolic link as the last name, never waiting for a FIFO's other
 * end, and close-on-exec. */
int pomex_fileio_open(const char *path, int flags, mode_t mode);

/* Writes all bytes at offset *at, and adds to *at how many were written. False with errno. */
bool pomex_fileio_write(int fd, const char *bytes, size_t count, int64_t *at);

/* Whether `name` leads to the open file `fd`. */
bool pomex_fileio_is_at(int fd, const char *name);

/* Renames the open file `fd` from `part` to `path` if nothing has that name, in the first way that
 * file system and kernel support. False with errno, which is EEXIST if something has the name. */
bool pomex_fileio_give_name(int fd, const char *part, const char *path);

/* Has the name `path` on the disk. False with errno. */
bool pomex_fileio_sync_folder(const char *path);

#endif
