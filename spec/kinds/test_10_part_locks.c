/* 10: a file system without locks is no reason not to save what is paid for. */
#include "cmocka_all.h"

#include "scene.h"

#include <errno.h>
#include <stdio.h>
#include <sys/file.h>

/* What flock says, so often; 0: what it does. */
static int failure, times;

int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);

int __wrap_flock(int fd, int operation)
{
    if (failure == 0 || times == 0)
        return __real_flock(fd, operation);
    times--;
    errno = failure;
    return -1;
}

TEST_CASE(without_locks)
{
    static const fault_step steps[] = {SCENE_CUT, SCENE_REST};
    static const int failures[] = {ENOSYS, EOPNOTSUPP, ENOLCK};
    for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
        scene s;
        scene_prepare(&s, steps, 2, false);
        s.h.options.max_retries = 0;
        harness_client(&s.h);
        failure = failures[i];
        times = -1;
        scene_is_error(&s, scene_download(&s, s.link), "connection_error", "");
        scene_is_saved(&s, scene_download(&s, s.link));
        failure = 0;
        scene_stop(&s);
    }
}

TEST_CASE(with_locks)
{
    static const fault_step whole = SCENE_WHOLE;
    scene s;
    scene_start(&s, &whole, 1);
    failure = EIO;
    times = -1;
    scene_is_error(&s, scene_download(&s, s.link), "file_error", "cannot lock");
    failure = EINTR;
    times = 2;
    scene_is_saved(&s, scene_download(&s, s.link));
    failure = 0;
    scene_stop(&s);
}
