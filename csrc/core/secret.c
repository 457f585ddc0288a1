#include "secret.h"

#include <string.h>
#include <sys/mman.h>

char *pomex_secret_new(size_t size)
{
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return NULL;
    madvise(pages, size, MADV_DONTDUMP); /* the best effort: without it, all else still holds */
    return pages;
}

void pomex_secret_free(char *secret, size_t size)
{
    if (!secret)
        return;
    explicit_bzero(secret, size);
    munmap(secret, size);
}
