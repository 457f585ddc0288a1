/* examples/film.c, run as its user runs it. */
#include "cmocka_all.h"

#include "sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static sandbox sb;
static char file[64], said[4096];

static FILE *begin(const char *portrait, const char *path, const char *group)
{
    char command[512];
    snprintf(command, sizeof command, FILM " '%s' '%s' %s 2>&1", portrait, path, group);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    return pipe;
}

/* Its exit status; what it printed is then in `said`. */
static int end(FILE *pipe)
{
    size_t length = fread(said, 1, sizeof said - 1, pipe);
    said[length] = '\0';
    print_message("%s", said);
    return WEXITSTATUS(pclose(pipe));
}

static int film(const char *portrait, const char *group)
{
    return end(begin(portrait, file, group));
}

static size_t billed(void)
{
    json_t *ledger = sandbox_ask(&sb, "GET", "/_sandbox/ledger", NULL);
    assert_non_null(ledger);
    size_t count = json_array_size(json_object_get(ledger, "entries"));
    json_decref(ledger);
    return count;
}

static int set_up(void **state)
{
    (void)state;
    char url[64];
    snprintf(file, sizeof file, "/tmp/pomex-film-%ld.mp4", (long)getpid());
    if (!sandbox_start(&sb, NULL))
        return -1;
    snprintf(url, sizeof url, "http://127.0.0.1:%d", sb.port);
    setenv("POMEX_API_KEY", sb.key, 1);
    return setenv("POMEX_BASE_URL", url, 1);
}

static int tear_down(void **state)
{
    (void)state;
    unlink(file);
    return sandbox_stop(&sb) ? 0 : -1;
}

static void assert_saved(FILE *pipe, const char *path)
{
    char first[12] = "";
    assert_int_equal(end(pipe), 0);
    assert_memory_equal(said, "cgt-", 4);
    assert_non_null(strstr(said, path));
    FILE *saved = fopen(path, "r");
    assert_non_null(saved);
    assert_int_equal(fread(first, 1, sizeof first, saved), sizeof first);
    assert_memory_equal(first + 4, "ftyp", 4);
    fclose(saved);
}

/* Of the Virtual group, and of a person's; side by side, since each rests between its looks. */
TEST_CASE(a_film_is_made_and_saved)
{
    char other[sizeof file + 4];
    snprintf(other, sizeof other, "%s.mp4", file);
    json_t *person = sandbox_ask(&sb, "POST", "/_sandbox/people", json_object());
    const char *group = json_string_value(json_object_get(person, "group_id"));
    size_t before = billed();
    FILE *virtual = begin("https://cdn.example/portrait.jpg", file, "");
    assert_saved(begin("https://cdn.example/portrait.jpg", other, group), other);
    assert_saved(virtual, file);
    assert_int_equal(billed(), before + 2);
    /* What is there is not replaced, and nothing is paid for. */
    assert_int_equal(film("https://cdn.example/portrait.jpg", group), 1);
    assert_memory_equal(said, "file_error: ", 12);
    assert_int_equal(billed(), before + 2);
    unlink(file);
    unlink(other);
    json_decref(person);
}

TEST_CASE(a_failure_is_told)
{
    size_t before = billed();
    assert_int_equal(film("https://cdn.example/no-face.jpg", "group-of-nobody"), 1);
    assert_memory_equal(said, "invalid_request_error: group id error", 37);
    assert_int_equal(film("https://cdn.example/no-face.jpg", "group-of-nobody"), 1);
    assert_non_null(strstr(said, "not billed"));
    assert_int_equal(billed(), before);
    assert_int_equal(access(file, F_OK), -1);
}

int main(void)
{
    return tests_run(set_up, tear_down);
}
