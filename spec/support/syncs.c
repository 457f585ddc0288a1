/* Preloaded: counts the program's syncs of a disk and writes to the file $POMEX_SYNCS_TO, at its end,
 * how many there were, and how many of them its first thread made; each takes $POMEX_SYNC_SECONDS
 * longer. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static atomic_long count, count_first;
static useconds_t longer;

/* At the start: nginx clears its environment. */
__attribute__((constructor)) static void begin(void)
{
    const char *seconds = getenv("POMEX_SYNC_SECONDS");
    longer = seconds ? (useconds_t)(atof(seconds) * 1e6) : 0;
}

static int synced(const char *name, int fd)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    atomic_fetch_add(&count, 1);
    atomic_fetch_add(&count_first, gettid() == getpid());
    if (longer)
        usleep(longer);
    return real(fd);
}

int fsync(int fd)
{
    return synced("fsync", fd);
}

int fdatasync(int fd)
{
    return synced("fdatasync", fd);
}

__attribute__((destructor)) static void tell(void)
{
    const char *path = getenv("POMEX_SYNCS_TO");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (!file)
        return;
    fprintf(file, "%ld %ld\n", atomic_load(&count), atomic_load(&count_first));
    fclose(file);
}
