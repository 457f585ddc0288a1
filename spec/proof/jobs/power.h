/* What the preloaded disk (power.c) and the power loss (power_cut.c) share: for each file below the
 * followed folder, by its inode, in a folder of their own
 *   INODE.map     a power_map: what of it was written and not synced;
 *   INODE.disk    what is on the disk in the place of that, where there is anything;
 *   INODE.names   of a folder: its names as they are on the disk, a line "INODE NAME" for each;
 *   gone/INODE    a file whose last name was removed, but perhaps not on the disk;
 *   boot          the number of this run of the machine;
 *   elsewhere     other folders of a database's log, a line for each;
 *   full          whose first byte is "1" while the disk is full;
 *   lock          which who writes or syncs holds. */
#ifndef POWER_H
#define POWER_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { SECTOR = 512, SECTORS = 1 << 18, PATH_SIZE = 512 }; /* files of up to 128 MiB */

typedef struct power_map {
    int64_t size;                 /* on the disk */
    int64_t end;                  /* no sector from here on is dirty */
    unsigned char dirty[SECTORS]; /* flags: written, or cut off, and not synced */
} power_map;

/* Shared memory is left by no power loss, and followed by nobody. */
static inline int power_is_shm(const char *path)
{
    size_t length = strlen(path);
    return length > 4 && strcmp(path + length - 4, "-shm") == 0;
}

/* "gone/INODE" of the disk: a file whose last name was removed. */
static inline void power_gone(char path[PATH_SIZE], const char *disk, uint64_t inode)
{
    snprintf(path, PATH_SIZE, "%s/gone/%llu", disk, (unsigned long long)inode);
}

/* "INODE.SUFFIX" of the disk. */
static inline void power_path(char path[PATH_SIZE], const char *disk, uint64_t inode,
                              const char *suffix)
{
    snprintf(path, PATH_SIZE, "%s/%llu.%s", disk, (unsigned long long)inode, suffix);
}

#endif
