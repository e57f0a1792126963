/* The files in config/ that people read, held against the schema. */
#include "tests/unit/unit.h"

#include <string.h>

#include "gateway/base/fs.h"
#include "gateway/conf/schema.h"

#define EXAMPLE   "config/lifelined.json"
#define REFERENCE "config/README.md"

static struct diag diag;
static struct conf conf;

static void assert_parses(const char *text)
{
    memset(&diag, 0, sizeof diag);
    const ll_err err = conf_parse(EXAMPLE, text, strlen(text), &diag, &conf);
    for (size_t i = 0; i < diag_kept(&diag); i++) {
        print_error("%s\n", diag.text[i]);
    }
    assert_int_equal(err, LL_OK);
}

static void read_file(const char *path, struct buf *out)
{
    buf_init(out, LL_MAX_TEXT_FILE);
    assert_int_equal(fs_read_file(path, out), LL_OK);
}

static void the_example_is_valid(void **state)
{
    (void)state;
    struct buf text;
    read_file(EXAMPLE, &text);
    assert_parses(buf_str(&text));
    assert_int_equal(conf.destination_count, 1);
    buf_free(&text);
}

static void the_example_is_valid_with_every_setting_uncommented(void **state)
{
    (void)state;
    struct buf text;
    read_file(EXAMPLE, &text);
    for (char *p = strstr(text.data, "//"); p != NULL; p = strstr(p + 1, "//")) {
        if (strchr("\"{}", p[2]) != NULL) {
            p[0] = p[1] = ' ';
        }
    }
    assert_parses(buf_str(&text));
    assert_int_equal(conf.destination_count, 4);
    assert_string_equal(conf.gateway_id, "north-1");
    buf_free(&text);
}

/* Whether `"key":` stands between `from` and `to`. */
static bool has_key(const char *from, const char *to, const char *key)
{
    char quoted[80];
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(from, quoted);
    return at != NULL && at < to;
}

static void assert_has_keys(const char *from, const char *to, const char *section,
                            const struct schema *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct setting *row = &s->rows[i];
        if (row->key != NULL && !has_key(from, to, row->key)) {
            fail_msg("%s: no \"%s\" in \"%s\"", EXAMPLE, row->key, section);
        }
        if (row->type == SETTING_LIST) {
            assert_has_keys(from, to, row->key, &row->rows);
        }
    }
}

static void the_example_shows_every_setting_in_its_section(void **state)
{
    (void)state;
    struct buf text;
    read_file(EXAMPLE, &text);
    for (size_t i = 0; i < conf_schema.count; i++) {
        const struct setting *top = &conf_schema.rows[i];
        char begin[80];
        snprintf(begin, sizeof begin, "\n  \"%s\":", top->key);
        const char *from = strstr(text.data, begin);
        if (from == NULL) {
            fail_msg("%s: no section \"%s\"", EXAMPLE, top->key);
            return;
        }
        const char *to = strstr(from + 1, "\n  \"");
        assert_has_keys(from, to != NULL ? to : text.data + text.len, top->key, &top->rows);
    }
    buf_free(&text);
}

static void the_reference_is_what_the_table_says(void **state)
{
    (void)state;
    struct buf kept;
    struct buf fresh;
    read_file(REFERENCE, &kept);
    buf_init(&fresh, LL_MAX_TEXT_FILE);
    conf_reference(&fresh);
    assert_true(buf_ok(&fresh));
    assert_string_equal(buf_str(&kept), buf_str(&fresh));
    buf_free(&kept);
    buf_free(&fresh);
}

static void the_printed_reference_is_whole(void **state)
{
    (void)state;
    char path[300];
    snprintf(path, sizeof path, "%s/reference.md", unit_tmpdir());
    fflush(stdout);
    const int saved = dup(STDOUT_FILENO);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    dup2(fileno(file), STDOUT_FILENO);
    conf_print_reference();
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    fclose(file);

    struct buf printed;
    struct buf kept;
    read_file(path, &printed);
    read_file(REFERENCE, &kept);
    assert_string_equal(buf_str(&printed), buf_str(&kept));
    buf_free(&printed);
    buf_free(&kept);
}

/* The defaults in the table are within their own bounds: loading {} would name those that are not.
 * Here: what the loader cannot see. */
static void every_row_has_a_sentence_and_every_integer_a_unit(void **state)
{
    (void)state;
    for (size_t i = 0; i < conf_schema.count; i++) {
        const struct schema *s = &conf_schema.rows[i].rows;
        assert_non_null(conf_schema.rows[i].help);
        for (size_t r = 0; r < s->count; r++) {
            assert_non_null(s->rows[r].help);
            assert_true(s->rows[r].type != SETTING_INT || s->rows[r].unit != NULL);
            assert_true(s->rows[r].type != SETTING_CHOICE || s->rows[r].choices != NULL);
        }
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_example_is_valid),
    cmocka_unit_test(the_example_is_valid_with_every_setting_uncommented),
    cmocka_unit_test(the_example_shows_every_setting_in_its_section),
    cmocka_unit_test(the_reference_is_what_the_table_says),
    cmocka_unit_test(the_printed_reference_is_whole),
    cmocka_unit_test(every_row_has_a_sentence_and_every_integer_a_unit),
};

UNIT_MAIN(tests)
