/* 11: a name that exists is not replaced unasked. Who downloads to it is told before anything is
 * asked; what takes the name while the bytes come stays, and so do the bytes. Whether a video can
 * be saved can be asked before it is paid for. */
#include "cmocka_all.h"

#include "files.h"
#include "scene.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OLDER   "older"
#define NO_ETAG "Content-Type: video/mp4\r\n"

static const fault_step whole = SCENE_WHOLE;

/* What another process does just before we have the lock: it gives the name. */
static const char *given_first;

int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);

int __wrap_flock(int fd, int operation)
{
    if (given_first)
        files_put(given_first, OLDER);
    return __real_flock(fd, operation);
}

/* What the file system says of the two ways to give a free name; 0: what it does. */
static int renameat2_fails, link_fails;
static bool link_answer_is_lost;

int __real_renameat2(int, const char *, int, const char *, unsigned);
int __wrap_renameat2(int from, const char *old, int to, const char *new, unsigned flags);
int __real_link(const char *old, const char *new);
int __wrap_link(const char *old, const char *new);

int __wrap_renameat2(int from, const char *old, int to, const char *new, unsigned flags)
{
    errno = renameat2_fails;
    return renameat2_fails ? -1 : __real_renameat2(from, old, to, new, flags);
}

int __wrap_link(const char *old, const char *new)
{
    errno = link_fails;
    if (link_fails || __real_link(old, new) != 0)
        return -1;
    errno = EEXIST;
    return link_answer_is_lost ? -1 : 0;
}

static pomex_operation *download(scene *s, const char *link, bool overwrite)
{
    pomex_call_options options;
    pomex_call_options_init(&options);
    options.overwrite = overwrite;
    return pomex_client_download(s->h.client, "cgt-1", 5, link, s->path, &options);
}

/* Done, with a file_error that holds these words. */
static void is_refused(pomex_operation *op, const char *words)
{
    assert_true(pomex_operation_done(op));
    const pomex_error *error = pomex_operation_error(op);
    assert_non_null(error);
    assert_string_equal(error->type, "file_error");
    if (!strstr(error->message, words))
        fail_msg("%s is not in: %s", words, error->message);
    assert_int_equal(error->billed, POMEX_BILLED_YES);
    assert_string_equal(error->id, "cgt-1");
    pomex_operation_release(op);
}

TEST_CASE(a_name_that_exists_is_told_before_anything_is_asked)
{
    char words[160];
    scene s;
    scene_start(&s, &whole, 1);
    snprintf(words, sizeof words, "%s exists already", s.path);
    for (int i = 0; i < 4; i++) {
        files_put(s.path, i < 2 ? OLDER : ""); /* an empty file, too, is somebody's */
        pomex_operation *op = download(&s, i % 2 ? s.link : NULL, false);
        assert_true(pomex_operation_done(op) && pomex_operation_error(op)->client);
        is_refused(op, words);
        files_hold(s.path, i < 2 ? OLDER : "");
        assert_false(scene_exists(s.part));
    }
    assert_int_equal(fault_server_connections(s.h.server), 0);
    scene_is_saved(&s, download(&s, s.link, true));
    scene_stop(&s);
}

/* Two processes begin at once, and one of them is done before the other has looked. */
TEST_CASE(a_name_that_is_given_just_now_is_told_too)
{
    scene s;
    scene_start(&s, &whole, 1);
    given_first = s.path;
    pomex_operation *op = download(&s, s.link, false);
    given_first = NULL;
    is_refused(op, "exists already");
    files_hold(s.path, OLDER);
    assert_false(scene_exists(s.part));
    assert_int_equal(fault_server_connections(s.h.server), 0);
    scene_stop(&s);
}

/* The name is refused, its part is not touched; with `overwrite`, or once the name is free, the
 * download goes on from there. */
