#include "tests/unit/unit.h"

#include <json-c/json.h>
#include <string.h>

#include "gateway/base/jsonfile.h"

static struct diag diag;

static struct jsonfile *parse(const char *text)
{
    struct jsonfile *file = NULL;
    memset(&diag, 0, sizeof diag);
    if (jsonfile_parse("f", text, strlen(text), &diag, &file) != LL_OK) {
        fail_msg("refused: %s", diag.text[0]);
    }
    return file;
}

static void assert_refused(const char *text, size_t len, const char *message)
{
    struct jsonfile *file = NULL;
    memset(&diag, 0, sizeof diag);
    assert_int_equal(jsonfile_parse("f", text, len, &diag, &file), LL_EFORMAT);
    assert_null(file);
    assert_int_equal(diag.count, 1);
    assert_string_equal(diag.text[0], message);
}

#define refused(text, message) assert_refused(text, sizeof(text) - 1, message)

static void each_value_knows_its_line(void **state)
{
    (void)state;
    struct jsonfile *f = parse("// one\n"
                               "/* two\n"
                               "   three */\n"
                               "{ \"a\": 1,\n"
                               "  \"b\": // comment \"c\": {\n"
                               "    [10,\n"
                               "     [20,\n"
                               "      30],\n"
                               "     {\"x\": 'a // no comment \" here',\n"
                               "      \"y\": \"/* nor \\\" here\"}],\n"
                               "  \"c\": null }");
    assert_int_equal(jsonfile_line(f, ""), 4);
    assert_int_equal(jsonfile_line(f, "a"), 4);
    assert_int_equal(jsonfile_line(f, "b"), 6);
    assert_int_equal(jsonfile_line(f, "b[0]"), 6);
    assert_int_equal(jsonfile_line(f, "b[1]"), 7);
    assert_int_equal(jsonfile_line(f, "b[1][0]"), 7);
    assert_int_equal(jsonfile_line(f, "b[1][1]"), 8);
    assert_int_equal(jsonfile_line(f, "b[2]"), 9);
    assert_int_equal(jsonfile_line(f, "b[2].x"), 9);
    assert_int_equal(jsonfile_line(f, "b[2].y"), 10);
    assert_int_equal(jsonfile_line(f, "c"), 11);
    jsonfile_free(f);
}

static void a_path_that_is_not_there_gives_the_line_of_its_nearest_parent(void **state)
{
    (void)state;
    struct jsonfile *f = parse("\n{\"a\":\n{\"b\":\n[1]}}");
    assert_int_equal(jsonfile_line(f, "a.missing"), 3);
    assert_int_equal(jsonfile_line(f, "a.b[7]"), 4);
    assert_int_equal(jsonfile_line(f, "a.b[0].c.d"), 4);
    assert_int_equal(jsonfile_line(f, "z"), 1);
    jsonfile_free(f);
}

static void comments_are_no_values_however_they_end(void **state)
{
    (void)state;
    struct jsonfile *f = parse("{\"a\": [/** two stars **/ 1, /****/ 2, /*/ 9, */ 3], // x **/\n"
                               "/***/ \"b\": \"/*\" }");
    struct json_object *a = NULL;
    struct json_object *b = NULL;
    assert_true(json_object_object_get_ex(jsonfile_root(f), "a", &a));
    assert_true(json_object_object_get_ex(jsonfile_root(f), "b", &b));
    assert_int_equal(json_object_array_length(a), 3);
    assert_int_equal(json_object_get_int(json_object_array_get_idx(a, 2)), 3);
    assert_string_equal(json_object_get_string(b), "/*");
    assert_int_equal(jsonfile_line(f, "b"), 2);
    jsonfile_free(f);
    refused("{}\n\n/* open", "f:3: the comment that begins here does not end");
}

