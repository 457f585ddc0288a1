/* The bridge's thread ends, or either end of its socket: whoever reads is told, and so is who
 * asks. The functions here stand before libc's. */
#include "cmocka_all.h"

#include <lauxlib.h>
#include <lualib.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static pthread_t thread; /* that was created last */
static int accepted;     /* the bridge's end */

int pthread_create(pthread_t *made, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument)
{
    int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    void *symbol = dlsym(RTLD_NEXT, "pthread_create");
    memcpy(&real, &symbol, sizeof real);
    int problem = real(made, attributes, run, argument);
    thread = *made;
    return problem;
}

int accept4(int fd, __SOCKADDR_ARG address, socklen_t *length, int flags)
{
    int (*real)(int, __SOCKADDR_ARG, socklen_t *, int);
    void *symbol = dlsym(RTLD_NEXT, "accept4");
    memcpy(&real, &symbol, sizeof real);
    return accepted = real(fd, address, length, flags);
}

static lua_State *L;

static const char *lua(const char *code)
{
    lua_settop(L, 0);
    if (luaL_dostring(L, code) != 0)
        fail_msg("%s", lua_tostring(L, -1));
    return lua_isstring(L, 1) ? lua_tostring(L, 1) : "";
}

#ifndef __SANITIZE_ADDRESS__
static void end_thread(int fd)
{
    (void)fd;
    pthread_cancel(thread);
}
#endif

static void end_ours(int fd)
{
    (void)fd;
    shutdown(accepted, SHUT_RDWR);
}

static void end_theirs(int fd)
{
    shutdown(fd, SHUT_RDWR);
}

TEST_CASE(whoever_reads_is_told)
{
    void (*const ways[])(int) = {
        end_ours,
        end_theirs,
#ifndef __SANITIZE_ADDRESS__ /* which takes what a cancelled thread left on its stack for ours */
        end_thread,
#endif
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        snprintf(address.sun_path, sizeof address.sun_path, "%s",
                 lua("bridge = assert(require 'pomex.core'.bridge())"
                     "assert(not bridge:alive()) return bridge:path()"));
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
        lua("assert(bridge:meet()) assert(bridge:alive())");
        const struct timeval patience = {.tv_sec = 10};
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        ways[i](fd);
        char byte;
        assert_int_equal(recv(fd, &byte, 1, MSG_WAITALL), 0); /* its end, and not never */
        lua("assert(not bridge:alive()) bridge:close()");
        close(fd);
    }
}

TEST_CASE(one_state_alone_is_the_sentry)
{
    lua_State *first = L;
    lua("core = require 'pomex.core' assert(core.sentry(60)) assert(core.sentry(60))");
    L = luaL_newstate();
    luaL_openlibs(L);
    lua("core = require 'pomex.core' assert(not core.sentry(60))");
    lua_State *second = L;
    L = first;
    lua("assert(core.sentry(0))");
    L = second;
    lua("assert(core.sentry(60))");
    lua_close(L);
    L = first;
    lua("assert(not core.sentry(60))");
}

int main(void)
{
    L = luaL_newstate();
    luaL_openlibs(L);
    int failed = tests_run(NULL, NULL);
    lua_close(L);
    return failed;
}
