/* A disk that can lose its power: preloaded into every process that uses the store or saves
 * videos (or into a server of PostgreSQL's, for its log), it follows what is written below
 * $POMEX_PROOF_POWER and what of it is synced, for all of these processes together (see power.h). It
 *   - is full while the file `full` says so: no followed file grows;
 *   - kills its process at $POMEX_PROOF_AT, as "fsync 3": before the third sync (or "write", half
 *     of which is written, "synced", "sent", "rename", "renamed"). */
#include "power.h"
#include "power_shim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DESCRIPTORS = 1024 };

/* A descriptor of a followed file, or of a followed folder. */
typedef struct followed {
    uint64_t inode; /* 0: nothing is followed here */
    int disk;       /* of INODE.disk; -1: it is a folder */
    power_map *map; /* NULL: it is a folder */
} followed;

static followed of_fd[DESCRIPTORS];
const char *power_folder, *power_disk;
static const volatile char *full;
static int lock_fd = -1;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char die_at[16];
static _Atomic int die_after;

/* A server of PostgreSQL's writes its title over its environment. */
static const char *copy_of(const char *name)
{
    const char *value = getenv(name);
    return value ? strdup(value) : NULL;
}

__attribute__((constructor)) static void begin(void)
{
    char path[PATH_SIZE];
    const char *at = getenv("POMEX_PROOF_AT");
    int count = 0;
    power_folder = copy_of("POMEX_PROOF_POWER");
    power_disk = copy_of("POMEX_PROOF_DISK");
    if (!power_folder || !power_disk)
        return;
    if (at && sscanf(at, "%15s %d", die_at, &count) == 2)
        die_after = count;
    snprintf(path, sizeof path, "%s/lock", power_disk);
    lock_fd = REAL(open)(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    snprintf(path, sizeof path, "%s/full", power_disk);
    int fd = REAL(open)(path, O_RDONLY | O_CLOEXEC);
    void *page = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
    full = page == MAP_FAILED ? "0" : page;
    close(fd);
}

void power_step(const char *name)
{
    if (die_after > 0 && strcmp(name, die_at) == 0 && atomic_fetch_sub(&die_after, 1) == 1)
        kill(getpid(), SIGKILL);
}

static bool is_within(const char *path)
{
    char whole[PATH_SIZE], folder[PATH_SIZE / 2];
    size_t length = power_folder ? strlen(power_folder) : 0;
    /* A server of PostgreSQL's names its files from its own folder. */
    if (length > 0 && *path != '/' && getcwd(folder, sizeof folder)) {
        snprintf(whole, sizeof whole, "%s/%.200s", folder, path);
        path = whole;
    }
    return length > 0 && strncmp(path, power_folder, length) == 0 &&
           (path[length] == '/' || path[length] == '\0') && !power_is_shm(path);
}

static followed *at(int fd)
{
    return fd >= 0 && fd < DESCRIPTORS && of_fd[fd].inode ? &of_fd[fd] : NULL;
}

/* ------------------------------------------------------------------------------ opened, closed */

static void follow(int fd, const char *path)
{
    char name[PATH_SIZE];
    struct stat info;
    if (fd < 0 || fd >= DESCRIPTORS || !is_within(path) || fstat(fd, &info) != 0)
        return;
    followed f = {.inode = info.st_ino, .disk = -1};
    if (S_ISREG(info.st_mode)) {
        power_path(name, power_disk, f.inode, "disk");
        f.disk = REAL(open)(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        power_path(name, power_disk, f.inode, "map");
        int map = REAL(open)(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (map < 0 || f.disk < 0 || ftruncate(map, sizeof(power_map)) != 0)
            abort();
        f.map = mmap(NULL, sizeof(power_map), PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
        if (f.map == MAP_FAILED)
            abort();
        close(map);
    }
    of_fd[fd] = f;
}

static int opened(int fd, const char *path)
{
    int error = errno;
    follow(fd, path);
    errno = error;
    return fd;
}

#define MODE(flags)                                                                            \
    va_list arguments;                                                                         \
    va_start(arguments, flags);                                                                \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;               \
    va_end(arguments)

/* A machine that lost its power runs anew. */
static const char *redirected(const char *path, char other[PATH_SIZE])
{
    if (!power_folder || strcmp(path, "/proc/sys/kernel/random/boot_id") != 0)
        return path;
    snprintf(other, PATH_SIZE, "%s/boot", power_disk);
    return other;
}

SHOWN int open(const char *path, int flags, ...)
{
    char other[PATH_SIZE];
    MODE(flags);
    return opened(REAL(open)(redirected(path, other), flags, mode), path);
}

SHOWN int open64(const char *path, int flags, ...)
{
    char other[PATH_SIZE];
    MODE(flags);
    return opened(REAL(open64)(redirected(path, other), flags, mode), path);
}

SHOWN int close(int fd)
{
    followed *f = at(fd);
    if (f) {
        if (f->map)
            munmap(f->map, sizeof *f->map);
        if (f->disk >= 0)
            REAL(close)(f->disk);
        *f = (followed){0};
    }
    return REAL(close)(fd);
}

/* ------------------------------------------------------------------------------ written */

void power_lock(void)
{
    pthread_mutex_lock(&mutex);
    while (flock(lock_fd, LOCK_EX) != 0)
        continue;
}

void power_unlock(void)
{
    int error = errno;
    flock(lock_fd, LOCK_UN);
    pthread_mutex_unlock(&mutex);
    errno = error;
}

/* These bytes are about to change: what the disk has there is kept aside. The lock is held. */
static void keep_bytes(int fd, followed *f, int64_t from, int64_t to)
{
    char bytes[SECTOR];
    if (to > (int64_t)SECTORS * SECTOR)
        abort();
    for (int64_t i = from / SECTOR; i * SECTOR < to; i++) {
        if (f->map->dirty[i])
            continue;
        ssize_t count = i * SECTOR < f->map->size ? pread(fd, bytes, SECTOR, i * SECTOR) : 0;
        if (count > 0 && REAL(pwrite64)(f->disk, bytes, (size_t)count, i * SECTOR) != count)
            abort();
        f->map->end = i >= f->map->end ? i + 1 : f->map->end;
        f->map->dirty[i] = 1;
    }
}

static bool would_grow(int fd, off_t end)
{
    struct stat info;
    return *full == '1' && fstat(fd, &info) == 0 && end > info.st_size;
}

SHOWN ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset)
{
    followed *f = at(fd);
    if (!f || !f->map)
        return REAL(pwrite64)(fd, bytes, count, offset);
    if (would_grow(fd, offset + (off64_t)count)) {
        errno = ENOSPC;
        return -1;
    }
    power_lock();
    keep_bytes(fd, f, offset, offset + (off64_t)count);
    if (die_after == 1 && strcmp(die_at, "write") == 0)
        count /= 2;
    ssize_t done = REAL(pwrite64)(fd, bytes, count, offset);
    power_step("write");
    power_unlock();
    return done;
}

SHOWN ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset)
{
    return pwrite64(fd, bytes, count, offset);
}

SHOWN int ftruncate64(int fd, off64_t size)
{
    followed *f = at(fd);
    if (!f || !f->map)
        return REAL(ftruncate64)(fd, size);
    power_lock();
    keep_bytes(fd, f, size, f->map->size > size ? f->map->size : size);
    int result = REAL(ftruncate64)(fd, size);
    power_unlock();
    return result;
}

SHOWN int ftruncate(int fd, off_t size)
{
    return ftruncate64(fd, size);
}

/* ------------------------------------------------------------------------------ synced */

static void sync_bytes(int fd, followed *f)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        abort();
    memset(f->map->dirty, 0, (size_t)f->map->end);
    f->map->end = 0;
    f->map->size = info.st_size;
}

static void sync_names(int fd, const followed *f)
{
    char path[PATH_SIZE], draft[PATH_SIZE];
    power_path(path, power_disk, f->inode, "names");
    power_path(draft, power_disk, f->inode, "draft");
    FILE *out = fopen(draft, "we");
    DIR *names = fdopendir(dup(fd));
    if (!out || !names)
        abort();
    rewinddir(names);
    for (const struct dirent *entry; (entry = readdir(names));)
        if (entry->d_type == DT_REG && !power_is_shm(entry->d_name))
            fprintf(out, "%llu %s\n", (unsigned long long)entry->d_ino, entry->d_name);
    closedir(names);
    if (fclose(out) != 0 || REAL(rename)(draft, path) != 0)
        abort();
}

static void synced(int fd)
{
    followed *f = at(fd);
    if (!f)
        return;
    power_step("fsync");
    power_lock();
    if (f->map)
        sync_bytes(fd, f);
    else
        sync_names(fd, f);
    power_unlock();
    power_step("synced");
}

/* The disk itself need not be asked: what it has is in the hands of power.h. */
SHOWN int fsync(int fd)
{
    if (!at(fd))
        return REAL(fsync)(fd);
    synced(fd);
    return 0;
}

SHOWN int fdatasync(int fd)
{
    if (!at(fd))
        return REAL(fdatasync)(fd);
    synced(fd);
    return 0;
}

/* ------------------------------------------------------------------------------ named */

/* Keeps a file of which the last name goes: its number must not come again, and a name that comes
 * back with a power loss needs it. */
static void keep(const char *path)
{
    char kept[PATH_SIZE];
    struct stat info;
    if (!is_within(path) || lstat(path, &info) != 0 || !S_ISREG(info.st_mode) ||
        info.st_nlink > 1)
        return;
    power_gone(kept, power_disk, info.st_ino);
    if (link(path, kept) != 0 && errno != EEXIST)
        abort();
}

SHOWN int unlink(const char *path)
{
    keep(path);
    return REAL(unlink)(path);
}

SHOWN int remove(const char *path)
{
    return unlink(path);
}

SHOWN int rename(const char *from, const char *to)
{
    bool ours = is_within(from);
    if (ours)
        power_step("rename");
    keep(to);
    int result = REAL(rename)(from, to);
    if (ours)
        power_step("renamed");
    return result;
}

SHOWN int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
    bool ours = is_within(from);
    if (ours)
        power_step("rename");
    int result = REAL(renameat2)(from_fd, from, to_fd, to, flags);
    if (ours)
        power_step("renamed");
    return result;
}
