/* File calls that outlive signals and short writes, and how their failures are told. */
#ifndef POMEX_FILEIO_H
#define POMEX_FILEIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* One line in `why`, as printf: what a path brings along of line breaks and control bytes is
 * shown as "?". False, always, for the caller's return. */
__attribute__((format(printf, 3, 4))) bool pomex_fileio_say(char *why, size_t size,
                                                            const char *format, ...);

/* "cannot write PATH: " and what errno says; of a path that leaves no room for that, its end. False, always. */
bool pomex_fileio_say_errno(char *why, size_t size, const char *path);

/* open(2), never through a symbolic link as the last name, never waiting for a FIFO's other
 * end, and close-on-exec. */
int pomex_fileio_open(const char *path, int flags, mode_t mode);

/* Writes all of it at *at, which moves on by what was written; false with errno. */
bool pomex_fileio_write(int fd, const char *bytes, size_t count, int64_t *at);

#endif
