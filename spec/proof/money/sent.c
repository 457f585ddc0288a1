/* What of each call left the client. libcurl writes with send, and where there is TLS with
 * SSL_write: the functions of these names here stand before the system's for libcurl too, since
 * the program's symbols come first. They hand everything on. */
#include "run.h"

#include <dlfcn.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>

static struct {
    pthread_t thread; /* the client's; the network writes in others */
    run_call *calls;  /* NULL: nobody counts */
    size_t count;
} watched;

void sent_count(run_call *calls, size_t count)
{
    watched.thread = pthread_self();
    watched.calls = calls;
    watched.count = count;
}

/* The first write of a POST, its head and the beginning of its body with the mark, that went
 * well or failed for good. */
static void note(const char *bytes, size_t length, bool well)
{
    char text[2048];
    if (!watched.calls || !pthread_equal(pthread_self(), watched.thread) || length < 5 ||
        memcmp(bytes, "POST ", 5) != 0)
        return;
    length = length < sizeof text ? length : sizeof text - 1;
    memcpy(text, bytes, length);
    text[length] = '\0';
    long number = network_mark(text);
    if (number < 0 || (size_t)number >= watched.count)
        return;
    watched.calls[number].left += well;
    watched.calls[number].unwritten += !well;
}

/* The next function of that name; into a pointer of its own type. */
static void find(const char *name, void *function, size_t size)
{
    void *symbol = dlsym(RTLD_NEXT, name);
    memcpy(function, &symbol, size);
}

__attribute__((visibility("default"))) ssize_t send(int fd, const void *bytes, size_t length,
                                                    int flags)
{
    static ssize_t (*real)(int, const void *, size_t, int);
    if (!real)
        find("send", &real, sizeof real);
    ssize_t sent = real(fd, bytes, length, flags);
    if (sent > 0 || (sent < 0 && errno != EAGAIN && errno != EINTR))
        note(bytes, length, sent > 0);
    return sent;
}

__attribute__((visibility("default"))) int SSL_write(SSL *tls, const void *bytes, int length)
{
    static int (*real)(SSL *, const void *, int);
    if (!real)
        find("SSL_write", &real, sizeof real);
    int sent = real(tls, bytes, length);
    int why = sent > 0 ? SSL_ERROR_NONE : SSL_get_error(tls, sent);
    if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
        note(bytes, (size_t)length, sent > 0);
    return sent;
}
