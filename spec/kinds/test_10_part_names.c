/* 10: a video whose name leaves no room for ".part.note~" is saved, and goes on after a break. Its
 * part has the beginning of the name, cut between two characters, and a number made of all of it. */
#include "cmocka_all.h"

#include "scene.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const fault_step broken = SCENE_CUT;
static const fault_step rest = {.times = 1,
                                .status = 206,
                                .headers = SCENE_ETAG "Content-Range: bytes 10-19/20\r\n",
                                .body = "abcdefghij"};

/* What the folder says that it takes; 0: what it does. */
static long longest;

long __real_pathconf(const char *path, int name);
long __wrap_pathconf(const char *path, int name);

long __wrap_pathconf(const char *path, int name)
{
    return longest && name == _PC_NAME_MAX ? longest : __real_pathconf(path, name);
}

static pomex_operation *download(const scene *s, const char *path)
{
    pomex_call_options options;
    pomex_call_options_init(&options);
    options.max_retries = 0;
    return pomex_client_download(s->h.client, "cgt-1", 5, s->link, path, &options);
}

/* Whether a name is UTF-8 that ends with a whole character. */
static bool is_whole(const char *name)
{
    json_t *text = json_string(name);
    json_decref(text);
    return text != NULL;
}

/* How many names are in the folder. None is longer than that, or holds half a character. */
static int names_in(const char *folder, size_t most, bool text)
{
    int count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        count++;
        assert_true(strlen(entry->d_name) <= most);
        assert_true(!text || is_whole(entry->d_name));
    }
    closedir(dir);
    return count;
}

static void is_saved(scene *s, pomex_operation *op, const char *path)
{
    char bytes[64] = "";
    harness_finish(&s->h, op);
    if (pomex_operation_error(op))
        fail_msg("%s", pomex_operation_error(op)->message);
    pomex_operation_release(op);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    fread(bytes, 1, sizeof bytes - 1, file);
    fclose(file);
    assert_string_equal(bytes, SCENE_VIDEO);
    assert_int_equal(names_in(s->folder, 255, false), 1);
    unlink(path);
}

/* Broken off, there are a part and its note; then it is whole. */
static void goes_on_at(const char *name, size_t most, bool text)
{
    const fault_step steps[] = {broken, rest};
    char path[400];
    scene s;
    scene_start(&s, steps, 2);
    snprintf(path, sizeof path, "%s/%s", s.folder, name);
    pomex_operation *op = download(&s, path);
    harness_finish(&s.h, op);
    assert_non_null(pomex_operation_error(op));
    if (strcmp(pomex_operation_error(op)->type, "connection_error") != 0)
        fail_msg("%s", pomex_operation_error(op)->message);
    pomex_operation_release(op);
    assert_int_equal(names_in(s.folder, most, text), 2);
    is_saved(&s, download(&s, path), path);
    assert_int_equal(fault_server_count(s.h.server, NULL), 2);
    scene_stop(&s);
}

/* `unit` as often as it fits, and filled up with "a". */
static void name_of(char *name, const char *unit, size_t length)
{
    size_t at = length % strlen(unit);
    memset(name, 'a', at);
    for (; at < length; at += strlen(unit))
        memcpy(name + at, unit, strlen(unit));
    name[length] = '\0';
}

TEST_CASE(names_of_every_length)
{
    static const char *const units[] = {"n", "ä", "視", "😀", "\xE4"};
    char name[260];
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        for (size_t length = 243; length <= 255; length++) {
            name_of(name, units[i], length);
            goes_on_at(name, 255, i < 4);
        }
    }
}

/* A file system that encrypts names takes 143 bytes, one of another kind counts characters. */
TEST_CASE(folders_that_take_less_or_say_more)
{
    char name[260];
    for (int i = 0; i < 2; i++) {
        longest = i ? 1530 : 143;
        name_of(name, "視", i ? 255 : 143);
        goes_on_at(name, i ? 255 : 143, true);
        name_of(name, "n", 100);
        goes_on_at(name, 111, true);
    }
    longest = 0;
}

/* Both are under way at the same time. */
TEST_CASE(names_that_begin_alike_share_no_part)
{
    const fault_step steps[] = {broken, broken, rest, rest};
    char paths[2][400];
    scene s;
    scene_start(&s, steps, 4);
    for (int i = 0; i < 2; i++) {
        int length = snprintf(paths[i], sizeof paths[i], "%s/", s.folder);
        name_of(paths[i] + length, "n", 254);
        strcat(paths[i], i ? "1" : "0");
        pomex_operation *op = download(&s, paths[i]);
        harness_finish(&s.h, op);
        assert_string_equal(pomex_operation_error(op)->type, "connection_error");
        pomex_operation_release(op);
    }
    assert_int_equal(names_in(s.folder, 255, true), 4);
    for (int i = 0; i < 2; i++) {
        fault_request r;
        pomex_operation *op = download(&s, paths[i]);
        harness_finish(&s.h, op);
        assert_null(pomex_operation_error(op));
        pomex_operation_release(op);
        assert_true(fault_server_request(s.h.server, NULL, (size_t)i + 2, &r));
        assert_non_null(strstr(r.headers, "Range: bytes=10-\r\n"));
        assert_int_equal(unlink(paths[i]), 0);
    }
    scene_stop(&s);
}

/* Not after the bytes have come. */
TEST_CASE(a_name_that_is_too_long_is_refused_at_once)
{
    char path[400];
    scene s;
    scene_start(&s, &broken, 1);
    int length = snprintf(path, sizeof path, "%s/", s.folder);
    name_of(path + length, "n", 256);
    pomex_operation *op = download(&s, path);
    assert_true(pomex_operation_done(op));
    assert_string_equal(pomex_operation_error(op)->type, "file_error");
    assert_non_null(strstr(pomex_operation_error(op)->message, "File name too long"));
    assert_int_equal(fault_server_connections(s.h.server), 0);
    pomex_operation_release(op);
    scene_stop(&s);
}
