#include "tests/unit/unit.h"

#include <string.h>

#include "gateway/ctl/table.h"

static void text_is_as_wide_as_a_terminal_shows_it(void **state)
{
    (void)state;
    assert_int_equal(text_width(""), 0);
    assert_int_equal(text_width("manhole"), 7);
    assert_int_equal(text_width("窨井"), 4);
    assert_int_equal(text_width("A座（东）"), 9);
    assert_int_equal(text_width("e\xcc\x81"), 1);        /* a combining accent */
    assert_int_equal(text_width("\xf0\xa0\x80\x80"), 2); /* U+20000 */
    assert_int_equal(text_width("é"), 1);
    assert_int_equal(text_width("\xff"), 1); /* shown as '?' */
}

static void what_steers_a_terminal_is_replaced(void **state)
{
    (void)state;
    /* By its bytes, so that this file does not look like an attack of that kind. */
    static const char rtl_override[] = {(char)0xe2, (char)0x80, (char)0xae, 't', 'x', 't', '\0'};
    static const struct {
        const char *text;
        const char *clean;
    } cases[] = {
        {"plain 燃气", "plain 燃气"},
        {"\x1b[31mred", "?[31mred"},
        {"two\nlines\r\t", "two?lines??"},
        {"\xc2\x9b"
         "31m",
         "?31m"}, /* CSI as a single character */
        {rtl_override, "?txt"},
        {"half \xe7\x87", "half ??"},
        {"\xed\xa0\x80", "???"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out;
        buf_init(&out, 100);
        text_clean(cases[i].text, strlen(cases[i].text), &out);
        assert_string_equal(buf_str(&out), cases[i].clean);
        buf_free(&out);
    }
}

static void padding_counts_columns_and_not_bytes(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 100);
    text_pad("窨井", 6, false, &out);
    buf_char(&out, '|');
    text_pad("窨井", 6, true, &out);
    buf_char(&out, '|');
    text_pad("longer than that", 6, true, &out);
    assert_string_equal(buf_str(&out), "窨井  |  窨井|longer than that");
    buf_free(&out);
}

static void expect_table(const struct table *t, size_t indent, const char *expected)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    table_print(t, indent, out);
    fclose(out);
    assert_string_equal(text, expected);
    free(text);
}

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
    (void)state;
    static const char *const cells[] = {"id", "name",        "n",   "7",    "燃气管道", "12",
                                        "8",  "\x1b[2Jpipe", "100", "1234", "",         ""};
    struct table t;
    table_init(&t, 3);
    t.right[2] = true;
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        table_add(&t, cells[i]);
    }
    expect_table(&t, 1,
                 " id    name        n\n"
                 " 7     燃气管道   12\n"
                 " 8     ?[2Jpipe  100\n"
                 " 1234\n");
    table_free(&t);
}

static void a_table_over_its_cap_says_so_and_has_no_half_cell(void **state)
{
    (void)state;
    struct table t;
    table_init(&t, 1);
    t.cells.max = 20;
    table_add(&t, "first");
    table_add(&t, "second");
    table_add(&t, "third is too long");
    table_add(&t, "4");
    expect_table(&t, 0, "first\nsecond\n(the table is too large; the rest is left out)\n");
    table_free(&t);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(text_is_as_wide_as_a_terminal_shows_it),
    cmocka_unit_test(what_steers_a_terminal_is_replaced),
    cmocka_unit_test(padding_counts_columns_and_not_bytes),
    cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
    cmocka_unit_test(a_table_over_its_cap_says_so_and_has_no_half_cell),
};

UNIT_MAIN(tests)
