/* The part of the preloaded disk that watches what is sent: it notes in $POMEX_PROOF_SENT each create
 * of a video of which a byte leaves, and whether its begin was on the disk by then: "INSTANCE NONCE
 * synced SECONDS" or "... unsynced SECONDS", of a clock that is never stepped. */
#include "power.h"
#include "power_shim.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { NONCE = 64 };

static const char *instance;
static int sent_fd = -1;

__attribute__((constructor)) static void begin(void)
{
    const char *sent = getenv("POMEX_PROOF_SENT");
    instance = getenv("POMEX_PROOF_INSTANCE");
    if (sent && instance)
        sent_fd = REAL(open)(sent, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* Whether the text, which a file has at `from` now, is there on the disk too: in a sector that was
 * written again since, what is kept aside says so. */
static bool is_kept(const power_map *map, int image, int64_t from, const char *text,
                    size_t length)
{
    char kept[NONCE] = {0};
    if (from + (int64_t)length > map->size)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!map->dirty[(from + (int64_t)i) / SECTOR])
            kept[i] = text[i];
        else if (pread(image, &kept[i], 1, from + (int64_t)i) != 1)
            return false;
    }
    return memcmp(kept, text, length) == 0;
}

/* Whether the text is on the disk in one of the followed files of this name. The text that a begin
 * freezes stands in the log of the store or, later, in the store. */
static bool is_on_disk(const char *suffix, const char *text)
{
    char path[PATH_SIZE];
    struct stat info;
    size_t length = strlen(text), size = 0;
    bool found = false;
    snprintf(path, sizeof path, "%s/jobs.db%s", power_folder, suffix);
    int fd = REAL(open)(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &info) == 0)
        size = (size_t)info.st_size;
    const char *bytes = size ? mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (fd >= 0)
        REAL(close)(fd);
    if (bytes == MAP_FAILED)
        return false;
    power_path(path, power_disk, info.st_ino, "map");
    fd = REAL(open)(path, O_RDONLY | O_CLOEXEC);
    const power_map *map = mmap(NULL, sizeof *map, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        abort();
    REAL(close)(fd);
    power_path(path, power_disk, info.st_ino, "disk");
    fd = REAL(open)(path, O_RDONLY | O_CLOEXEC);
    power_lock();
    for (const char *from = bytes;
         !found && (from = memmem(from, size - (size_t)(from - bytes), text, length)); from++)
        found = is_kept(map, fd, from - bytes, text, length);
    power_unlock();
    REAL(close)(fd);
    munmap((void *)(uintptr_t)map, sizeof *map);
    munmap((void *)(uintptr_t)bytes, size);
    return found;
}

static bool is_create(const char *bytes, size_t length)
{
    static const char create[] = "POST /v1/video/generations ";
    return length >= sizeof create && memcmp(bytes, create, sizeof create - 1) == 0;
}

SHOWN ssize_t send(int fd, const void *bytes, size_t length, int flags)
{
    char nonce[NONCE] = "?", line[160];
    bool ours = sent_fd >= 0 && is_create(bytes, length);
    if (ours) {
        const char *from = memmem(bytes, length, "[job-", 5);
        const char *to =
            from ? memchr(from, ']', length - (size_t)(from - (const char *)bytes)) : NULL;
        if (to && to - from < NONCE - 1)
            snprintf(nonce, sizeof nonce, "%.*s", (int)(to - from + 1), from);
        bool there = power_is_log() ? power_log_has(nonce)
                                    : is_on_disk("-wal", nonce) || is_on_disk("", nonce);
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        int size = snprintf(line, sizeof line, "%s %s %s %.3f\n", instance, nonce,
                            there ? "synced" : "unsynced",
                            (double)now.tv_sec + (double)now.tv_nsec / 1e9);
        if (REAL(write)(sent_fd, line, (size_t)size) != size)
            abort();
    }
    ssize_t sent = REAL(send)(fd, bytes, length, flags);
    if (ours)
        power_step("sent");
    return sent;
}
