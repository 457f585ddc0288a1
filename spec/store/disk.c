#include "disk.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum { FILES = 16, DESCRIPTORS = 256, SECTOR = 512, MOST_BYTES = 32 << 20 };
#define SHOWN __attribute__((visibility("default")))

/* A file: its bytes as the page cache has them, as they are on the disk, and which sectors differ. */
typedef struct file {
    char name[64];
    bool there, named; /* in the folder now; and after a power loss */
    unsigned char *cache, *disk;
    size_t size, disk_size;
    bool dirty[MOST_BYTES / SECTOR];
} file;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char followed[128];
static file *files[FILES];
static file *of_descriptor[DESCRIPTORS];
static bool is_folder[DESCRIPTORS];
static atomic_int delay;
static atomic_bool full;
static _Atomic int64_t syncs, writes, room = -1;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static file *file_of(const char *name)
{
    for (size_t i = 0; i < FILES; i++) {
        if (files[i] && strcmp(files[i]->name, name) == 0)
            return files[i];
        if (files[i])
            continue;
        files[i] = calloc(1, sizeof(file));
        files[i]->cache = calloc(1, MOST_BYTES);
        files[i]->disk = calloc(1, MOST_BYTES);
        snprintf(files[i]->name, sizeof files[i]->name, "%s", name);
        return files[i];
    }
    abort();
}

/* The name within the followed folder; NULL: it is elsewhere, or shared memory, which no power loss
 * leaves. */
static const char *name_within(const char *path)
{
    size_t length = strlen(followed);
    if (length == 0 || strncmp(path, followed, length) != 0 || path[length] != '/')
        return NULL;
    const char *name = path + length + 1;
    size_t end = strlen(name);
    return end > 4 && strcmp(name + end - 4, "-shm") == 0 ? NULL : name;
}

void disk_follow(const char *folder)
{
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < FILES && files[i]; i++) {
        free(files[i]->cache);
        free(files[i]->disk);
        free(files[i]);
        files[i] = NULL;
    }
    memset(of_descriptor, 0, sizeof of_descriptor);
    memset(is_folder, 0, sizeof is_folder);
    snprintf(followed, sizeof followed, "%s", folder ? folder : "");
    pthread_mutex_unlock(&lock);
}

void disk_slow(int milliseconds)
{
    atomic_store(&delay, milliseconds);
}

void disk_full(bool is_full)
{
    atomic_store(&full, is_full);
}

void disk_room(int64_t bytes)
{
    atomic_store(&room, bytes);
}

int64_t disk_syncs(void)
{
    return atomic_load(&syncs);
}

int64_t disk_writes(void)
{
    return atomic_load(&writes);
}

/* ------------------------------------------------------------------------------ the calls */

SHOWN int open64(const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = va_arg(arguments, mode_t);
    va_end(arguments);
    int fd = REAL(open64)(path, flags, mode);
    if (fd < 0 || fd >= DESCRIPTORS)
        return fd;
    pthread_mutex_lock(&lock);
    const char *name = name_within(path);
    of_descriptor[fd] = name ? file_of(name) : NULL;
    is_folder[fd] = *followed && strcmp(path, followed) == 0;
    if (name)
        of_descriptor[fd]->there = true;
    pthread_mutex_unlock(&lock);
    return fd;
}

static bool would_grow(int fd, off64_t end)
{
    struct stat at;
    return atomic_load(&full) && fstat(fd, &at) == 0 && S_ISREG(at.st_mode) && end > at.st_size;
}

