/* A key that is not what its owner thinks: what would end as a 401 that nobody can explain is refused
 * by name, and never shown; what is a key all the same is taken. */
#include "cmocka_all.h"

#include "harness.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define KEY "sk-kinds-0123456789abcdef"

/* The client of an API key file; NULL with its error. */
static pomex_client *client_of(const char *path, pomex_error **error)
{
    pomex_options options;
    pomex_options_init(&options);
    options.api_key_file = path;
    *error = NULL;
    return pomex_client_new(&options, error);
}

static void has_key(pomex_client *client, pomex_error *error, const char *key)
{
    if (!client)
        fail_msg("%s", error->message);
    assert_string_equal(inside_key(client), key);
    pomex_client_free(client);
}

static void is_refused(pomex_client *client, pomex_error *error, const char *words)
{
    if (client)
        fail_msg("taken, though it %s", words);
    assert_string_equal(error->type, "invalid_request_error");
    assert_true(error->client);
    if (!strstr(error->message, words))
        fail_msg("%s, and not: %s", error->message, words);
    assert_null(strstr(error->message, "sk-kinds"));
    if (error->hint)
        assert_null(strstr(error->hint, "sk-kinds"));
}

TEST_CASE(a_file)
{
#define TEXT(bytes) bytes, sizeof bytes - 1
    static const struct {
        const char *bytes;
        size_t length;
        const char *wrong; /* NULL: it is taken */
    } rows[] = {
        {TEXT(KEY), NULL},
        {TEXT(KEY "\n"), NULL},
        {TEXT(KEY "\r\n"), NULL},
        {TEXT(KEY "\n\0second line"), NULL},
        {TEXT("\xef\xbb\xbf" KEY "\r\n"), NULL},
        {TEXT(""), "is empty"},
        {TEXT("\n" KEY "\n"), "empty first line"},
        {TEXT("\r\n" KEY), "empty first line"},
        {TEXT("\xef\xbb\xbf\n" KEY), "empty first line"},
        {TEXT("\"" KEY "\"\n"), "quotation mark"},
        {TEXT("'" KEY "'"), "quotation mark"},
        {TEXT("`" KEY "`"), "quotation mark"},
        {TEXT("\xe2\x80\x9c" KEY "\xe2\x80\x9d"), "not ASCII"},
        {TEXT(KEY "\xc2\xa0\n"), "not ASCII"},
        {TEXT("sk-kinds\0" KEY "\n"), "NUL byte"},
        {TEXT(KEY "\0\n"), "NUL byte"},
        {TEXT("\xff\xfes\0k\0-\0k\0\n\0"), "NUL byte"},
        {TEXT(" " KEY), "holds a space"},
        {TEXT(KEY " \n"), "holds a space"},
        {TEXT("Bearer " KEY "\n"), "holds a space"},
        {TEXT("\x1b" KEY), "control character"},
    };
    char path[] = "/tmp/pomex-key-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pomex_error *error;
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, rows[i].bytes, rows[i].length, 0), rows[i].length);
        pomex_client *client = client_of(path, &error);
        if (rows[i].wrong) {
            is_refused(client, error, rows[i].wrong);
            assert_non_null(strstr(error->hint, path));
            pomex_error_free(error);
        } else {
            has_key(client, error, KEY);
        }
    }
    close(fd);
    unlink(path);
}

/* The other sources: docker's --env-file keeps the quotation marks of its lines. */
TEST_CASE(an_option_or_the_environment)
{
    static const char *const wrong[][2] = {{"\"" KEY "\"", "quotation mark"},
                                           {"'" KEY "'", "quotation mark"},
                                           {KEY "\r", "control character"},
                                           {KEY "\xc2\xa0", "not ASCII"},
                                           {"\xef\xbb\xbf" KEY, "not ASCII"}};
    for (size_t i = 0; i < 2 * sizeof wrong / sizeof *wrong; i++) {
        pomex_options options;
        pomex_error *error = NULL;
        pomex_options_init(&options);
        if (i % 2)
            options.api_key = wrong[i / 2][0];
        else
            setenv("POMEX_API_KEY", wrong[i / 2][0], 1);
        pomex_client *client = pomex_client_new(&options, &error);
        is_refused(client, error, wrong[i / 2][1]);
        assert_non_null(strstr(error->message, i % 2 ? "api_key" : "POMEX_API_KEY"));
        pomex_error_free(error);
        unsetenv("POMEX_API_KEY");
    }
}

typedef struct writer {
    int from, to; /* the ends of a pipe */
    bool ends;    /* … which is closed when all is written */
} writer;

/* One byte after another, each when the one before has been taken. */
static void *write_slowly(void *argument)
{
    const writer *w = argument;
    for (const char *c = KEY "\n"; *c; c++) {
        int left = 1;
        assert_int_equal(write(w->to, c, 1), 1);
        while (ioctl(w->from, FIONREAD, &left) == 0 && left > 0)
            usleep(100);
    }
    if (w->ends)
        close(w->to);
    return NULL;
}

/* `ends` false: what wrote the line keeps the pipe open. */
static void read_pipe(bool ends)
{
    int ends_of_pipe[2];
    char path[32];
    pthread_t thread;
    pomex_error *error;
    assert_int_equal(pipe(ends_of_pipe), 0);
    writer w = {ends_of_pipe[0], ends_of_pipe[1], ends};
    snprintf(path, sizeof path, "/dev/fd/%d", w.from);
    assert_int_equal(pthread_create(&thread, NULL, write_slowly, &w), 0);
    pomex_client *client = client_of(path, &error);
    has_key(client, error, KEY);
    pthread_join(thread, NULL);
    close(w.from);
    if (!ends)
        close(w.to);
}

TEST_CASE(a_pipe_that_comes_in_pieces)
{
    read_pipe(true);
    read_pipe(false);
}

int main(void)
{
    unsetenv("POMEX_API_KEY");
    return tests_run(NULL, NULL);
}
