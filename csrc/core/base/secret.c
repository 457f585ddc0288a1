#include "base/secret.h"

#include <string.h>
#include <sys/mman.h>

#define LEAST 8 /* a shorter secret occurs in many texts by chance */

char *pomex_secret_new(size_t size)
{
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED)
        return NULL;
    madvise(pages, size, MADV_DONTDUMP); /* a kernel without it keeps the other promises */
    return pages;
}

void pomex_secret_hide(char *text, size_t length, const char *secret)
{
    size_t size = secret ? strlen(secret) : 0;
    if (size < LEAST)
        return;
    for (char *at = text; (at = memmem(at, length - (size_t)(at - text), secret, size));)
        memset(at, '*', size);
}

void pomex_secret_free(char *secret, size_t size)
{
    if (!secret)
        return;
    explicit_bzero(secret, size);
    munmap(secret, size);
}
