/* The bridge on a system whose threads need a larger stack than ours, as on 64-bit Arm, and where
 * no folder takes its socket. The functions here stand before libc's. */
#include "cmocka_all.h"

#include <lauxlib.h>
#include <lualib.h>

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* What the system says: the least stack, and what of this process it refuses. */
static long least;
static bool no_size, no_attributes, no_folder;

/* What it was asked for. */
static size_t asked;
static int created;

#define REAL(name)                                                                             \
    void *symbol = dlsym(RTLD_NEXT, #name);                                                    \
    memcpy(&real, &symbol, sizeof real)

extern long __sysconf(int name);

long sysconf(int name)
{
    return least > 0 && name == _SC_THREAD_STACK_MIN ? least : __sysconf(name);
}

int pthread_attr_setstacksize(pthread_attr_t *attributes, size_t size)
{
    int (*real)(pthread_attr_t *, size_t);
    REAL(pthread_attr_setstacksize);
    asked = size;
    return no_size || (least > 0 && size < (size_t)least) ? EINVAL : real(attributes, size);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    REAL(pthread_create);
    created++;
    return no_attributes && attributes != NULL ? EINVAL
                                               : real(thread, attributes, run, argument);
}

char *mkdtemp(char *path)
{
    char *(*real)(char *);
    REAL(mkdtemp);
    if (!no_folder)
        return real(path);
    errno = strncmp(path, "/tmp/", 5) == 0 ? EROFS : EACCES;
    return NULL;
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
    unsetenv("TMPDIR");
    least = 0;
    no_size = no_attributes = no_folder = false;
    L = luaL_newstate();
    assert_non_null(L);
    luaL_openlibs(L);
    lua("core = require 'pomex.core'");
    return 0;
}

static int end(void **state)
{
    (void)state;
    lua_close(L);
    return 0;
}

/* Its thread tells of a bell. */
static void works(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s",
             lua("bridge = assert(core.bridge()) return bridge:path()"));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    created = 0;
    lua("assert(bridge:meet()) bridge:ring_in(0)");
    unsigned char message[4];
    assert_int_equal(recv(fd, message, sizeof message, MSG_WAITALL), sizeof message);
    lua("assert(bridge:alive()) bridge:close() assert(not bridge:alive())");
    close(fd);
}

static void its_stack_is_as_large_as_the_system_wants(void **state)
{
    (void)state;
    least = 131072;
    works();
    assert_int_equal(asked, 131072);
    assert_int_equal(created, 1);
    least = 1; /* never smaller than what it needs itself */
    works();
    assert_true(asked >= 65536);
}

static void it_is_the_default_where_no_size_is_taken(void **state)
{
    (void)state;
    no_size = true;
    works();
    no_size = false;
    no_attributes = true;
    works();
    assert_int_equal(created, 2);
}

static void each_folder_that_does_not_do_is_named(void **state)
{
    (void)state;
    no_folder = true;
    assert_string_equal(lua("return select(2, core.bridge())"),
                        "no unix socket in $TMPDIR: not set, /tmp: Read-only file system, "
                        "/dev/shm: Permission denied, /var/tmp: Permission denied");
    setenv("TMPDIR", "/srv", 1);
    assert_non_null(strstr(lua("return select(2, core.bridge())"), "/srv: Permission denied"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(its_stack_is_as_large_as_the_system_wants, start, end),
        cmocka_unit_test_setup_teardown(it_is_the_default_where_no_size_is_taken, start, end),
        cmocka_unit_test_setup_teardown(each_folder_that_does_not_do_is_named, start, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
