/* What is on the disk, and what is not, after each way a download can end. */
#include "cmocka_all.h"

#include "file/partfile.h"
#include "files.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];
static char path[128];
static char part[160];
static char note[160];
static char why[256];
static bool overwrite;

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/pomex-part-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/out.mp4", folder);
    snprintf(part, sizeof part, "%s.part", path);
    snprintf(note, sizeof note, "%s.part.note", path);
    why[0] = '\0';
    overwrite = false;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    unlink(part);
    unlink(note);
    return rmdir(folder); /* fails if anything else was left behind */
}

static bool exists(const char *name)
{
    struct stat info;
    return lstat(name, &info) == 0;
}

static pomex_partfile *begin(const char *task, int64_t offset, int64_t length, const char *etag)
{
    pomex_partfile *file = pomex_partfile_open(path, task, overwrite, why, sizeof why);
    if (!file)
        fail_msg("%s", why);
    assert_true(pomex_partfile_begin(file, offset, length, etag, why, sizeof why));
    return file;
}

static void leave_half(const char *etag)
{
    pomex_partfile *file = begin("cgt-1", 0, 6, etag);
    assert_true(pomex_partfile_write(file, "abc", 3));
    pomex_partfile_close(file);
}

static void refused(const char *name, const char *message)
{
    assert_null(pomex_partfile_open(name, "cgt-1", overwrite, why, sizeof why));
    assert_string_equal(why, message);
}

static void a_whole_file_takes_its_name(void **state)
{
    (void)state;
    pomex_partfile *file = begin("cgt-1", 0, 6, "\"e\"");
    assert_true(pomex_partfile_write(file, "abc", 3));
    assert_true(pomex_partfile_write(file, "", 0));
    assert_true(pomex_partfile_write(file, "def", 3));
    assert_false(exists(path));
    assert_true(pomex_partfile_finish(file, true, why, sizeof why));
    files_hold(path, "abcdef");
    pomex_partfile_close(file);
    files_hold(path, "abcdef");
    assert_false(exists(part));
    assert_false(exists(note));
}

static void an_older_file_is_replaced_only_by_a_whole_one(void **state)
{
    (void)state;
    overwrite = true;
    files_put(path, "older");
    leave_half("\"e\"");
    files_hold(path, "older");
    pomex_partfile *file = begin("cgt-1", 3, 6, "\"e\"");
    assert_true(pomex_partfile_write(file, "def", 3));
    assert_true(pomex_partfile_finish(file, false, why, sizeof why));
    pomex_partfile_close(file);
    files_hold(path, "abcdef");
}

static void half_a_file_is_resumed(void **state)
{
    (void)state;
    leave_half("\"e\"");
    assert_false(exists(path));
    pomex_partfile *file = pomex_partfile_open(path, "cgt-1", overwrite, why, sizeof why);
    assert_int_equal(pomex_partfile_resume_from(file), 3);
    assert_int_equal(pomex_partfile_size(file), 3);
    assert_string_equal(pomex_partfile_etag(file), "\"e\"");
    assert_int_equal(pomex_partfile_length(file), 6);
    assert_true(pomex_partfile_begin(file, 3, 6, "\"e\"", why, sizeof why));
    assert_true(pomex_partfile_write(file, "def", 3));
    assert_true(pomex_partfile_finish(file, false, why, sizeof why));
    pomex_partfile_close(file);
    files_hold(path, "abcdef");
}

static void a_whole_part_asks_for_its_last_byte(void **state)
{
    (void)state;
    pomex_partfile *file = begin("cgt-1", 0, 3, "\"e\"");
    assert_true(pomex_partfile_write(file, "abc", 3));
    assert_int_equal(pomex_partfile_resume_from(file), 2);
    pomex_partfile_close(file);
    file = begin("cgt-1", 2, 3, "\"e\"");
    assert_true(pomex_partfile_write(file, "c", 1));
    assert_true(pomex_partfile_finish(file, false, why, sizeof why));
    pomex_partfile_close(file);
    files_hold(path, "abc");
}

/* Each way in which task, ETag and length do not all agree. What is there stays until bytes come
 * that are better. */