TEST_CASE(a_part_beside_goes_on)
{
    static const fault_step steps[] = {SCENE_CUT, SCENE_REST};
    for (int overwrite = 0; overwrite < 2; overwrite++) {
        fault_request r;
        scene s;
        scene_prepare(&s, steps, 2, false);
        s.h.options.max_retries = 0;
        harness_client(&s.h);
        scene_is_error(&s, scene_download(&s, s.link), "connection_error", "");
        files_put(s.path, OLDER);
        is_refused(download(&s, s.link, false), "exists already");
        files_hold(s.part, "0123456789");
        assert_true(scene_exists(s.note));
        assert_int_equal(fault_server_count(s.h.server, NULL), 1);
        if (!overwrite)
            unlink(s.path);
        scene_is_saved(&s, download(&s, s.link, overwrite));
        assert_true(fault_server_request(s.h.server, NULL, 1, &r));
        assert_non_null(strstr(r.headers, "Range: bytes=10-\r\n"));
        scene_stop(&s);
    }
}

static const struct {
    const char *name;
    int renameat2_fails, link_fails;
    bool lost;
} systems[] = {
    {"a local file system", 0, 0, false},
    {"no RENAME_NOREPLACE", EINVAL, 0, false},
    {"no renameat2", ENOSYS, 0, false},
    {"a sandbox that forbids renameat2", EPERM, 0, false},
    {"an answer to link that was lost", EINVAL, 0, true},
    {"neither", EINVAL, EPERM, false},
    {"neither, said otherwise", ENOSYS, EOPNOTSUPP, false},
};
#define SYSTEMS (sizeof systems / sizeof *systems)

static void on_system(size_t i)
{
    renameat2_fails = systems[i].renameat2_fails;
    link_fails = systems[i].link_fails;
    link_answer_is_lost = systems[i].lost;
}

TEST_CASE(what_appears_meanwhile_is_not_replaced)
{
    static const fault_step last = {
        .status = 206, .headers = SCENE_ETAG "Content-Range: bytes 19-19/20\r\n", .body = "j"};
    for (size_t i = 0; i < 2 * SYSTEMS; i++) {
        bool etag = i % 2;
        struct stat info;
        scene s;
        const fault_step slow = {
            .headers = etag ? SCENE_ETAG : NO_ETAG, .body = SCENE_VIDEO, .delay = 0.05};
        scene_start(&s, &slow, 1);
        print_message("  %s, %s ETag\n", systems[i / 2].name, etag ? "an" : "no");
        on_system(i / 2);
        pomex_operation *op = download(&s, s.link, false);
        harness_arrived(&s.h, NULL, 1);
        files_put(s.path, OLDER);
        harness_finish(&s.h, op);
        assert_non_null(pomex_operation_error(op));
        assert_non_null(strstr(pomex_operation_error(op)->message, s.path));
        is_refused(op, s.part);
        files_hold(s.path, OLDER);
        files_hold(s.part, SCENE_VIDEO);
        assert_int_equal(stat(s.part, &info), 0);
        assert_int_equal(info.st_nlink, 1);
        unlink(s.path);
        harness_script(&s.h, etag ? &last : &whole, 1);
        scene_is_saved(&s, download(&s, s.link, false));
        on_system(0);
        scene_stop(&s);
    }
}

TEST_CASE(a_free_name_is_given_on_every_system)
{
    for (size_t i = 0; i < 2 * SYSTEMS; i++) {
        struct stat info;
        scene s;
        scene_start(&s, &whole, 1);
        print_message("  %s\n", systems[i / 2].name);
        on_system(i / 2);
        if (i % 2)
            files_put(s.path, OLDER);
        pomex_operation *op = download(&s, s.link, i % 2);
        scene_is_saved(&s, op);
        assert_int_equal(stat(s.path, &info), 0);
        assert_int_equal(info.st_nlink, 1);
        on_system(0);
        scene_stop(&s);
    }
}

/* With `overwrite` a folder or a link is not replaced, either, and the bytes stay. */
TEST_CASE(only_a_file_is_overwritten)
{
    const fault_step slow = {.headers = NO_ETAG, .body = SCENE_VIDEO, .delay = 0.05};
    scene s;
    scene_start(&s, &slow, 1);
    pomex_operation *op = download(&s, s.link, true);
    harness_arrived(&s.h, NULL, 1);
    assert_int_equal(symlink("elsewhere", s.path), 0);
    harness_finish(&s.h, op);
    is_refused(op, "is a symbolic link");
    files_hold(s.part, SCENE_VIDEO);
    assert_true(scene_exists(s.note));
    scene_stop(&s);
}

