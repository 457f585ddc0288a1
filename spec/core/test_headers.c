/* What is kept of a reply's header lines. */
#include "cmocka_all.h"

#include "net/headers.h"

#include <stdio.h>
#include <string.h>

static void note(pomex_headers *headers, const char *line)
{
    pomex_headers_note(headers, line, strlen(line));
}

/* A shortened value would be another one: an ETag that fits a different file, a request nobody
 * knows. A value that fills its place exactly is kept. */
TEST_CASE(a_value_too_long_is_none)
{
    pomex_headers headers = {0};
    const struct {
        const char *name;
        const char *value;
        size_t size;
    } rows[] = {
        {"ETag", headers.etag, sizeof headers.etag},
        {"X-Request-Id", headers.request_id, sizeof headers.request_id},
        {"Retry-After", headers.retry_after, sizeof headers.retry_after},
        {"Content-Range", headers.content_range, sizeof headers.content_range},
    };
    char line[1024], value[900];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(rows[i].size < sizeof value);
        memset(value, '7', sizeof value);
        value[rows[i].size - 1] = '\0';
        snprintf(line, sizeof line, "%s: %s\r\n", rows[i].name, value);
        note(&headers, line);
        assert_string_equal(rows[i].value, value);
        value[rows[i].size - 1] = '7';
        value[rows[i].size] = '\0';
        snprintf(line, sizeof line, "%s: %s\r\n", rows[i].name, value);
        note(&headers, line);
        assert_string_equal(rows[i].value, "");
    }
}

TEST_CASE(names_count_in_any_letter_case)
{
    pomex_headers headers = {0};
    note(&headers, "HTTP/1.1 206 Partial Content\r\n");
    note(&headers, "eTaG:\t\"a\" \r\n");
    note(&headers, "CONTENT-LENGTH: 20, 20\r\n");
    note(&headers, "x-request-id: r-1\r\n");
    note(&headers, "x-request-identity: r-2\r\n");
    assert_int_equal(headers.status, 206);
    assert_string_equal(headers.etag, "\"a\"");
    assert_int_equal(headers.content_length, 20);
    assert_string_equal(headers.request_id, "r-1");
    note(&headers, "Content-Length: 20, 21\r\n");
    assert_int_equal(headers.content_length, -1);
}