static void what_does_not_agree_starts_anew(void **state)
{
    (void)state;
    static const char *const notes[] = {
        "{\"task\":\"cgt-2\",\"etag\":\"\\\"e\\\"\",\"length\":6}",
        "{\"task\":\"cgt-1\",\"etag\":\"W/\\\"e\\\"\",\"length\":6}",
        "{\"task\":\"cgt-1\",\"etag\":\"\\\"e\\r\\nX: y\\\"\",\"length\":6}",
        "{\"task\":\"cgt-1\",\"etag\":\"\\\"\\u00e4\\\"\",\"length\":6}",
        "{\"task\":\"cgt-1\",\"etag\":\"e\",\"length\":6}",
        "{\"task\":\"cgt-1\",\"etag\":null,\"length\":6}",
        "{\"task\":\"cgt-1\",\"etag\":\"\\\"e\\\"\",\"length\":2}",
        "{\"task\":\"cgt-1\",\"etag\":\"\\\"e\\\"\",\"length\":-1}",
        "{\"task\":\"cgt-1\",\"etag\":\"\\\"e\\\"\"}",
        /* The machine was started anew since, perhaps because its power was lost. */
        "{\"task\":\"cgt-1\",\"etag\":\"\\\"e\\\"\",\"length\":6,\"boot\":\"another\"}",
    };
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
        files_put(part, "abc");
        files_put(note, notes[i]);
        for (int begins = 0; begins < 2; begins++) {
            pomex_partfile *file =
                pomex_partfile_open(path, "cgt-1", overwrite, why, sizeof why);
            assert_non_null(file);
            assert_int_equal(pomex_partfile_resume_from(file), 0);
            assert_int_equal(pomex_partfile_size(file), 0);
            assert_null(pomex_partfile_etag(file));
            files_hold(part, "abc");
            files_hold(note, notes[i]);
            if (begins) {
                assert_true(pomex_partfile_begin(file, 0, 6, NULL, why, sizeof why));
                files_hold(part, "");
            }
            pomex_partfile_close(file);
            assert_int_equal(exists(part), !begins);
            assert_int_equal(exists(note), !begins);
        }
    }
}

static void an_answer_that_does_not_continue_is_refused(void **state)
{
    (void)state;
    leave_half("\"e\"");
    pomex_partfile *file = pomex_partfile_open(path, "cgt-1", overwrite, why, sizeof why);
    assert_false(pomex_partfile_begin(file, 3, 6, "\"f\"", why, sizeof why));
    assert_false(pomex_partfile_begin(file, 3, 7, "\"e\"", why, sizeof why));
    assert_false(pomex_partfile_begin(file, 4, 6, "\"e\"", why, sizeof why));
    assert_false(pomex_partfile_begin(file, -1, 6, "\"e\"", why, sizeof why));
    assert_int_equal(pomex_partfile_size(file), 3);
    files_hold(part, "abc");
    pomex_partfile_close(file);
}

static void without_a_strong_etag_nothing_stays(void **state)
{
    (void)state;
    leave_half("\"e\"");
    assert_true(exists(note));
    leave_half("W/\"e\"");
    assert_false(exists(part));
    assert_false(exists(note));
    leave_half(NULL);
    assert_false(exists(part));
}

static void a_wrong_length_never_takes_the_name(void **state)
{
    (void)state;
    pomex_partfile *file = begin("cgt-1", 0, 6, "\"e\"");
    assert_false(pomex_partfile_finish(file, false, why, sizeof why));
    assert_non_null(strstr(why, "is empty"));
    assert_true(pomex_partfile_write(file, "abc", 3));
    assert_false(pomex_partfile_finish(file, false, why, sizeof why));
    assert_non_null(strstr(why, "has 3 of 6 bytes"));
    assert_false(pomex_partfile_write(file, "defg", 4));
    assert_non_null(strstr(pomex_partfile_why(file), "more than the 6 bytes"));
    assert_false(pomex_partfile_finish(file, false, why, sizeof why));
    pomex_partfile_close(file);
    assert_false(exists(path));
    files_hold(part, "abc");
}

static void an_unknown_length_may_be_any_but_none(void **state)
{
    (void)state;
    pomex_partfile *file = begin("cgt-1", 0, -1, NULL);
    assert_false(pomex_partfile_finish(file, false, why, sizeof why));
    assert_true(pomex_partfile_write(file, "abcd", 4));
    assert_true(pomex_partfile_finish(file, false, why, sizeof why));
    pomex_partfile_close(file);
    files_hold(path, "abcd");
}

static void one_download_of_a_file_at_a_time(void **state)
{
    (void)state;
    char message[256];
    pomex_partfile *file = begin("cgt-1", 0, 6, "\"e\"");
    snprintf(message, sizeof message, "%s is being downloaded already", path);
    refused(path, message);
    assert_true(pomex_partfile_write(file, "abc", 3));
    pomex_partfile_close(file);
    pomex_partfile_close(begin("cgt-1", 3, 6, "\"e\""));
}

