/* Bounded parsing, and text that says what was meant. */
#include "cmocka_all.h"

#include "base/json.h"
#include "rules/rules.h"

#include <stdlib.h>
#include <string.h>

static json_t *parse(const char *text)
{
    return pomex_json_parse(text, strlen(text));
}

static void says(json_t *value, const char *expected)
{
    size_t length = 0;
    char *text = pomex_json_text(value, &length);
    assert_non_null(text);
    assert_string_equal(text, expected);
    assert_int_equal(length, strlen(expected));
    free(text);
    json_decref(value);
}

TEST_CASE(whole_numbers_leave_whole)
{
    says(parse("{\"limit\":10.0,\"seed\":-3,\"ratio\":1.5,\"l\":[1e2,{\"a\":0}]}"),
         "{\"limit\":10,\"seed\":-3,\"ratio\":1.5,\"l\":[100,{\"a\":0}]}");
    says(json_real(9007199254740991.0), "9007199254740991");
    says(json_real(9007199254740992.0), "9007199254740992.0");
    says(json_real(1e300), "1e300");
    says(json_integer(INT64_MAX), "9223372036854775807");
}

TEST_CASE(fractions_are_as_short_as_all_allow)
{
    says(json_real(0.1), "0.1");
    says(parse("[0.1,{\"a\":[2.5,-1e-7]}]"), "[0.1,{\"a\":[2.5,-1e-7]}]");
    says(parse("[0.1,0.30000000000000004]"), "[0.10000000000000001,0.30000000000000004]");
    says(json_real(1.0 / 3), "0.33333333333333331");
}

TEST_CASE(the_callers_tree_is_not_changed)
{
    json_t *tree = json_pack("{s:f, s:[f]}", "a", 5.0, "b", 6.0);
    char *text = pomex_json_text(tree, NULL);
    assert_string_equal(text, "{\"a\":5,\"b\":[6]}");
    assert_true(json_is_real(json_object_get(tree, "a")));
    free(text);
    json_decref(tree);
}

TEST_CASE(odd_strings_survive)
{
    says(parse("[\"\\u0000\",\"\\ud83d\\ude00\",\"a\\\"[{\\\\\"]"),
         "[\"\\u0000\",\"😀\",\"a\\\"[{\\\\\"]");
    assert_null(parse("{\"k\\u0000\":1.0}")); /* jansson has no keys with a NUL */
    says(parse("null"), "null");
    says(parse(" \"x\" "), "\"x\"");
}

TEST_CASE(what_json_cannot_say_is_no_text)
{
    json_t *bad = json_stringn_nocheck("\xff", 1);
    assert_null(pomex_json_text(bad, NULL));
    json_decref(bad);
    assert_null(pomex_json_text(NULL, NULL));
    json_t *deep = json_array();
    for (int i = 1; i < POMEX_MAX_DEPTH; i++) {
        json_t *outer = json_array();
        json_array_append_new(outer, deep);
        deep = outer;
    }
    char *text = pomex_json_text(deep, NULL);
    assert_non_null(text);
    free(text);
    json_t *outer = json_pack("[o]", deep);
    assert_null(pomex_json_text(outer, NULL));
    json_decref(outer);
}

TEST_CASE(large_numbers_are_read)
{
    json_t *value = parse("[99999999999999999999999, -1e308]");
    assert_non_null(value);
    assert_true(json_real_value(json_array_get(value, 0)) > 9e22);
    json_decref(value);
}

TEST_CASE(depth_is_bounded)
{
    char text[2 * POMEX_MAX_DEPTH + 3] = "";
    memset(text, '[', POMEX_MAX_DEPTH);
    memset(text + POMEX_MAX_DEPTH, ']', POMEX_MAX_DEPTH);
    json_t *value = parse(text);
    assert_non_null(value);
    json_decref(value);
    memset(text, '[', POMEX_MAX_DEPTH + 1);
    memset(text + POMEX_MAX_DEPTH + 1, ']', POMEX_MAX_DEPTH + 1);
    assert_null(parse(text));
    char wide[] =
        "[[],{},[],{},\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
        "[[[[[[[[[[[\\\"[[[\"]";
    value = parse(wide);
    assert_non_null(value);
    json_decref(value);
}

TEST_CASE(size_is_bounded)
{
    size_t size = POMEX_MAX_BODY + 1;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, ' ', size);
    text[0] = '1';
    json_t *value = pomex_json_parse(text, size - 1);
    assert_non_null(value);
    json_decref(value);
    assert_null(pomex_json_parse(text, size));
    free(text);
}

TEST_CASE(garbage_is_refused)
{
    static const char *const bad[] = {
        "",         " ",      "{", "[1,]", "{\"a\":1}x",     "<html>", "nul",
        "\"\xff\"", "{\"a\"", "]", "\"\\", "\xef\xbb\xbf{}", NULL};
    for (size_t i = 0; bad[i]; i++)
        assert_null(parse(bad[i]));
}

TEST_CASE(strings_that_decide)
{
    json_t *value = parse("{\"id\":\"a-1\",\"empty\":\"\",\"nul\":\"a\\u0000b\",\"n\":1}");
    assert_string_equal(pomex_json_string(value, "id"), "a-1");
    assert_null(pomex_json_string(value, "empty"));
    assert_null(pomex_json_string(value, "nul"));
    assert_null(pomex_json_string(value, "n"));
    assert_null(pomex_json_string(value, "absent"));
    assert_null(pomex_json_string(NULL, "id"));
    json_decref(value);
}
