/* The bridge where the system refuses what it is made of: it says why, leaves nothing behind,
 * and works as soon as it may. The functions here stand before libc's. A program of its own,
 * since the thread sanitizer must see every thread that starts in test_bridge.c. */
#include "cmocka_all.h"

#include <lauxlib.h>
#include <lualib.h>

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <glob.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

static const char *refused = "";
static int times; /* how often it was refused */

static int refuses(const char *name)
{
    if (strcmp(refused, name) != 0)
        return 0;
    times++;
    errno = EPERM;
    return 1;
}

/* What refuses in this way, or passes `arguments` on. */
#define REFUSABLE(type, failure, name, parameters, arguments)                                  \
    type name parameters                                                                       \
    {                                                                                          \
        type(*real) parameters;                                                                \
        void *symbol = dlsym(RTLD_NEXT, #name);                                                \
        memcpy(&real, &symbol, sizeof real);                                                   \
        return refuses(#name) ? (failure) : real arguments;                                    \
    }

REFUSABLE(int, -1, epoll_create1, (int flags), (flags))
REFUSABLE(int, -1, timerfd_create, (clockid_t id, int flags), (id, flags))
REFUSABLE(int, -1, socket, (int domain, int type, int protocol), (domain, type, protocol))
REFUSABLE(char *, NULL, mkdtemp, (char *path), (path))
REFUSABLE(int, -1, bind, (int fd, __CONST_SOCKADDR_ARG address, socklen_t length),
          (fd, address, length))
REFUSABLE(int, -1, epoll_ctl, (int set, int operation, int fd, struct epoll_event *event),
          (set, operation, fd, event))
REFUSABLE(int, -1, accept4, (int fd, __SOCKADDR_ARG address, socklen_t *length, int flags),
          (fd, address, length, flags))
REFUSABLE(int, EPERM, pthread_create,
          (pthread_t * thread, const pthread_attr_t *attributes, void *(*run)(void *),
           void *argument),
          (thread, attributes, run, argument))

static int descriptors(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

/* The folders of this process, wherever it may make one. */
static size_t folders(void)
{
    static const char *const places[] = {"/tmp", "/dev/shm", "/var/tmp"};
    size_t count = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char pattern[64];
        glob_t found;
        snprintf(pattern, sizeof pattern, "%s/pomex-%ld-*", places[i], (long)getpid());
        if (glob(pattern, 0, NULL, &found) == 0)
            count += found.gl_pathc;
        globfree(&found);
    }
    return count;
}

static lua_State *L;

/* Runs `code`; returns what it returns, a string, or "". */
static const char *lua(const char *code)
{
    lua_settop(L, 0);
    if (luaL_dostring(L, code) != 0)
        fail_msg("%s", lua_tostring(L, -1));
    return lua_isstring(L, 1) ? lua_tostring(L, 1) : "";
}

static int start(void **state)
{
    (void)state;
    setenv("TMPDIR", "/tmp", 1);
    L = luaL_newstate();
    assert_non_null(L);
    luaL_openlibs(L);
    lua("core = require 'pomex.core'");
    /* Nothing here waits for the collector. */
    lua_gc(L, LUA_GCSTOP, 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    lua_close(L);
    return 0;
}

/* Opens one, which listens. */
static int connected(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s",
             lua("bridge = assert(core.bridge()) return bridge:path()"));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void works(void)
{
    int fd = connected();
    lua("assert(bridge:meet()) bridge:ring_in(0)");
    unsigned char message[4];
    assert_int_equal(recv(fd, message, sizeof message, MSG_WAITALL), sizeof message);
    lua("bridge:close()");
    close(fd);
}

/* And a later one works. */
static void nothing_is_left(int before)
{
    assert_int_equal(descriptors(), before);
    assert_int_equal(folders(), 0);
    works();
    assert_int_equal(descriptors(), before);
}

static void nothing_stays_of_one_that_was_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"epoll_create1", "timerfd_create", "epoll_ctl",
                                        "socket",        "mkdtemp",        "bind"};
    int before = descriptors();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        times = 0;
        refused = names[i];
        const char *why = lua("local made, why = core.bridge() assert(made == nil) return why");
        refused = "";
        assert_true(times > 0);
        assert_non_null(strstr(why, strerror(EPERM)));
        nothing_is_left(before);
    }
}

static void nothing_stays_of_one_that_could_not_begin(void **state)
{
    (void)state;
    static const char *const names[] = {"accept4", "epoll_ctl", "pthread_create"};
    int before = descriptors();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int fd = connected();
        times = 0;
        refused = names[i];
        const char *why = lua("local met, why = bridge:meet() assert(met == nil) return why");
        refused = "";
        assert_int_equal(times, 1);
        assert_non_null(strstr(why, strerror(EPERM)));
        lua("bridge:close()");
        close(fd);
        nothing_is_left(before);
    }
}

static void a_folder_that_does_not_do_is_passed_over(void **state)
{
    (void)state;
    char longer[200];
    memset(longer, 'x', sizeof longer);
    longer[0] = '/';
    longer[sizeof longer - 1] = '\0';
    const char *const places[] = {"/nowhere", "/dev/null", longer};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        setenv("TMPDIR", places[i], 1);
        works();
    }
    unsetenv("TMPDIR");
    works();
    assert_int_equal(folders(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_stays_of_one_that_was_refused, start, end),
        cmocka_unit_test_setup_teardown(nothing_stays_of_one_that_could_not_begin, start, end),
        cmocka_unit_test_setup_teardown(a_folder_that_does_not_do_is_passed_over, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
