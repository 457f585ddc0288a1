/* A disk that is full (or a quota that is used up) at each call that can be the first to learn
 * of it: the error names the file, nothing takes the final name, and once there is room a later
 * call goes on from what was kept. */
#include "cmocka_all.h"

#include "scene.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

/* The call that finds no room, on files of which the path ends so. */
static struct {
    const char *call;
    const char *ending;
    size_t room; /* bytes that can still be written */
} full;

static bool strikes(const char *call, int fd)
{
    char link[64], path[256];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length =
        full.call && strcmp(call, full.call) == 0 ? readlink(link, path, sizeof path - 1) : -1;
    size_t ending = length > 0 ? strlen(full.ending) : 0;
    return length > 0 && (size_t)length >= ending &&
           memcmp(path + length - ending, full.ending, ending) == 0;
}

ssize_t __real_pwrite(int fd, const void *bytes, size_t count, off_t at);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t count, off_t at);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_close(int fd);
int __wrap_close(int fd);
int __real_ftruncate(int fd, off_t length);
int __wrap_ftruncate(int fd, off_t length);

static int no_room(void)
{
    errno = ENOSPC;
    return -1;
}

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t count, off_t at)
{
    if (!strikes("pwrite", fd))
        return __real_pwrite(fd, bytes, count, at);
    if (full.room == 0)
        return no_room();
    count = count < full.room ? count : full.room;
    full.room -= count;
    return __real_pwrite(fd, bytes, count, at);
}

int __wrap_fsync(int fd)
{
    return strikes("fsync", fd) ? no_room() : __real_fsync(fd);
}

/* It is closed all the same. */
int __wrap_close(int fd)
{
    bool struck = strikes("close", fd);
    int result = __real_close(fd);
    return struck ? no_room() : result;
}

int __wrap_ftruncate(int fd, off_t length)
{
    return strikes("ftruncate", fd) ? no_room() : __real_ftruncate(fd, length);
}

static pomex_operation *synced_download(scene *s)
{
    pomex_call_options options;
    pomex_call_options_init(&options);
    options.sync = true;
    return pomex_client_download(s->h.client, "cgt-1", 5, s->link, s->path, &options);
}

#define PART ".part"
#define NOTE ".part.note~"

TEST_CASE(every_call_that_can_learn_of_it)
{
    static const struct {
        const char *call, *file;
        size_t room;
        bool sync;
        int resumed; /* the byte from which a later call goes on; 0: from the start */
    } rows[] = {
        {"ftruncate", PART, 0, false, 0}, {"pwrite", PART, 0, false, 0},
        {"pwrite", PART, 10, false, 10},  {"pwrite", NOTE, 0, false, 0},
        {"pwrite", NOTE, 10, false, 0},   {"close", NOTE, 0, false, 0},
        {"close", PART, 0, false, 19},    {"fsync", PART, 0, true, 19},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char headers[128], range[64], words[160];
        fault_request r;
        scene s;
        print_message("  %s of a %s, room for %zu\n", rows[i].call, rows[i].file, rows[i].room);
        snprintf(headers, sizeof headers, SCENE_ETAG "Content-Range: bytes %d-19/20\r\n",
                 rows[i].resumed);
        snprintf(range, sizeof range, "Range: bytes=%d-\r\n", rows[i].resumed);
        fault_step steps[] = {SCENE_WHOLE, SCENE_WHOLE};
        steps[0].times = 1;
        if (rows[i].resumed) {
            steps[1].status = 206;
            steps[1].headers = headers;
            steps[1].body += rows[i].resumed;
        }
        scene_start(&s, steps, 2);
        full.call = rows[i].call;
        full.ending = rows[i].file;
        full.room = rows[i].room;
        snprintf(words, sizeof words, "cannot write %s%s: No space left on device", s.path,
                 rows[i].file);
        scene_is_error(&s, rows[i].sync ? synced_download(&s) : scene_download(&s, s.link),
                       "file_error", words);
        full.call = NULL;
        assert_int_equal(fault_server_count(s.h.server, NULL), 1);
        assert_int_equal(scene_exists(s.part), rows[i].resumed > 0);
        assert_int_equal(scene_exists(s.note), rows[i].resumed > 0);
        scene_is_saved(&s, scene_download(&s, s.link));
        assert_true(fault_server_request(s.h.server, NULL, 1, &r));
        assert_int_equal(strstr(r.headers, rows[i].resumed ? range : "Range:") != NULL,
                         rows[i].resumed > 0);
        assert_int_equal(fault_server_count(s.h.server, NULL), 2);
        scene_stop(&s);
    }
}

/* The name is taken by then, and the bytes are whole: that is said. */
TEST_CASE(a_folder_that_cannot_be_synced)
{
    static const fault_step whole = SCENE_WHOLE;
    char words[160];
    scene s;
    scene_start(&s, &whole, 1);
    full.call = "fsync";
    full.ending = strrchr(s.folder, '/');
    pomex_operation *op = synced_download(&s);
    harness_finish(&s.h, op);
    full.call = NULL;
    snprintf(words, sizeof words, "%s is saved, but its folder cannot be synced: No space",
             s.path);
    assert_non_null(pomex_operation_error(op));
    assert_string_equal(pomex_operation_error(op)->type, "file_error");
    assert_non_null(strstr(pomex_operation_error(op)->message, words));
    assert_true(scene_exists(s.path));
    assert_false(scene_exists(s.part) || scene_exists(s.note));
    pomex_operation_release(op);
    scene_stop(&s);
}