static void a_key_that_stands_twice_is_refused_on_its_line(void **state)
{
    (void)state;
    refused("{\"a\": 1,\n \"b\": {\"a\": 2},\n \"a\": 3}",
            "f:3: key 'a' stands here a second time; remove one");
    refused("{\"x\": [{\"k\": 1},\n{\"k\": 1, \"k\": 2}]}",
            "f:2: key 'x[1].k' stands here a second time; remove one");
}

static void long_keys_that_begin_alike_are_two_keys(void **state)
{
    (void)state;
    char text[1200];
    char key[500];
    memset(key, 'k', sizeof key);
    key[sizeof key - 1] = '\0';
    snprintf(text, sizeof text, "{\"%sa\": 1, \"%sb\": 2}", key, key);
    jsonfile_free(parse(text));
}

static void text_behind_the_value_is_refused(void **state)
{
    (void)state;
    refused("{}\n{}", "f:2: text after the end of the JSON value");
    refused("{}\n\n// comment\n x", "f:4: text after the end of the JSON value");
    refused("{}\0\0", "f:1: text after the end of the JSON value");
    jsonfile_free(parse("{} // comment\n/* another */\n"));
}

static void broken_syntax_is_refused_on_its_line(void **state)
{
    (void)state;
    refused("{\n\"a\": 1,\n\"b\" 2}", "f:3: not valid JSON: object property name separator ':' "
                                      "expected");
    refused("{\"a\": [1,\n2", "f:2: not valid JSON: the text ends too early");
    refused("", "f: the file is empty; a JSON value was expected");
    refused(" // nothing\n", "f: the file is empty; a JSON value was expected");
}

static void nesting_has_a_limit(void **state)
{
    (void)state;
    char text[2 * LL_MAX_JSON_DEPTH + 3];
    memset(text, '[', LL_MAX_JSON_DEPTH + 1);
    memset(text + LL_MAX_JSON_DEPTH + 1, ']', LL_MAX_JSON_DEPTH + 1);
    text[sizeof text - 1] = '\0';
    assert_refused(text, sizeof text - 1, "f:1: not valid JSON: nesting too deep");
    text[sizeof text - 2] = '\0';
    jsonfile_free(parse(text + 1));
}

static void a_file_keeps_its_name_and_text(void **state)
{
    (void)state;
    char path[300];
    static const char content[] = "{\"a\": 1} // end\n";
    snprintf(path, sizeof path, "%s/f.json", unit_tmpdir());
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(content, out);
    fclose(out);

    struct jsonfile *f = NULL;
    size_t len = 0;
    memset(&diag, 0, sizeof diag);
    assert_int_equal(jsonfile_load(path, &diag, &f), LL_OK);
    assert_string_equal(jsonfile_name(f), path);
    assert_string_equal(jsonfile_text(f, &len), content);
    assert_int_equal(len, sizeof content - 1);
    jsonfile_free(f);
    jsonfile_free(NULL);
}

static void a_missing_file_is_named(void **state)
{
    (void)state;
    struct jsonfile *f = NULL;
    memset(&diag, 0, sizeof diag);
    assert_int_equal(jsonfile_load("/nonexistent.json", &diag, &f), LL_ENOENT);
    assert_int_equal(diag.count, 1);
    assert_string_equal(diag.text[0], "/nonexistent.json: cannot be read: not found");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_value_knows_its_line),
    cmocka_unit_test(a_path_that_is_not_there_gives_the_line_of_its_nearest_parent),
    cmocka_unit_test(comments_are_no_values_however_they_end),
    cmocka_unit_test(a_key_that_stands_twice_is_refused_on_its_line),
    cmocka_unit_test(long_keys_that_begin_alike_are_two_keys),
    cmocka_unit_test(text_behind_the_value_is_refused),
    cmocka_unit_test(broken_syntax_is_refused_on_its_line),
    cmocka_unit_test(nesting_has_a_limit),
    cmocka_unit_test(a_file_keeps_its_name_and_text),
    cmocka_unit_test(a_missing_file_is_named),
};

UNIT_MAIN(tests)
