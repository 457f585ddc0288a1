/* A disk that the test owns: stands before the system calls by which SQLite writes, in this program
 * and all of its children. It can be slow and full, and it knows what a power loss would leave. */
#ifndef POMEX_SPEC_STORE_DISK_H
#define POMEX_SPEC_STORE_DISK_H

#include <stdbool.h>
#include <stdint.h>

/* From now on files below `folder` are followed: what was written, and what of it was synced. A
 * name is on the disk when its folder was synced after it was made. NULL: no longer. */
void disk_follow(const char *folder);

/* Every sync takes so long. */
void disk_slow(int milliseconds);

/* No file grows any more: a write past a file's end gives ENOSPC. */
void disk_full(bool full);

/* statvfs says that so many bytes are left; -1: what it is. */
void disk_room(int64_t bytes);

/* How many syncs and writes there were of followed files. */
int64_t disk_syncs(void);
int64_t disk_writes(void);

/* Writes to the folder `to`, which is there, what would be found after a power loss right now. Of
 * what was not synced each sector of 512 bytes is kept by chance, as `seed` has it; seed 0: none
 * is. True if anything was lost. */
bool disk_lose_power(const char *to, unsigned seed);

#endif
