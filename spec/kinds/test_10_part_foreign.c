/* 10: a PATH.part that has no note of ours is somebody else's, and is left alone. Each of ours has
 * one as soon as it holds a byte, also one that cannot be resumed. */
#include "cmocka_all.h"

#include "file/partfile.h"
#include "files.h"
#include "scene.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define THEIRS "half of a film"

static const fault_step whole = SCENE_WHOLE;

static pomex_operation *download(const scene *s, bool overwrite)
{
    pomex_call_options options;
    pomex_call_options_init(&options);
    options.overwrite = overwrite;
    return pomex_client_download(s->h.client, "cgt-1", 5, s->link, s->path, &options);
}

TEST_CASE(a_part_without_a_note_of_ours_is_left_alone)
{
    static const char *const notes[] = {
        NULL, "",   "a note",       "{\"task\":\"cgt-1\"",
        "[]", "{}", "{\"task\":5}", "{\"etag\":\"\\\"v1\\\"\",\"length\":20}",
    };
    for (size_t i = 0; i < sizeof notes / sizeof *notes; i++) {
        scene s;
        scene_start(&s, &whole, 1);
        files_put(s.part, THEIRS);
        if (notes[i])
            files_put(s.note, notes[i]);
        pomex_operation *op = download(&s, false);
        assert_true(pomex_operation_done(op) && pomex_operation_error(op));
        assert_true(pomex_operation_error(op)->client);
        scene_is_error(&s, op, "file_error", s.part);
        assert_int_equal(fault_server_connections(s.h.server), 0);
        files_hold(s.part, THEIRS);
        assert_int_equal(scene_exists(s.note), notes[i] != NULL);
        if (notes[i])
            files_hold(s.note, notes[i]);
        scene_is_saved(&s, download(&s, true));
        scene_stop(&s);
    }
}

/* With `overwrite`, too, it goes only when there is something better. */
TEST_CASE(a_part_stays_until_bytes_come)
{
    static const fault_step refusal = {.status = 418};
    scene s;
    scene_start(&s, &refusal, 1);
    files_put(s.part, THEIRS);
    scene_is_error(&s, download(&s, true), "api_error", "");
    files_hold(s.part, THEIRS);
    scene_stop(&s);
}

TEST_CASE(a_note_that_is_no_file)
{
    scene s;
    scene_start(&s, &whole, 1);
    files_put(s.part, THEIRS);
    assert_int_equal(symlink(s.part, s.note), 0);
    scene_is_error(&s, download(&s, false), "file_error", s.part);
    files_hold(s.part, THEIRS);
    unlink(s.note);
    assert_int_equal(mkdir(s.note, 0700), 0);
    scene_is_error(&s, download(&s, false), "file_error", s.part);
    files_hold(s.part, THEIRS);
    assert_int_equal(rmdir(s.note), 0);
    scene_stop(&s);
}

TEST_CASE(an_empty_part_is_free_to_use)
{
    for (int noted = 0; noted < 2; noted++) {
        scene s;
        scene_start(&s, &whole, 1);
        files_put(s.part, "");
        if (noted)
            files_put(s.note, "a note");
        scene_is_saved(&s, download(&s, false));
        scene_stop(&s);
    }
}

/* A process that is killed at any moment leaves nothing that the next one would not touch. */
TEST_CASE(what_a_kill_leaves_is_known_as_ours)
{
    static const char *const etags[] = {NULL, "W/\"v1\"", "\"v1\"", "\"\xE4\""};
    for (size_t i = 0; i < 3 * sizeof etags / sizeof *etags; i++) {
        char why[256];
        scene s;
        const fault_step rest = {.status = 206,
                                 .headers = SCENE_ETAG "Content-Range: bytes 3-19/20\r\n",
                                 .body = &SCENE_VIDEO[3]};
        scene_start(&s, i == 8 ? &rest : &whole, 1); /* the last of "v1" can be resumed */
        pid_t child = fork();
        if (child == 0) {
            pomex_partfile *file = pomex_partfile_open(s.path, "cgt-1", false, why, sizeof why);
            if (file && i % 3 > 0 &&
                !pomex_partfile_begin(file, 0, 20, etags[i / 3], why, sizeof why))
                _exit(1);
            if (file && (i % 3 < 2 || pomex_partfile_write(file, SCENE_VIDEO, 3)))
                raise(SIGKILL);
            _exit(1);
        }
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_true(scene_exists(s.part));
        assert_int_equal(scene_exists(s.note), i % 3 > 0);
        scene_is_saved(&s, download(&s, false));
        scene_stop(&s);
    }
}
