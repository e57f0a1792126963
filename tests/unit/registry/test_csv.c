#include "tests/unit/unit.h"

#include <string.h>

#include "gateway/registry/csv.h"

/* Reads all rows into "line:field|field\n" and faults into "line!why\n". */
static void read_all(const char *text, size_t len, char *out, size_t out_len)
{
    struct csv csv;
    struct csv_row row;
    const char *why = NULL;
    size_t at = 0;
    ll_err err;
    out[0] = '\0';
    csv_init(&csv, text, len);
    while ((err = csv_next(&csv, &row, &why)) != LL_EEND) {
        at += (size_t)snprintf(out + at, out_len - at, "%u%c", row.line, err == LL_OK ? ':' : '!');
        if (err != LL_OK) {
            at += (size_t)snprintf(out + at, out_len - at, "%s", why);
        }
        for (size_t i = 0; i < row.count; i++) {
            at += (size_t)snprintf(out + at, out_len - at, "%s%s", i > 0 ? "|" : "", row.field[i]);
        }
        at += (size_t)snprintf(out + at, out_len - at, "\n");
        assert_true(at < out_len);
    }
    csv_free(&csv);
}

#define ROWS(text, expected)                               \
    do {                                                   \
        char got[2048];                                    \
        read_all(text, sizeof(text) - 1, got, sizeof got); \
        assert_string_equal(got, expected);                \
    } while (0)

static void rows_end_with_either_line_end_or_the_text(void **state)
{
    (void)state;
    ROWS("a,b\nc,d\r\ne,f", "1:a|b\n2:c|d\n3:e|f\n");
    ROWS("a,b\r\n", "1:a|b\n");
    ROWS("a,b\r", "1:a|b\n");
    ROWS("", "");
}

static void a_byte_order_mark_is_skipped(void **state)
{
    (void)state;
    ROWS("\xef\xbb\xbfid,name\n", "1:id|name\n");
}

static void empty_fields_stay_and_blank_lines_go(void **state)
{
    (void)state;
    ROWS("\n\r\n,\n\na,,c,\n", "3:|\n5:a||c|\n");
}

static void quotes_hold_commas_quotes_and_line_ends(void **state)
{
    (void)state;
    ROWS("\"a,b\",\"say \"\"no\"\"\",\"two\nlines\"\nnext,x\n",
         "1:a,b|say \"no\"|two\nlines\n3:next|x\n");
    ROWS("\"\",\"\"\"\"\n", "1:|\"\n");
}

static void spaces_belong_to_fields(void **state)
{
    (void)state;
    ROWS(" a , b\n", "1: a | b\n");
}

static void chinese_text_passes(void **state)
{
    (void)state;
    ROWS("泉州,鲤城区\n", "1:泉州|鲤城区\n");
}

static void a_faulty_row_is_named_and_the_next_is_read(void **state)
{
    (void)state;
    ROWS("a\"b,c\nd,e\n", "1!a quote inside a field that does not begin with one\n2:d|e\n");
    ROWS("\"a\"b,c\nd,e\n", "1!text behind the closing quote of a field\n2:d|e\n");
    ROWS("a\rb,c\nd,e\n", "1!a carriage return without a line feed\n2:d|e\n");
    ROWS("a\0b\nd,e\n", "1!a zero byte; the text must be UTF-8\n2:d|e\n");
    ROWS("\"a\0b\"\nd,e\n", "1!a zero byte; the text must be UTF-8\n2:d|e\n");
    ROWS("\xc4\xcf,c\nd,e\n", "1!not UTF-8; save the file as UTF-8\n2:d|e\n");
}

static void an_open_quote_is_named_by_the_line_it_stands_on(void **state)
{
    (void)state;
    ROWS("a,b\nc,\"d\ne,f\n", "1:a|b\n2!a quoted field does not end\n");
}

static void a_row_has_at_most_64_fields(void **state)
{
    (void)state;
    char text[256];
    char got[1024];
    memset(text, ',', 63);
    snprintf(text + 63, sizeof text - 63, "\nx\n");
    read_all(text, 66, got, sizeof got);
    assert_non_null(strstr(got, "2:x\n"));
    assert_null(strchr(got, '!'));
    memset(text, ',', 64);
    snprintf(text + 64, sizeof text - 64, "\nx\n");
    read_all(text, 67, got, sizeof got);
    assert_string_equal(got, "1!the row has more than 64 fields\n2:x\n");
}

static void a_row_that_is_too_long_is_refused(void **state)
{
    (void)state;
    const size_t len = LL_MAX_CSV_ROW + 3;
    char *text = malloc(len + 1);
    char got[256];
    memset(text, 'a', len);
    snprintf(text + len - 3, 4, "\nx\n");
    read_all(text, len, got, sizeof got);
    assert_string_equal(got, "1!the row is longer than 65536 bytes; a quote may be missing\n2:x\n");
    text[0] = '"';
    read_all(text, len, got, sizeof got);
    assert_non_null(strstr(got, "1!"));
    free(text);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(rows_end_with_either_line_end_or_the_text),
    cmocka_unit_test(a_byte_order_mark_is_skipped),
    cmocka_unit_test(empty_fields_stay_and_blank_lines_go),
    cmocka_unit_test(quotes_hold_commas_quotes_and_line_ends),
    cmocka_unit_test(spaces_belong_to_fields),
    cmocka_unit_test(chinese_text_passes),
    cmocka_unit_test(a_faulty_row_is_named_and_the_next_is_read),
    cmocka_unit_test(an_open_quote_is_named_by_the_line_it_stands_on),
    cmocka_unit_test(a_row_has_at_most_64_fields),
    cmocka_unit_test(a_row_that_is_too_long_is_refused),
};

UNIT_MAIN(tests)
