/* A download that is held: its length and sum are told before the file has its name. */
#include "cmocka_all.h"

#include "base/sha256.h"
#include "file/partsum.h"
#include "scene.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void sum_of(const char *text, size_t times, char sum[POMEX_SUM_SIZE])
{
    pomex_sha256 s = {.context = NULL};
    assert_true(pomex_sha256_begin(&s));
    for (size_t i = 0; i < times; i++)
        assert_true(pomex_sha256_add(&s, text, strlen(text)));
    assert_true(pomex_sha256_end(&s, sum));
    pomex_sha256_free(&s);
}

/* The examples of FIPS 180-4, and the borders of a block, which openssl's sums of as many "a" are. */
TEST_CASE(sums_are_sha_256)
{
    char sum[POMEX_SUM_SIZE];
    sum_of("", 1, sum);
    assert_string_equal(sum,
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sum_of("abc", 1, sum);
    assert_string_equal(sum,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sum_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1, sum);
    assert_string_equal(sum,
                        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    sum_of("a", 1000000, sum);
    assert_string_equal(sum,
                        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    sum_of("a", 55, sum);
    assert_string_equal(sum,
                        "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
    sum_of("a", 64, sum);
    assert_string_equal(sum,
                        "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
}

static pomex_operation *hold(scene *s)
{
    pomex_call_options options;
    pomex_call_options_init(&options);
    options.hold = true;
    return pomex_client_download(s->h.client, "cgt-1", 5, s->link, s->path, &options);
}

static void is_held(scene *s, pomex_operation *op)
{
    char sum[POMEX_SUM_SIZE];
    int64_t done, total;
    harness_finish(&s->h, op);
    const pomex_error *error = pomex_operation_error(op);
    if (error)
        fail_msg("%s: %s", error->type, error->message);
    sum_of(SCENE_VIDEO, 1, sum);
    assert_string_equal(pomex_operation_sum(op), sum);
    pomex_operation_progress(op, &done, &total);
    assert_int_equal(done, strlen(SCENE_VIDEO));
    assert_int_equal(total, strlen(SCENE_VIDEO));
    assert_true(scene_exists(s->part));
    assert_false(scene_exists(s->path));
    pomex_operation_release(op);
}

static void is_refused(pomex_error *error, const char *words)
{
    assert_non_null(error);
    assert_string_equal(error->type, "file_error");
    if (!strstr(error->message, words))
        fail_msg("%s", error->message);
    pomex_error_free(error);
}

static void is_named(scene *s)
{
    char sum[POMEX_SUM_SIZE], of_file[POMEX_SUM_SIZE];
    int64_t length = 0;
    assert_null(pomex_saving_finish(s->path, "cgt-1", (int64_t)strlen(SCENE_VIDEO)));
    assert_true(scene_exists(s->path));
    assert_false(scene_exists(s->part));
    assert_false(scene_exists(s->note));
    sum_of(SCENE_VIDEO, 1, sum);
    assert_null(pomex_saving_sum(s->path, &length, of_file));
    assert_string_equal(of_file, sum);
    assert_int_equal(length, strlen(SCENE_VIDEO));
}

static const fault_step whole = SCENE_WHOLE;

TEST_CASE(held_then_named)
{
    scene s;
    scene_start(&s, &whole, 1);
    is_held(&s, hold(&s));
    is_named(&s);
    scene_stop(&s);
}

/* A server without an ETag: its part cannot be resumed, and is kept once it is whole. */
TEST_CASE(held_without_an_etag)
{
    static const fault_step step = {
        .match = "GET /v.mp4", .headers = "Content-Type: video/mp4\r\n", .body = SCENE_VIDEO};
    scene s;
    scene_start(&s, &step, 1);
    is_held(&s, hold(&s));
    is_named(&s);
    scene_stop(&s);
}

/* The sum is of all bytes, whichever attempt brought them. */
TEST_CASE(held_after_it_broke_off)
{
    static const fault_step steps[] = {
        {.times = 1,
         .kind = FAULT_TRUNCATE,
         .headers = SCENE_ETAG,
         .body = SCENE_VIDEO,
         .cut = 8},
        {.times = 1,
         .status = 206,
         .headers = SCENE_ETAG "Content-Range: bytes 8-19/20\r\n",
         .body = "89abcdefghij"}};
    scene s;
    scene_start(&s, steps, 2);
    is_held(&s, hold(&s));
    assert_int_equal(fault_server_count(s.h.server, NULL), 2);
    is_named(&s);
    scene_stop(&s);
}

/* After a crash between the two: the part is held once more, and only its last byte is asked for. */
TEST_CASE(held_twice)
{
    static const fault_step steps[] = {
        {.times = 1, .headers = SCENE_ETAG, .body = SCENE_VIDEO},
        {.times = 1,
         .status = 206,
         .headers = SCENE_ETAG "Content-Range: bytes 19-19/20\r\n",
         .body = "j"}};
    scene s;
    scene_start(&s, steps, 2);
    is_held(&s, hold(&s));
    is_held(&s, hold(&s));
    is_named(&s);
    scene_stop(&s);
}

TEST_CASE(only_what_is_whole_gets_its_name)
{
    scene s;
    scene_start(&s, &whole, 1);
    is_refused(pomex_saving_finish(s.path, "cgt-1", 20), "not the whole video");
    is_held(&s, hold(&s));
    is_refused(pomex_saving_finish(s.path, "cgt-1", 19), "not the whole video");
    is_refused(pomex_saving_finish(s.path, "cgt-2", 20), "not the whole video");
    is_refused(pomex_saving_finish(s.path, "cgt-1", 0), "0 bytes");
    is_named(&s);
    is_refused(pomex_saving_finish(s.path, "cgt-1", 20), "exists already");
    scene_stop(&s);
}

TEST_CASE(what_has_no_sum)
{
    char sum[POMEX_SUM_SIZE];
    int64_t length;
    is_refused(pomex_saving_sum("/tmp", &length, sum), "no regular file");
    is_refused(pomex_saving_sum("/tmp/there is/no such", &length, sum), "No such file");
}

/* A file that was cut and written anew is summed as it is in the end. */
TEST_CASE(a_sum_follows_what_is_written)
{
    char name[] = "/tmp/pomex-sum-XXXXXX", sum[POMEX_SUM_SIZE], wanted[POMEX_SUM_SIZE];
    int fd = mkstemp(name);
    pomex_partsum follows = {.at = 0};
    assert_int_equal(pwrite(fd, "aaaaaaaaaa", 10, 0), 10);
    assert_true(pomex_partsum_follow(&follows, fd, 10, 7));
    assert_int_equal(follows.at, 7);
    pomex_partsum_cut(&follows, 7); /* nothing of what was summed is gone */
    assert_int_equal(follows.at, 7);
    pomex_partsum_cut(&follows, 3);
    assert_int_equal(pwrite(fd, "bbbbbbb", 7, 3), 7);
    assert_true(pomex_partsum_end(&follows, fd, 10, sum));
    sum_of("aaabbbbbbb", 1, wanted);
    assert_string_equal(sum, wanted);
    assert_false(pomex_partsum_follow(&follows, fd, 11, 100));
    pomex_partsum_free(&follows);
    close(fd);
    unlink(name);
}
