/* Where the API key lies: in pages that no core dump holds; and what is shown of it, which is
 * nothing. What is given back of memory: spec/proof/test_given_back.c. */
#include "cmocka_all.h"

#include "base/secret.h"
#include "harness.h"
#include "itself.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY "sk-test-k3y-0f-m4ny-w0rds"

/* Writes the key to a new file, whose path is put into `path`. */
static void write_key(char *path, size_t size)
{
    snprintf(path, size, "%s/pomex-key-XXXXXX", P_tmpdir);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, KEY "\n", sizeof KEY), sizeof KEY);
    close(fd);
}

/* Whether the mapping at `address` has the flag of two letters. */
static bool has_flag(const void *address, const char *flag)
{
    char line[512];
    bool here = false, found = false;
    FILE *maps = fopen("/proc/self/smaps", "r");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps)) {
        unsigned long from, to;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            here = (uintptr_t)address >= from && (uintptr_t)address < to;
        else if (here && strncmp(line, "VmFlags:", 8) == 0)
            found = strstr(line, flag) != NULL;
    }
    fclose(maps);
    return found;
}

TEST_CASE(no_core_dump_holds_it)
{
    if (itself_is_emulated())
        tests_skip("the emulator does not show the flags of a mapping");
    harness h;
    harness_start(&h, NULL, 0, false);
    h.options.api_key = KEY;
    harness_client(&h);
    const char *kept = inside_authorization(h.client);
    assert_non_null(strstr(kept, KEY));
    assert_true(has_flag(kept, " dd"));
    assert_false(has_flag(&h, " dd")); /* the flag means something here */
    harness_stop(&h);
    assert_false(has_flag(kept, " dd")); /* given back */
}

/* A page of a proxy or a framework that shows the request that it could not serve. */
TEST_CASE(what_a_server_echoes_is_hidden)
{
    static const char page[] = "<h1>Bad gateway</h1>Authorization: Bearer " KEY " twice " KEY;
    char cut[700];
    memset(cut, 'x', sizeof cut);
    /* Across the end of what is shown. */
    snprintf(cut + 512 - 8, sizeof cut - 512 + 8, KEY "tail");
    const fault_step steps[] = {
        {.times = 1, .status = 400, .headers = "X-Request-Id: r-" KEY "\r\n", .body = page},
        {.times = 1, .status = 400, .body = cut},
        {.times = 1, .status = 400, .body = "{\"error\":{\"message\":\"bad key " KEY "\"}}"},
        {.times = 2, .body = "{\"status\":\"failed\",\"error\":\"for " KEY "\"}"},
        {.body = "{\"status\":\"" KEY "\"}"}};
    harness h;
    harness_start(&h, steps, 5, false);
    h.options.api_key = KEY;
    harness_client(&h);
    char path[64]; /* of this process alone: others run the same test */
    snprintf(path, sizeof path, "/tmp/pomex-none-%d", (int)getpid());
    for (int i = 0; i < 6; i++) {
        pomex_call_options options;
        pomex_call_options_init(&options);
        pomex_operation *op =
            i < 3   ? harness_call(&h, POMEX_EFFECT_NONE)
            : i < 4 ? pomex_client_wait(h.client, POMEX_ASSET_GET, "asset-1", 7, &options)
                    : pomex_client_download(h.client, "cgt-1", 5, NULL, path, &options);
        harness_finish(&h, op);
        const pomex_error *error = pomex_operation_error(op);
        assert_non_null(error);
        assert_null(strstr(error->message, KEY));
        assert_null(error->object ? strstr(error->object, KEY) : NULL);
        assert_null(error->last_status ? strstr(error->last_status, KEY) : NULL);
        assert_null(error->request_id ? strstr(error->request_id, KEY) : NULL);
        assert_true(i != 0 || strstr(error->body, "Bearer ****"));
        assert_true(i != 1 || (error->body_length == 512 && strstr(error->body, "xx********")));
        assert_true(i != 2 || strstr(error->message, "bad key ****"));
        assert_true((i != 3 && i != 4) || strstr(error->object, "for ****"));
        assert_true(i != 5 || strstr(error->last_status, "****"));
        pomex_operation_release(op);
    }
    harness_stop(&h);
}

TEST_CASE(a_key_file_too_long_is_refused)
{
    char path[64];
    pomex_options options;
    pomex_error *error = NULL;
    write_key(path, sizeof path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 5000; i++)
        fputc('k', file);
    fclose(file);
    pomex_options_init(&options);
    options.api_key_file = path;
    assert_null(pomex_client_new(&options, &error));
    assert_non_null(strstr(error->message, "api_key_file is longer than 4096 bytes"));
    pomex_error_free(error);
    unlink(path);
}
