/* The locks of place.h, and who holds SQLite's. */
#include "store/sqlite/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* The mark stands at the start; a lock may lie anywhere, also past the end. */
enum { FIRST_BYTE = 64 };
/* In -shm; see SQLite's file format, 2.3 and walLockName: the byte of the write lock. */
enum { WRITE_LOCK_BYTE = 120 };

bool pomex_sq_lock_open(pomex_sq *self)
{
    char name[4200];
    int length = snprintf(name, sizeof name, "%s-lock", self->path);
    if (length < 0 || (size_t)length >= sizeof name) {
        errno = ENAMETOOLONG;
        return false;
    }
    self->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return self->lock >= 0;
}

static struct flock lock_of(int64_t worker, short type)
{
    return (struct flock){
        .l_type = type, .l_whence = SEEK_SET, .l_start = FIRST_BYTE + worker, .l_len = 1};
}

/* The place of a worker among those of this process (0: a free place); NULL: there is none. */
static int64_t *place_of(pomex_sq *self, int64_t worker)
{
    for (size_t i = 0; i < sizeof self->own / sizeof *self->own; i++) {
        if (self->own[i] == worker)
            return &self->own[i];
    }
    return NULL;
}

bool pomex_sq_lock_worker(pomex_sq *self, int64_t worker)
{
    struct flock lock = lock_of(worker, F_WRLCK);
    int64_t *place = place_of(self, 0);
    if (!place || fcntl(self->lock, F_OFD_SETLK, &lock) != 0)
        return false;
    *place = worker;
    return true;
}

void pomex_sq_unlock_worker(pomex_sq *self, int64_t worker)
{
    struct flock lock = lock_of(worker, F_UNLCK);
    int64_t *place = place_of(self, worker);
    if (!place)
        return;
    fcntl(self->lock, F_OFD_SETLK, &lock);
    *place = 0;
}

bool pomex_sq_is_held(pomex_sq *self, int64_t worker)
{
    struct flock lock = lock_of(worker, F_WRLCK);
    if (place_of(self, worker))
        return true; /* our own lock is not in our way */
    return fcntl(self->lock, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

bool pomex_sq_is_dead(pomex_sq *self, int64_t worker, const char *boot)
{
    /* On a shared file system only a worker of this kernel has its lock seen here. */
    if (self->any_file_system && strcmp(boot, self->boot) != 0)
        return false;
    return !pomex_sq_is_held(self, worker);
}

long pomex_sq_holder(const pomex_sq *self)
{
    char name[4200], line[256];
    struct stat at;
    long holder = 0;
    snprintf(name, sizeof name, "%.4096s-shm", self->path);
    FILE *locks = stat(name, &at) == 0 ? fopen("/proc/locks", "re") : NULL;
    while (locks && holder == 0 && fgets(line, sizeof line, locks)) {
        unsigned long long inode = 0, first = 0;
        long pid = 0;
        /* "1: POSIX  ADVISORY  WRITE 123 08:01:456 120 120" */
        if (sscanf(line, "%*d: POSIX ADVISORY WRITE %ld %*x:%*x:%llu %llu", &pid, &inode,
                   &first) == 3 &&
            inode == at.st_ino && first == WRITE_LOCK_BYTE)
            holder = pid;
    }
    if (locks)
        fclose(locks);
    return holder;
}
