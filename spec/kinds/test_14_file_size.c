/* A file longer than RLIMIT_FSIZE is an error of the download, and no signal that ends the host. */
#include "cmocka_all.h"

#include "scene.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

/* With `limit` bytes to a file; a signal would end the test. */
static void download(rlim_t limit, const char *words)
{
    static const fault_step whole = SCENE_WHOLE;
    struct rlimit before, now;
    scene s;
    scene_start(&s, &whole, 1);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    now = before;
    now.rlim_cur = limit;
    pomex_operation *op = scene_download(&s, s.link);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &now), 0);
    harness_finish(&s.h, op);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    if (words)
        scene_is_error(&s, op, "file_error", words);
    else
        scene_is_saved(&s, op);
    scene_stop(&s);
}

TEST_CASE(a_limit_of_the_process)
{
    signal(SIGXFSZ, SIG_DFL);
    for (rlim_t limit = 0; limit < sizeof SCENE_VIDEO - 1; limit++)
        download(limit, "File too large");
    download(4096, NULL);
}