/* ----------------------------------------------------------------------- asked beforehand */

static void check(const char *path, bool overwrite, const char *words)
{
    pomex_error *error = pomex_saving_check(path, overwrite);
    if (!words) {
        if (error)
            fail_msg("%s", error->message);
        return;
    }
    assert_non_null(error);
    assert_string_equal(error->type, "file_error");
    assert_string_equal(error->endpoint, "download");
    assert_int_equal(error->billed, POMEX_BILLED_NO);
    assert_true(error->client);
    if (!strstr(error->message, words))
        fail_msg("%s is not in: %s", words, error->message);
    pomex_error_free(error);
}

/* Root may write everywhere: the test is nobody for as long as it takes. */
static void be(uid_t user)
{
    if (getuid() == 0)
        assert_int_equal(seteuid(user), 0);
}

TEST_CASE(whether_it_can_be_saved_is_known_beforehand)
{
    const uid_t nobody = 65534;
    char name[5000];
    scene s;
    scene_start(&s, NULL, 0);
    check(s.path, false, NULL);
    check("", false, "is empty");
    check(s.folder, true, "is a folder");
    check("/nonexistent/out.mp4", false,
          "cannot write /nonexistent/out.mp4.part: No such file or directory");
    check("/dev/null", true, "no regular file");
    check("/proc/self/exe/out.mp4", true, "Not a directory");
    int length = snprintf(name, sizeof name, "%s/", s.folder);
    memset(name + length, 'n', 256);
    name[length + 256] = '\0';
    check(name, false, "File name too long");
    name[length + 255] = '\0';
    check(name, false, NULL);
    for (int i = 0; i < PATH_MAX - 8; i += 2)
        memcpy(name + i, "./", 3);
    strcpy(name + PATH_MAX - 8, "o.mp4");
    check(name, false, "File name too long");
    files_put(s.path, OLDER);
    check(s.path, false, "exists already");
    check(s.path, true, NULL);
    unlink(s.path);
    if (getuid() == 0)
        assert_int_equal(chown(s.folder, nobody, (gid_t)-1), 0);
    be(nobody);
    assert_int_equal(chmod(s.folder, 0555), 0);
    check(s.path, false, "Permission denied");
    assert_int_equal(chmod(s.folder, 0755), 0);
    check(s.path, false, NULL);
    be(0);
    scene_stop(&s); /* nothing is left in the folder */
}

TEST_CASE(the_check_leaves_what_is_there)
{
    static const char *const notes[] = {
        "{\"task\":\"cgt-1\",\"etag\":\"\\\"v1\\\"\",\"length\":20}",
        "{\"task\":\"cgt-1\",\"etag\":null,\"length\":-1}",
    };
    scene s;
    scene_start(&s, NULL, 0);
    for (int i = 0; i < 2; i++) {
        files_put(s.part, "0123456789");
        files_put(s.note, notes[i]);
        check(s.path, false, NULL);
        check(s.path, true, NULL);
        files_hold(s.part, "0123456789");
        files_hold(s.note, notes[i]);
    }
    unlink(s.note);
    check(s.path, false, s.part);
    check(s.path, true, NULL);
    files_hold(s.part, "0123456789");
    /* One that another download has open, which may have no bytes yet. */
    files_put(s.part, "");
    unlink(s.part);
    const fault_step hang = {.kind = FAULT_HANG};
    harness_script(&s.h, &hang, 1);
    pomex_operation *op = download(&s, s.link, false);
    harness_arrived(&s.h, NULL, 1);
    check(s.path, true, "is being downloaded already");
    assert_true(scene_exists(s.part));
    pomex_operation_cancel(op);
    pomex_operation_release(op);
    scene_stop(&s);
}
