#include "starve.h"

#include <curl/curl.h>
#include <errno.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static _Thread_local long countdown; /* 0: nothing fails */
static _Thread_local bool lasting;
static _Thread_local bool failed;
static _Thread_local unsigned whose;
static _Thread_local long mappings;

void starve_begin(long n, bool from_then_on, unsigned of_whom)
{
    countdown = n;
    lasting = from_then_on;
    whose = of_whom;
    failed = false;
}

bool starve_has_failed(void)
{
    return failed;
}

bool starve_end(void)
{
    countdown = 0;
    return failed;
}

long starve_mappings(void)
{
    return mappings;
}

static bool fails(unsigned who)
{
    if (countdown == 0 || !(whose & who) || --countdown > 0)
        return false;
    failed = true;
    countdown = lasting ? 1 : 0;
    return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t length);
int __real_vasprintf(char **text, const char *format, va_list arguments);
void *__real_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset);
int __real_munmap(void *pages, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t length);
int __wrap_vasprintf(char **text, const char *format, va_list arguments);
void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset);
int __wrap_munmap(void *pages, size_t size);

void *__wrap_malloc(size_t size)
{
    return fails(STARVE_OWN) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails(STARVE_OWN) ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails(STARVE_OWN) ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    return fails(STARVE_OWN) ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t length)
{
    return fails(STARVE_OWN) ? NULL : __real_strndup(text, length);
}

int __wrap_vasprintf(char **text, const char *format, va_list arguments)
{
    return fails(STARVE_OWN) ? -1 : __real_vasprintf(text, format, arguments);
}

void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
    if (fails(STARVE_OWN)) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    void *pages = __real_mmap(at, size, prot, flags, fd, offset);
    mappings += pages != MAP_FAILED;
    return pages;
}

int __wrap_munmap(void *pages, size_t size)
{
    mappings--;
    return __real_munmap(pages, size);
}

static void *jansson_malloc(size_t size)
{
    return fails(STARVE_JANSSON) ? NULL : __real_malloc(size);
}

static void *curl_malloc(size_t size)
{
    return fails(STARVE_CURL) ? NULL : __real_malloc(size);
}

static void *curl_calloc(size_t count, size_t size)
{
    return fails(STARVE_CURL) ? NULL : __real_calloc(count, size);
}

static void *curl_realloc(void *old, size_t size)
{
    return fails(STARVE_CURL) ? NULL : __real_realloc(old, size);
}

static char *curl_strdup(const char *text)
{
    return fails(STARVE_CURL) ? NULL : __real_strdup(text);
}

static void *crypto_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return fails(STARVE_CRYPTO) ? NULL : __real_malloc(size);
}

static void *crypto_realloc(void *old, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return fails(STARVE_CRYPTO) ? NULL : __real_realloc(old, size);
}

static void crypto_free(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    free(block);
}

bool starve_install(void)
{
    json_set_alloc_funcs(jansson_malloc, free);
    if (!CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free))
        return false;
    return curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_malloc, free, curl_realloc,
                                curl_strdup, curl_calloc) == CURLE_OK;
}