SHOWN ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset)
{
    if (would_grow(fd, offset + (off64_t)count)) {
        errno = ENOSPC;
        return -1;
    }
    ssize_t done = REAL(pwrite64)(fd, bytes, count, offset);
    if (done <= 0 || fd >= DESCRIPTORS)
        return done;
    pthread_mutex_lock(&lock);
    file *at = of_descriptor[fd];
    size_t end = (size_t)offset + (size_t)done;
    if (at && end <= MOST_BYTES) {
        atomic_fetch_add(&writes, 1);
        memcpy(at->cache + offset, bytes, (size_t)done);
        at->size = end > at->size ? end : at->size;
        for (size_t i = (size_t)offset / SECTOR; i <= (end - 1) / SECTOR; i++)
            at->dirty[i] = true;
    }
    pthread_mutex_unlock(&lock);
    return done;
}

SHOWN int ftruncate64(int fd, off64_t size)
{
    int result = REAL(ftruncate64)(fd, size);
    pthread_mutex_lock(&lock);
    file *at = fd < DESCRIPTORS ? of_descriptor[fd] : NULL;
    if (at && result == 0 && size <= MOST_BYTES)
        at->size = (size_t)size;
    pthread_mutex_unlock(&lock);
    return result;
}

SHOWN int statvfs(const char *path, struct statvfs *at)
{
    int result = REAL(statvfs)(path, at);
    int64_t left = atomic_load(&room);
    if (result == 0 && left >= 0)
        at->f_bavail = (fsblkcnt_t)left / at->f_frsize;
    return result;
}

SHOWN int unlink(const char *path)
{
    int result = REAL(unlink)(path);
    pthread_mutex_lock(&lock);
    const char *name = name_within(path);
    if (name && result == 0)
        file_of(name)->there = false;
    pthread_mutex_unlock(&lock);
    return result;
}

static void synced(int fd)
{
    pthread_mutex_lock(&lock);
    file *at = fd < DESCRIPTORS ? of_descriptor[fd] : NULL;
    if (at) {
        atomic_fetch_add(&syncs, 1);
        memcpy(at->disk, at->cache, at->size);
        at->disk_size = at->size;
        memset(at->dirty, 0, sizeof at->dirty);
    }
    for (size_t i = 0; fd < DESCRIPTORS && is_folder[fd] && i < FILES && files[i]; i++)
        files[i]->named = files[i]->there;
    pthread_mutex_unlock(&lock);
}

static void wait_for_disk(void)
{
    int milliseconds = atomic_load(&delay);
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    if (milliseconds > 0)
        nanosleep(&time, NULL);
}

SHOWN int fdatasync(int fd)
{
    wait_for_disk();
    int result = REAL(fdatasync)(fd);
    if (result == 0)
        synced(fd);
    return result;
}

SHOWN int fsync(int fd)
{
    wait_for_disk();
    int result = REAL(fsync)(fd);
    if (result == 0)
        synced(fd);
    return result;
}

/* ------------------------------------------------------------------------------ a power loss */

static bool lose(const file *at, const char *to, unsigned *seed)
{
    char path[256];
    bool lost = false;
    size_t size = at->disk_size;
    unsigned char *left = malloc(MOST_BYTES);
    memcpy(left, at->disk, MOST_BYTES);
    for (size_t i = 0; i * SECTOR < at->size; i++) {
        if (!at->dirty[i])
            continue;
        if (*seed == 0 || rand_r(seed) % 2) {
            lost = true;
            continue;
        }
        memcpy(left + i * SECTOR, at->cache + i * SECTOR, SECTOR);
        size_t end = (i + 1) * SECTOR < at->size ? (i + 1) * SECTOR : at->size;
        size = end > size ? end : size;
    }
    snprintf(path, sizeof path, "%s/%s", to, at->name);
    FILE *out = fopen(path, "we");
    if (!out || fwrite(left, 1, size, out) != size)
        abort();
    fclose(out);
    free(left);
    return lost;
}

bool disk_lose_power(const char *to, unsigned seed)
{
    bool lost = false;
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < FILES && files[i]; i++) {
        if (files[i]->named)
            lost = lose(files[i], to, &seed) || lost;
        else
            lost = lost || files[i]->there;
    }
    pthread_mutex_unlock(&lock);
    return lost;
}