static void only_regular_files(void **state)
{
    (void)state;
    char message[256];
    snprintf(message, sizeof message, "%s is a folder", folder);
    refused(folder, message);
    refused("", "the path to save to is empty");
    refused("/dev/null", "/dev/null is no regular file");
    files_put(note, "precious");
    assert_int_equal(symlink(note, part), 0);
    snprintf(message, sizeof message, "%s is a symbolic link", part);
    refused(path, message);
    unlink(part);
    assert_int_equal(link(note, part), 0);
    snprintf(message, sizeof message, "%s is a hard link to another file", part);
    refused(path, message);
    unlink(part);
    assert_int_equal(mkfifo(part, 0600), 0);
    snprintf(message, sizeof message, "%s is no regular file", part);
    refused(path, message);
    unlink(part);
    assert_int_equal(symlink(note, path), 0);
    snprintf(message, sizeof message, "%s is a symbolic link", path);
    refused(path, message);
    files_hold(note, "precious");
}

static void a_folder_that_is_not_there(void **state)
{
    (void)state;
    refused("/nonexistent/a\nb.mp4",
            "cannot write /nonexistent/a?b.mp4.part: No such file or directory");
    refused("/tmp/new-folder/", "/tmp/new-folder/ is a folder");
}

static void a_kill_leaves_what_can_be_resumed(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        pomex_partfile *file = pomex_partfile_open(path, "cgt-1", overwrite, why, sizeof why);
        if (file && pomex_partfile_begin(file, 0, 6, "\"e\"", why, sizeof why) &&
            pomex_partfile_write(file, "abc", 3))
            raise(SIGKILL);
        _exit(1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_false(exists(path));
    pomex_partfile *file = pomex_partfile_open(path, "cgt-1", overwrite, why, sizeof why);
    assert_non_null(file);
    assert_int_equal(pomex_partfile_resume_from(file), 3);
    pomex_partfile_close(file);
}

static void a_forked_child_takes_nothing_away(void **state)
{
    (void)state;
    pomex_partfile *file = begin("cgt-1", 0, 6, NULL);
    assert_true(pomex_partfile_write(file, "abc", 3));
    pid_t child = fork();
    if (child == 0) {
        pomex_partfile_close(file);
        _exit(0);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(exists(part));
    assert_null(pomex_partfile_open(path, "cgt-1", overwrite, why, sizeof why));
    assert_true(pomex_partfile_write(file, "def", 3));
    assert_true(pomex_partfile_finish(file, false, why, sizeof why));
    pomex_partfile_close(file);
    files_hold(path, "abcdef");
}

static bool save_once(const char *text)
{
    pomex_partfile *file = pomex_partfile_open(path, text, overwrite, why, sizeof why);
    if (!file)
        return strstr(why, "is being downloaded") != NULL;
    bool saved = pomex_partfile_begin(file, 0, 6, NULL, why, sizeof why) &&
                 pomex_partfile_write(file, text, 6) &&
                 pomex_partfile_finish(file, false, why, sizeof why);
    pomex_partfile_close(file);
    return saved;
}

/* Whoever gets the lock of a part that was renamed meanwhile must not write into the whole
 * file that it has become. */
static void two_processes_never_share_a_part(void **state)
{
    (void)state;
    bool saved = true;
    overwrite = true;
    pid_t child = fork();
    for (int i = 0; i < 2000 && saved; i++)
        saved = save_once(child ? "parent" : "child!");
    if (child == 0)
        _exit(saved ? 0 : 1);
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!saved)
        fail_msg("%s", why);
    assert_int_equal(status, 0);
    assert_true(exists(path));
    assert_false(exists(part));
}

static void a_part_replaced_by_others_is_not_renamed(void **state)
{
    (void)state;
    pomex_partfile *file = begin("cgt-1", 0, 3, "\"e\"");
    assert_true(pomex_partfile_write(file, "abc", 3));
    unlink(part);
    files_put(part, "xyz");
    assert_false(pomex_partfile_finish(file, false, why, sizeof why));
    assert_non_null(strstr(why, "was changed by another process"));
    pomex_partfile_close(file);
    assert_false(exists(path));
    files_hold(part, "xyz");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_whole_file_takes_its_name),
        TEST(an_older_file_is_replaced_only_by_a_whole_one),
        TEST(half_a_file_is_resumed),
        TEST(a_whole_part_asks_for_its_last_byte),
        TEST(what_does_not_agree_starts_anew),
        TEST(an_answer_that_does_not_continue_is_refused),
        TEST(without_a_strong_etag_nothing_stays),
        TEST(a_wrong_length_never_takes_the_name),
        TEST(an_unknown_length_may_be_any_but_none),
        TEST(one_download_of_a_file_at_a_time),
        TEST(only_regular_files),
        TEST(a_folder_that_is_not_there),
        TEST(a_kill_leaves_what_can_be_resumed),
        TEST(a_forked_child_takes_nothing_away),
        TEST(two_processes_never_share_a_part),
        TEST(a_part_replaced_by_others_is_not_renamed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
